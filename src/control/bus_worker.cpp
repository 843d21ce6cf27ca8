#include "control/bus_worker.hpp"

#include "control/bus_worker_impl.hpp"
#include "core/id.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

/// Left of a caller's time for the answer's way back.
constexpr Nanoseconds kAnswerMargin = 2s;
/// No report taken for this long: no more jobs.
constexpr Nanoseconds kUnhealthyAfter = std::chrono::minutes(10);

RpcAnswer<std::string> serialised(const RpcAnswer<livekit::EgressInfo>& answer) {
    if (!answer) return tl::unexpected(answer.error());
    return answer->SerializeAsString();
}

}  // namespace

// --- Registering ---------------------------------------------------------------------------------

Result<> BusWorker::open() {
    AC_TRY(impl_->spool, BusSpool::open(impl_->options.folder));
    return {};
}

Result<> BusWorker::start() {
    Impl& all = *impl_;
    if (!all.spool) AC_CHECK_OK(open());
    all.reporter.on_finished([&all](const std::string& egress_id) { all.finished(egress_id); });
    all.bus.on_connected([&all, alive = std::weak_ptr<bool>(all.alive)] {
        if (!alive.expired()) all.connected();
    });
    all.take_up();
    all.serve_starts();
    all.leases.start();
    return {};
}

/// What a former process left: ended states are told again, others have ended with it.
void BusWorker::Impl::take_up() {
    const auto active = host.active();
    for (livekit::EgressInfo& info : spool->all()) {
        if (std::find(active.begin(), active.end(), info.egress_id()) != active.end()) {
            keep(info);
            serve_job(info.egress_id(), {});
            reporter.create(info, {});
            reporter.update(info);
        } else {
            end_lost(std::move(info), "aircheck was restarted during the recording");
        }
    }
}

void BusWorker::Impl::serve_starts() {
    PsrpcServer::Service starts;
    starts.method = {"EgressInternal", "StartEgress", options.cluster_id};
    starts.parses = parses<rpc::StartEgressRequest>;
    starts.affinity = [this](std::string_view argument) {
        return bid(*parse<rpc::StartEgressRequest>(argument));
    };
    starts.call = [this](std::string_view argument, WallTime expires, Respond respond) {
        start(*parse<rpc::StartEgressRequest>(argument), expires, std::move(respond));
    };
    server.serve(std::move(starts), [] { log::info("bus.ready"); });

    PsrpcServer::Service list;
    list.method = {"EgressInternal", "ListActiveEgress", options.cluster_id};
    list.with_claim = false;
    list.parses = parses<rpc::ListActiveEgressRequest>;
    list.call = [this](std::string_view, WallTime, const Respond& respond) {
        rpc::ListActiveEgressResponse response;
        for (const auto& [egress_id, job] : jobs) {
            if (!is_over(job)) response.add_egress_ids(egress_id);
        }
        respond(response.SerializeAsString());
    };
    server.serve(std::move(list));
}

void BusWorker::Impl::serve_job(const std::string& egress_id, std::function<void()> on_ready) {
    PsrpcServer::Service stop;
    stop.method = {"EgressHandler", "StopEgress", egress_id};
    stop.queued = true;
    stop.parses = parses<livekit::StopEgressRequest>;
    stop.call = [this, egress_id](std::string_view, WallTime, Respond respond) {
        ++counters.stopped;
        host.stop(egress_id, [respond = std::move(respond)](const auto& answer) {
            respond(serialised(answer));
        });
    };
    server.serve(std::move(stop));

    PsrpcServer::Service update;
    update.method = {"EgressHandler", "UpdateStream", egress_id};
    update.queued = true;
    update.parses = parses<livekit::UpdateStreamRequest>;
    update.call = [this, egress_id](std::string_view argument, WallTime, Respond respond) {
        ++counters.streams_updated;
        auto request = *parse<livekit::UpdateStreamRequest>(argument);
        request.set_egress_id(egress_id);
        host.update_stream(request, [respond = std::move(respond)](const auto& answer) {
            respond(serialised(answer));
        });
    };
    server.serve(std::move(update), std::move(on_ready));
}

void BusWorker::Impl::connected() {
    leases.reconnected();
    reporter.hurry();
}

bool BusWorker::Impl::is_healthy() const {
    const auto failing = reporter.failing_since();
    return bus.is_connected() && !(failing && clock.now() - *failing > kUnhealthyAfter);
}

// --- Starting ------------------------------------------------------------------------------------

float BusWorker::Impl::bid(const rpc::StartEgressRequest& request) const {
    // A caller that asks again for what is here already must come here again.
    const std::string& id = request.egress_id();
    if (jobs.contains(id) || starting.contains(id)) return 1;
    if (is_draining || !is_healthy()) return -1;
    return std::clamp(host.affinity(request), -1.0f, 1.0f);
}

