#include "control/bus_worker_impl.hpp"
#include "core/log.hpp"

#include <utility>

namespace aircheck::control {

void BusWorker::Impl::report(const livekit::EgressInfo& info) {
    const std::string& id = info.egress_id();
    if (const auto it = starting.find(id); it != starting.end() && !jobs.contains(id)) {
        it->second.early = info;
        return;
    }
    if (!jobs.contains(id)) return;
    keep(info);
    reporter.update(info);
}

void BusWorker::Impl::keep(const livekit::EgressInfo& info) {
    jobs[info.egress_id()] = info;
    leases.put(info);
    if (const auto kept = spool->keep(info); !kept) {
        log::error("bus.state_not_kept", {{"error", kept.error().to_string()}});
    }
}

void BusWorker::Impl::finished(const std::string& egress_id) {
    server.withdraw({"EgressHandler", "StopEgress", egress_id});
    server.withdraw({"EgressHandler", "UpdateStream", egress_id});
    leases.release(egress_id);
    spool->forget(egress_id);
    jobs.erase(egress_id);
}

/// `info` as it is to be told when whoever recorded it is gone. What had ended, ended as it did.
void BusWorker::Impl::end_lost(livekit::EgressInfo info, const std::string& why) {
    auto begun = info;
    begun.set_status(livekit::EgressStatus::EGRESS_STARTING);
    if (!is_over(info)) {
        const auto now = unix_nanoseconds(clock.wall());
        info.set_status(livekit::EgressStatus::EGRESS_FAILED);
        info.set_error(why);
        info.set_error_code(500);
        info.set_details("End reason: Failure");
        info.set_updated_at(now);
        info.set_ended_at(now);
    }
    log::error("bus.job_lost", {{"egress", info.egress_id()}, {"error", info.error()}});
    keep(info);
    reporter.create(begun, {});
    reporter.update(info);
}

/// Asked first is livekit-server: the worker may have told it the end just before its own.
void BusWorker::Impl::orphan(
    const std::string& egress_id,
    const std::string& worker_id,
    std::optional<livekit::EgressInfo> state
) {
    rpc::GetEgressRequest request;
    request.set_egress_id(egress_id);
    io.call(
        "GetEgress",
        request.SerializeAsString(),
        {options.update_timeout, options.selection_timeout},
        [this, egress_id, worker_id, state = std::move(state)](RpcAnswer<std::string> answer) {
            const bool is_unknown = !answer && answer.error().code == "not_found";
            if (!answer && !is_unknown) return leases.leave(egress_id, worker_id);
            const auto known = answer ? parse<livekit::EgressInfo>(*answer) : std::nullopt;
            const auto info = state ? state : known;
            if (!info || (known && is_over(*known))) return leases.release(egress_id);
            judge_orphan(*info, worker_id);
        }
    );
}

/// A job that is not over goes on here, if the host knows how.
void BusWorker::Impl::judge_orphan(const livekit::EgressInfo& info, const std::string& worker_id) {
    const auto end_here = [this, info, worker_id] {
        ++counters.ended_for_others;
        end_lost(info, "the recorder that had this job is gone (worker " + worker_id + ")");
    };
    if (is_over(info)) return end_here();
    if (is_draining) return leases.leave(info.egress_id(), worker_id);
    host.take_over(
        info.egress_id(),
        [this, guard = std::weak_ptr<bool>(alive), info, worker_id, end_here](auto taken) {
            if (guard.expired()) return;
            if (taken == JobHost::TakenOver::Not) return end_here();
            if (taken == JobHost::TakenOver::NotGone) {
                return leases.leave(info.egress_id(), worker_id);
            }
            ++counters.taken_over;
            keep(info);
            serve_job(info.egress_id(), {});
        }
    );
}

/// Redis was emptied, and livekit-server's own record of the job with it; or another worker, which
/// took this one for dead, has ended the job. livekit-server hears how it is.
void BusWorker::Impl::forgotten(const std::string& egress_id) {
    const auto it = jobs.find(egress_id);
    if (it != jobs.end() && !starting.contains(egress_id)) reporter.update(it->second);
}

}  // namespace aircheck::control
