#include "control/bus_leases.hpp"

#include "core/log.hpp"
#include "proto/livekit_egress.pb.h"

#include <utility>

namespace aircheck::control {
namespace {

// One {tag} for all, so that a cluster keeps them together.
constexpr const char* kOwners = "{aircheck}:owners";
constexpr const char* kJobs = "{aircheck}:jobs";
constexpr int kBeatsPerLease = 3;
constexpr const char* kEndingSeconds = "60";

std::string key_of_worker(const std::string& worker_id) { return "{aircheck}:worker:" + worker_id; }
std::string key_of_ending(const std::string& egress_id) { return "{aircheck}:ending:" + egress_id; }

std::optional<livekit::EgressInfo> parse_state(const std::string& bytes) {
    livekit::EgressInfo info;
    if (bytes.empty() || !info.ParseFromString(bytes)) return {};
    return info;
}

}  // namespace

BusLeases::BusLeases(MessageBus& bus, BusClock& clock, Options options, Handlers handlers)
    : bus_(bus), clock_(clock), options_(std::move(options)), handlers_(std::move(handlers)) {}

BusLeases::~BusLeases() { clock_.cancel(beat_); }

MessageBus::OnReply BusLeases::guarded(MessageBus::OnReply done) const {
    return [alive = std::weak_ptr<bool>(alive_), done = std::move(done)](auto reply) {
        if (!alive.expired()) done(std::move(reply));
    };
}

void BusLeases::start() { beat(); }

void BusLeases::beat() {
    if (bus_.is_connected()) {
        if (!connected_at_) connected_at_ = clock_.now();
        renew();
        look();
    } else {
        connected_at_.reset();
    }
    beat_ = clock_.after(options_.lease / kBeatsPerLease, [this] { beat(); });
}

void BusLeases::renew() {
    const auto lease = std::chrono::duration_cast<std::chrono::milliseconds>(options_.lease);
    bus_.command(
        {"SET", key_of_worker(options_.worker_id), "1", "PX", std::to_string(lease.count())}, {}
    );
}

void BusLeases::reconnected() {
    connected_at_ = clock_.now();
    missing_.clear();
    renew();
    for (const auto& [egress_id, state] : own_) {
        bus_.command(
            {"HSETNX", kOwners, egress_id, options_.worker_id},
            guarded([this, id = egress_id](const auto& reply) {
                const bool was_lost = reply && !reply->empty() && reply->front() == "1";
                if (was_lost && own_.contains(id)) handlers_.forgotten(id);
            })
        );
        if (!state.empty()) bus_.command({"HSET", kJobs, egress_id, state}, {});
    }
}

// --- This worker's jobs --------------------------------------------------------------------------

void BusLeases::claim(const std::string& egress_id, std::function<void(Owner owner)> done) {
    const auto take = [this, egress_id, done] {
        own_.try_emplace(egress_id);
        done(Owner::This);
    };
    const auto ask_alive = [this, egress_id, done, take](const std::string& worker_id) {
        bus_.command({"EXISTS", key_of_worker(worker_id)}, guarded([=, this](const auto& reply) {
                         if (!reply || reply->empty()) return done(Owner::Unknown);
                         if (reply->front() == "1") return done(Owner::Another);
                         bus_.command({"HSET", kOwners, egress_id, options_.worker_id}, {});
                         take();
                     }));
    };
    const auto ask_owner = [this, egress_id, done, take, ask_alive] {
        bus_.command({"HGET", kOwners, egress_id}, guarded([=, this](const auto& reply) {
                         if (!reply || reply->empty()) return done(Owner::Unknown);
                         if (reply->front() == options_.worker_id) return take();
                         ask_alive(reply->front());
                     }));
    };
    bus_.command(
        {"HSETNX", kOwners, egress_id, options_.worker_id},
        guarded([this, done, take, ask_owner](const auto& reply) {
            if (!reply && reply.error().code == Errc::Failed) {
                // Its rights end there: calls are worth more than the watch over dead workers.
                if (!std::exchange(is_refused_, true)) {
                    log::warn("bus.no_leases", {{"error", reply.error().to_string()}});
                }
                return take();
            }
            if (!reply || reply->empty()) return done(Owner::Unknown);
            if (reply->front() == "1") return take();
            ask_owner();
        })
    );
}

void BusLeases::put(const livekit::EgressInfo& info) {
    std::string& state = own_[info.egress_id()];
    state = info.SerializeAsString();
    bus_.command({"HSET", kOwners, info.egress_id(), options_.worker_id}, {});
    bus_.command({"HSET", kJobs, info.egress_id(), state}, {});
}

void BusLeases::release(const std::string& egress_id) {
    own_.erase(egress_id);
    released_.insert(egress_id);
    bus_.command({"HDEL", kOwners, egress_id}, {});
    bus_.command({"HDEL", kJobs, egress_id}, {});
}

void BusLeases::read(const std::string& egress_id, OnState done) {
    bus_.command({"HGET", kJobs, egress_id}, guarded([done = std::move(done)](const auto& reply) {
                     done(reply && !reply->empty() ? parse_state(reply->front()) : std::nullopt);
                 }));
}

// --- Others' jobs --------------------------------------------------------------------------------

void BusLeases::look() {
    released_.clear();
    bus_.command({"HGETALL", kOwners}, guarded([this](const auto& reply) {
                     if (!reply) return;
                     Owners owners;
                     std::set<std::string> workers;
                     for (std::size_t i = 0; i + 1 < reply->size(); i += 2) {
                         owners.emplace_back((*reply)[i], (*reply)[i + 1]);
                         workers.insert((*reply)[i + 1]);
                     }
                     // A former process of this worker: what it had and this one does not know.
                     judge(owners, options_.worker_id, false);
                     workers.erase(options_.worker_id);
                     std::erase_if(missing_, [&](const auto& one) {
                         return !workers.contains(one);
                     });
                     for (const std::string& worker_id : workers) {
                         bus_.command(
                             {"EXISTS", key_of_worker(worker_id)},
                             guarded([this, owners, worker_id](const auto& exists) {
                                 if (!exists || exists->empty()) return;
                                 judge(owners, worker_id, exists->front() == "1");
                             })
                         );
                     }
                 }));
}

void BusLeases::judge(const Owners& owners, const std::string& worker_id, bool is_alive) {
    if (is_alive) {
        missing_.erase(worker_id);
        return;
    }
    const bool is_this = worker_id == options_.worker_id;
    const bool is_seen_long = connected_at_ && clock_.now() - *connected_at_ >= options_.lease;
    if (!is_this && (!is_seen_long || missing_.insert(worker_id).second)) return;
    for (const auto& [egress_id, owner] : owners) {
        const bool is_known = own_.contains(egress_id) || released_.contains(egress_id);
        if (owner == worker_id && !is_known) end_for(egress_id, worker_id);
    }
}

void BusLeases::end_for(const std::string& egress_id, const std::string& worker_id) {
    bus_.command(
        {"SET", key_of_ending(egress_id), options_.worker_id, "EX", kEndingSeconds, "NX"},
        guarded([this, egress_id, worker_id](const auto& reply) {
            const bool is_ours = reply && !reply->empty() && reply->front() == "OK";
            if (!is_ours || own_.contains(egress_id)) return;
            log::warn("bus.worker_gone", {{"worker", worker_id}, {"egress", egress_id}});
            own_.try_emplace(egress_id);
            bus_.command({"HSET", kOwners, egress_id, options_.worker_id}, {});
            read(egress_id, [this, egress_id, worker_id](auto state) {
                if (state) own_[egress_id] = state->SerializeAsString();
                handlers_.orphan(egress_id, worker_id, std::move(state));
            });
        })
    );
}

void BusLeases::leave(const std::string& egress_id, const std::string& worker_id) {
    own_.erase(egress_id);
    bus_.command({"HSET", kOwners, egress_id, worker_id}, {});
}

}  // namespace aircheck::control