void BusWorker::Impl::start(
    const rpc::StartEgressRequest& request, WallTime expires, Respond respond
) {
    const std::string id = request.egress_id();
    if (!is_id(id, "EG_")) {
        ++counters.refused;
        return respond(rpc_fail("invalid_argument", "'" + id + "' is no egress id"));
    }
    if (const auto it = jobs.find(id); it != jobs.end()) {
        ++counters.repeated;
        return respond(it->second.SerializeAsString());
    }
    auto& waiting = starting[id].waiting;
    waiting.push_back(std::move(respond));
    if (waiting.size() > 1) {
        ++counters.repeated;
        return;
    }
    leases.claim(id, [this, request, expires, id](BusLeases::Owner owner) {
        switch (owner) {
            case BusLeases::Owner::This:
                return start_claimed(request, expires);
            case BusLeases::Owner::Another:
                return answer_repeated(id);
            case BusLeases::Owner::Unknown:
                return refuse(id, {"unavailable", "the recorder lost its connection to Redis"});
        }
    });
}

void BusWorker::Impl::start_claimed(const rpc::StartEgressRequest& request, WallTime expires) {
    const std::string id = request.egress_id();
    host.start(
        request,
        [this, gate = std::weak_ptr<bool>(alive), id, expires](RpcAnswer<livekit::EgressInfo> answer
        ) {
            if (gate.expired()) return;
            if (!answer) {
                leases.release(id);
                return refuse(id, answer.error());
            }
            answer->set_egress_id(id);
            started(expires, *answer);
        }
    );
}

/// The answer waits until livekit-server knows the job and Stop can come: its own CreateEgress,
/// which follows the answer, must find it, or there are two `egress_started`.
void BusWorker::Impl::started(WallTime expires, const livekit::EgressInfo& info) {
    const std::string id = info.egress_id();
    ++counters.started;
    Starting& one = starting[id];
    one.answer = info;
    const auto early = std::exchange(one.early, std::nullopt);
    const Nanoseconds left = expires - clock.wall() - kAnswerMargin;
    one.patience = clock.after(std::max<Nanoseconds>(left, 0s), [this, id] {
        answer(id, starting[id].answer.SerializeAsString());
    });
    keep(info);
    serve_job(id, [this, id] { pass_step(id); });
    reporter.create(info, [this, id] { pass_step(id); });
    if (early) report(*early);
}

void BusWorker::Impl::pass_step(const std::string& egress_id) {
    const auto it = starting.find(egress_id);
    if (it == starting.end() || --it->second.steps_left > 0) return;
    answer(egress_id, it->second.answer.SerializeAsString());
}

void BusWorker::Impl::answer(const std::string& egress_id, const RpcAnswer<std::string>& result) {
    const auto it = starting.find(egress_id);
    if (it == starting.end()) return;
    const Starting one = std::move(it->second);
    starting.erase(it);
    clock.cancel(one.patience);
    for (const Respond& respond : one.waiting) respond(result);
}

void BusWorker::Impl::refuse(const std::string& egress_id, const RpcError& error) {
    ++counters.refused;
    answer(egress_id, tl::unexpected(error));
}

/// Another worker has it, because the caller did not hear its answer: the caller gets it from here.
void BusWorker::Impl::answer_repeated(const std::string& egress_id) {
    ++counters.repeated;
    leases.read(egress_id, [this, egress_id](const auto& state) {
        if (state) return answer(egress_id, state->SerializeAsString());
        answer(egress_id, rpc_fail("already_exists", "another recorder has just begun with it"));
    });
}

// --- The interface -------------------------------------------------------------------------------

BusWorker::BusWorker(MessageBus& bus, BusClock& clock, JobHost& host, Options options)
    : impl_(std::make_unique<Impl>(bus, clock, host, std::move(options))) {}
BusWorker::~BusWorker() = default;

void BusWorker::report(const livekit::EgressInfo& info) { impl_->report(info); }

void BusWorker::drain() {
    impl_->is_draining = true;
    impl_->server.withdraw({"EgressInternal", "StartEgress", impl_->options.cluster_id});
}

bool BusWorker::is_settled() const { return impl_->jobs.empty() && impl_->starting.empty(); }
bool BusWorker::is_healthy() const { return impl_->is_healthy(); }

BusWorker::Counters BusWorker::counters() const {
    Counters counters = impl_->counters;
    counters.reports = impl_->reporter.counters().calls;
    counters.report_retries = impl_->reporter.counters().retries;
    return counters;
}

}  // namespace aircheck::control
