#include "control/worker_leases.hpp"

#include "control/announcement.hpp"
#include "core/log.hpp"

#include <utility>

namespace aircheck::control {
namespace {

constexpr int kBeatsPerLease = 4;
/// One process does not take all that another left; the rest is there for the others.
constexpr int kMostAtOnce = 4;

}  // namespace

WorkerLeases::WorkerLeases(
    net::Loop& home,
    net::Pool& records_pool,
    records::Store& store,
    Options options,
    Handlers handlers
)
    : home_(home),
      records_pool_(records_pool),
      store_(store),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      timer_(home) {}

WorkerLeases::~WorkerLeases() { *alive_ = false; }

void WorkerLeases::beat() {
    timer_.after(options_.lease / kBeatsPerLease, [this] { beat(); });
    records_pool_.run([this,
                       alive = std::weak_ptr<bool>(alive_),
                       running = handlers_.running(),
                       is_draining = is_draining_] {
        const auto held = alive.lock();
        if (!held) return;
        auto kept = store_.keep_alive(options_.worker, options_.lease);
        auto seen = std::make_shared<Result<Look>>(Look());
        if (kept)
            *seen = look(running, is_draining);
        else
            *seen = tl::unexpected(kept.error());
        home_.post([this, alive, seen] {
            if (alive.expired() || !*alive.lock()) return;
            if (!*seen && !is_away_) {
                log::warn("worker.lease_not_kept", {{"error", seen->error().to_string()}});
            }
            is_away_ = !*seen;
            if (is_away_) return;
            for (const std::string& egress_id : (*seen)->lost) handlers_.lost(egress_id);
            for (records::Recording& one : (*seen)->taken) handlers_.taken_over(std::move(one));
        });
    });
}

Result<WorkerLeases::Look> WorkerLeases::look(
    const std::vector<std::string>& running, bool is_draining
) {
    Look seen;
    AC_TRY(const auto workers, store_.workers_of(running));
    for (const auto& [egress_id, worker] : workers) {
        if (worker != options_.worker) seen.lost.push_back(egress_id);
    }
    if (is_draining) return seen;
    AC_TRY(auto orphans, store_.orphans(kMostAtOnce, std::string(kOriginBus)));
    for (records::Recording& orphan : orphans) {
        AC_TRY(
            const bool is_ours, store_.take_over({orphan.egress_id, orphan.worker, options_.worker})
        );
        if (!is_ours) continue;
        log::warn(
            "recording.taken_over",
            {{"egress", orphan.egress_id}, {"room", orphan.room_name}, {"from", orphan.worker}}
        );
        orphan.worker = options_.worker;
        seen.taken.push_back(std::move(orphan));
    }
    return seen;
}

}  // namespace aircheck::control
