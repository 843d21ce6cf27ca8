#pragma once

#include "control/bus_leases.hpp"
#include "control/bus_reporter.hpp"
#include "control/bus_spool.hpp"
#include "control/bus_worker.hpp"
#include "control/psrpc_client.hpp"
#include "control/psrpc_server.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/livekit_rpc.pb.h"

#include <map>
#include <optional>
#include <utility>

namespace aircheck::control {

template <typename Message>
[[nodiscard]] std::optional<Message> parse(std::string_view bytes) {
    Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
    return message;
}
template <typename Message>
[[nodiscard]] bool parses(std::string_view bytes) {
    return parse<Message>(bytes).has_value();
}

/// What BusWorker hides; for its own .cpp files: `bus_worker` registers and starts jobs,
/// `bus_worker_reports` tells their states and ends what was lost.
struct BusWorker::Impl {
    using Respond = PsrpcServer::Respond;

    /// A job between the caller's choice of this worker and the host's answer.
    struct Starting {
        std::vector<Respond> waiting;
        std::optional<livekit::EgressInfo> early;  ///< Told before the host had answered.
        livekit::EgressInfo answer;
        int steps_left = 2;  ///< Until the answer: Stop can come, livekit-server knows the job.
        BusClock::TimerId patience = 0;
    };

    Impl(MessageBus& on, BusClock& with, JobHost& for_host, Options all)
        : bus(on),
          clock(with),
          host(for_host),
          options(std::move(all)),
          server(on, with),
          io(on, with, "IOInfo"),
          reporter(
              io, with, {options.create_timeout, options.update_timeout, options.selection_timeout}
          ),
          leases(
              on,
              with,
              {options.worker_id, options.lease},
              {[this](const auto& id, const auto& worker, auto state) {
                   orphan(id, worker, std::move(state));
               },
               [this](const auto& id) { forgotten(id); }}
          ) {}

    ~Impl() {
        for (const auto& [id, one] : starting) clock.cancel(one.patience);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void take_up();
    void serve_starts();
    void serve_job(const std::string& egress_id, std::function<void()> on_ready);
    void connected();
    [[nodiscard]] bool is_healthy() const;

    [[nodiscard]] float bid(const rpc::StartEgressRequest& request) const;
    void start(const rpc::StartEgressRequest& request, WallTime expires, Respond respond);
    void start_claimed(const rpc::StartEgressRequest& request, WallTime expires);
    void started(WallTime expires, const livekit::EgressInfo& info);
    void pass_step(const std::string& egress_id);
    void answer(const std::string& egress_id, const RpcAnswer<std::string>& result);
    void answer_repeated(const std::string& egress_id);
    void refuse(const std::string& egress_id, const RpcError& error);

    void report(const livekit::EgressInfo& info);
    void keep(const livekit::EgressInfo& info);
    void finished(const std::string& egress_id);
    void orphan(
        const std::string& egress_id,
        const std::string& worker_id,
        std::optional<livekit::EgressInfo> state
    );
    void judge_orphan(const livekit::EgressInfo& info, const std::string& worker_id);
    void end_lost(livekit::EgressInfo info, const std::string& why);
    void forgotten(const std::string& egress_id);

    MessageBus& bus;
    BusClock& clock;
    JobHost& host;
    Options options;
    std::optional<BusSpool> spool;
    /// From acceptance until the last state was taken.
    std::map<std::string, livekit::EgressInfo> jobs;
    std::map<std::string, Starting> starting;
    bool is_draining = false;
    Counters counters;
    PsrpcServer server;
    PsrpcClient io;
    BusReporter reporter;
    BusLeases leases;
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

}  // namespace aircheck::control
