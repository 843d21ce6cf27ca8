#pragma once

#include "control/egress_service.hpp"
#include "notify/outbox.hpp"
#include "records/model.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace aircheck::api {

/// What /metrics tells, gathered beforehand.
struct MetricsInput {
    std::map<records::RecordingStatus, std::int64_t> recordings;
    std::map<records::DeliveryState, std::int64_t> deliveries;
    control::EgressService::Metrics service;
    notify::Outbox::Counters outbox;
    std::uint64_t webhooks_refused = 0;  ///< Of those that came in.
    std::string worker;                  ///< livekit/egress's label node_id.
};

/// Prometheus's text format, version 0.0.4.
[[nodiscard]] std::string to_prometheus(const MetricsInput& input);

}  // namespace aircheck::api
