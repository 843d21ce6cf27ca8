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
/// gets it, livekit/egress say, and when there is none, the caller hears why from start(). With
/// `Beyond::Left` there is no bid for what this build cannot do. On the service's home thread.
class BusHost final : public JobHost {
public:
    static constexpr float kLowestBid = 0.001f;
    /// What this build cannot do: refused in words where nobody else bids, or left alone
    /// (`delegate: livekit`).
    enum class Beyond { Refused, Left };

    /// The service, whose admission says what fits, outlives the host.
    explicit BusHost(EgressService& egresses, Beyond beyond = Beyond::Refused);
    ~BusHost() override;
    /// Who tells livekit-server: BusWorker::report().
    void set_report(std::function<void(const livekit::EgressInfo&)> report);

    float affinity(const rpc::StartEgressRequest& request) override;
    void start(const rpc::StartEgressRequest& request, OnInfo on_info) override;
    void stop(const std::string& egress_id, OnInfo on_info) override;
    void update_stream(const livekit::UpdateStreamRequest& request, OnInfo on_info) override;
    [[nodiscard]] std::vector<std::string> active() const override;
    void take_over(const std::string& egress_id, std::function<void(TakenOver taken)> on_done)
        override;

private:
    [[nodiscard]] Answer<RecordingRequest> check(const rpc::StartEgressRequest& request) const;

    EgressService& egresses_;
    Beyond beyond_;
    RecordingDefaults defaults_;
};

}  // namespace aircheck::control
