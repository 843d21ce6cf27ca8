#pragma once

#include "control/bus_reporter.hpp"
#include "control/bus_worker.hpp"
#include "control/fake_bus_test.hpp"
#include "control/psrpc_server.hpp"
#include "control/psrpc_wire.hpp"
#include "core/id.hpp"
#include "core/temp_folder_testing.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/livekit_rpc.pb.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::control::testing {

inline std::string status_of(const livekit::EgressInfo& info) {
    return livekit::EgressStatus_Name(info.status()).substr(7);
}

/// livekit-server as the bus sees it: IOInfo with its store and its webhooks (livekit-wire 7.5),
/// and the caller of StartEgress, StopEgress and UpdateStream.
class FakeLivekit {
public:
    FakeLivekit(FakeRedis& redis, ManualClock& clock);

    struct Answer {
        bool has_come = false;
        std::string error;  ///< "code: words", or "".
        livekit::EgressInfo info;
    };
    /// Calls, and chooses the highest bid of those that come at once.
    Answer call(const RpcMethod& method, const std::string& argument);
    Answer start(const std::string& egress_id, const std::string& room = "room");
    Answer stop(const std::string& egress_id);
    Answer update_stream(const std::string& egress_id, const std::string& url);
    /// What the last call has got by now.
    Answer last() const { return *last_; }

    std::map<std::string, livekit::EgressInfo> store;
    std::vector<std::string> webhooks;  ///< "started EG_1", "updated EG_1 ACTIVE", "ended …".
    std::optional<RpcError> refusal;    ///< What IOInfo answers instead.
    FakeBus bus;

private:
    void serve(const std::string& name);
    RpcAnswer<std::string> take(const std::string& method, std::string_view argument);

    ManualClock& clock_;
    PsrpcServer server_;
    std::string request_id_;
    std::string chosen_;  ///< Server id of the highest bid.
    float highest_ = 0;
    std::shared_ptr<Answer> last_ = std::make_shared<Answer>();
};

/// A host that does what the test says.
class FakeHost final : public JobHost {
public:
    float affinity(const rpc::StartEgressRequest&) override { return bid; }
    void start(const rpc::StartEgressRequest& request, OnInfo on_info) override;
    void stop(const std::string& egress_id, OnInfo on_info) override;
    void update_stream(const livekit::UpdateStreamRequest& request, OnInfo on_info) override;
    [[nodiscard]] std::vector<std::string> active() const override { return running; }
    void take_over(const std::string& egress_id, std::function<void(TakenOver taken)> on_done)
        override {
        calls.push_back("take over " + egress_id);
        if (takes == TakenOver::Yes) running.push_back(egress_id);
        on_done(takes);
    }

    TakenOver takes = TakenOver::Not;
    float bid = 1;
    std::optional<RpcError> refusal;
    bool holds_answers = false;
    std::vector<OnInfo> held;
    std::vector<std::string> calls;  ///< "start EG_1 room", "stop EG_1" …
    std::vector<std::string> running;
};

/// A worker with its own connection; killed or restarted as the test says.
class Worker {
public:
    Worker(FakeRedis& redis, ManualClock& clock, std::string id);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// A new process with the same folder and the same id.
    void restart();
    /// The process dies; what it had on disk stays.
    void kill();
    void report(const std::string& egress_id, livekit::EgressStatus status);
    [[nodiscard]] std::size_t kept() const;  ///< Files in its folder.

    FakeHost host;
    std::unique_ptr<FakeBus> bus;
    std::unique_ptr<BusWorker> worker;

private:
    FakeRedis& redis_;
    ManualClock& clock_;
    std::string id_;
    const tests::TempFolder folder_;
};

}  // namespace aircheck::control::testing
