// Recordings of processes that are gone: taken over from the records, from the bus, or let go.
#include "control/dossier.hpp"
#include "control/egress_service.hpp"
#include "control/kept_job.hpp"
#include "core/log.hpp"
#include "proto/livekit_room.pb.h"

#include <utility>

namespace aircheck::control {
namespace {

constexpr Nanoseconds kFetchAgain = 3s;
/// So long a store that does not answer is waited for, before the call itself counts for more.
constexpr Nanoseconds kFetchPatience = 60s;

bool may_pass(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::Timeout;
}

}  // namespace

void EgressService::adopt(records::Recording recording) {
    fetch_past(std::move(recording), monotonic_now());
}

void EgressService::fetch_past(records::Recording recording, Instant since) {
    remote_pool_.run([this, recording = std::move(recording), since] {
        auto fetched = recorder_.fetch(recording.egress_id);
        if (!fetched && fetched.error().code == Errc::AlreadyExists) {
            // It was ours before.
            fetched = recorder_.last_written(recording.egress_id);
        }
        home_.post([this, alive = std::weak_ptr<bool>(alive_), recording, since, fetched] {
            if (!alive.expired()) on_past(recording, since, fetched);
        });
    });
}

void EgressService::on_past(
    records::Recording recording, Instant since, const Result<WallTime>& fetched
) {
    const std::string egress_id = recording.egress_id;
    if (!fetched) {
        log::warn(
            "recording.past_not_fetched",
            {{"egress", egress_id}, {"error", fetched.error().to_string()}}
        );
        if (may_pass(fetched.error()) && monotonic_now() - since < kFetchPatience) {
            auto& timer = asking_[egress_id] = std::make_unique<net::Timer>(home_);
            timer->after(kFetchAgain, [this, recording, since] { fetch_past(recording, since); });
            return;
        }
    }
    asking_.erase(egress_id);
    Result<Unfinished> one = open_unfinished(recording);
    if (fetched && one) {
        one->last_written = *fetched;
        return resume(*std::move(one));
    }
    auto job = open_job(recording.sealed_job, egress_id, options_.links.secrets_key);
    const bool goes_on = recording.status < records::RecordingStatus::Ending;
    if (!job || !goes_on) {
        const Error why = !job ? job.error() : one ? fetched.error() : one.error();
        records_pool_.run([this, recording, why] { fail_unfinished(recording, why); });
        return;
    }
    Unfinished anew;
    anew.job = *std::move(job);
    anew.recording = std::move(recording);
    anew.last_written = wall_now();
    apply_reach(anew.job.destination);
    if (anew.job.segments) apply_reach(anew.job.segments->destination);
    begin_anew(std::move(anew));
}

/// Nothing is left of what was: if the call goes on, the rest of it is recorded.
void EgressService::begin_anew(Unfinished one) {
    remote_pool_.run([this, one = std::move(one)] {
        const auto rooms = rooms_.list_rooms({one.job.room_name});
        if (!rooms && wall_now() - one.last_written < options_.rejoin_window) {
            home_.post([this, alive = std::weak_ptr<bool>(alive_), one] {
                if (alive.expired()) return;
                auto& timer = asking_[one.recording.egress_id] =
                    std::make_unique<net::Timer>(home_);
                timer->after(kFetchAgain, [this, one] { begin_anew(one); });
            });
            return;
        }
        const bool lives =
            rooms && rooms->rooms_size() > 0 && rooms->rooms(0).sid() == one.recording.room_sid;
        if (!lives) {
            const Error why{
                make_error_code(Errc::NotFound),
                "the machine that recorded it is gone, and no journal of it was copied"};
            records_pool_.run([this, one, why] { fail_unfinished(one.recording, why); });
            return;
        }
        home_.post([this, alive = std::weak_ptr<bool>(alive_), one] {
            if (!alive.expired()) run_again(one);
        });
    });
}

void EgressService::run_again(Unfinished one) {
    const std::string egress_id = one.recording.egress_id;
    asking_.erase(egress_id);
    RecordingRequest request = request_of(one.job, one.recording, options_.links.secrets_key);
    const records::Gap lost{one.recording.started_at, wall_now(), "restart"};
    log::error(
        "recording.begun_anew",
        {{"egress", egress_id}, {"lost_s", to_seconds(lost.end - lost.start)}}
    );
    // Copies of what came before, which the store may still give, are not written over.
    one.job.dossier.clear();
    if (auto begun = launch(std::move(request), std::move(one.job), one.recording); !begun) {
        records_pool_.run([this, recording = one.recording, why = begun.error()] {
            fail_unfinished(recording, why);
        });
        return;
    }
    running_[egress_id].gap_before = lost;
}

void EgressService::adopt_from_bus(
    const std::string& egress_id, std::function<void(Adoption adoption)> on_done
) {
    records_pool_.run([this, egress_id, on_done = std::move(on_done)] {
        auto recording = store_.find_recording(egress_id);
        // Records that cannot be asked say nothing: the bus asks again later.
        const bool is_unknown = !recording && recording.error().code == Errc::NotFound;
        Adoption adoption = recording || is_unknown ? Adoption::Never : Adoption::Anothers;
        if (recording && !records::is_final(recording->status)) {
            const std::string owner = recording->worker;
            const auto taken = owner == options_.worker
                                   ? Result<bool>(true)
                                   : store_.take_over({egress_id, owner, options_.worker});
            adoption = taken && *taken ? Adoption::Ours : Adoption::Anothers;
        }
        home_.post([this, alive = std::weak_ptr<bool>(alive_), recording, adoption, on_done] {
            if (alive.expired()) return;
            on_done(adoption);
            if (adoption != Adoption::Ours || running_.contains(recording->egress_id)) return;
            records::Recording ours = *recording;
            ours.worker = options_.worker;
            adopt(std::move(ours));
        });
    });
}

void EgressService::abandon(const std::string& egress_id) {
    const auto it = running_.find(egress_id);
    if (it == running_.end()) return;
    log::warn("recording.abandoned", {{"egress", egress_id}, {"why", "another worker has it"}});
    if (options_.admission != nullptr) options_.admission->end(egress_id, monotonic_now());
    running_.erase(it);  // What the recorder still tells is heard by nobody.
    recorder_.abandon(egress_id);
}

}  // namespace aircheck::control
