#pragma once

#include "control/bus_worker.hpp"
#include "control/egress_service.hpp"

#include <functional>
#include <string>
#include <vector>

namespace aircheck::control {

/// Does the bus's jobs with an EgressService.
///
/// What this build cannot do, and what does not fit, is bid for with `kLowestBid`: another worker
/// gets it, livekit/egress say, and when there is none, the caller hears why from start(). On the
/// service's home thread.
class BusHost final : public JobHost {
public:
    static constexpr float kLowestBid = 0.001f;

    /// The service, whose admission says what fits, outlives the host.
    explicit BusHost(EgressService& egresses);
    ~BusHost() override;
    /// Who tells livekit-server: BusWorker::report().
    void set_report(std::function<void(const livekit::EgressInfo&)> report);

    float affinity(const rpc::StartEgressRequest& request) override;
    void start(const rpc::StartEgressRequest& request, OnInfo on_info) override;
    void stop(const std::string& egress_id, OnInfo on_info) override;
    void update_stream(const livekit::UpdateStreamRequest& request, OnInfo on_info) override;
    /// None: what a former process had has ended with it.
    [[nodiscard]] std::vector<std::string> active() const override { return {}; }

private:
    [[nodiscard]] Answer<RecordingRequest> check(const rpc::StartEgressRequest& request) const;

    EgressService& egresses_;
};

}  // namespace aircheck::control
