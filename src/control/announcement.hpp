#pragma once

#include "control/recording_links.hpp"
#include "core/result.hpp"
#include "notify/outbox.hpp"
#include "records/model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace aircheck::control {

/// Origin (of a RecordingRequest, in the record) of jobs that livekit-server hands out over its
/// bus: it stores them, and tells its own receivers.
inline constexpr std::string_view kOriginBus = "bus";

/// The deliveries that tell of `event` ("egress_started", "egress_updated", "egress_ended") with
/// `recording` as it is now: to the global receivers and to `receivers`, the recording's own. For
/// Store::update_recording(), in one transaction with what they tell.
[[nodiscard]] Result<std::vector<records::Delivery>> announce(
    const std::string& event,
    const records::Recording& recording,
    const std::vector<notify::Receiver>& receivers,
    const RecordingLinks& links,
    const notify::Outbox& outbox
);

/// The recording's own receivers, out of its record. Where they can't be read, none, with a line in
/// the log: the global ones are told nevertheless.
[[nodiscard]] std::vector<notify::Receiver> kept_receivers_of(
    const records::Recording& recording, BytesView secrets_key
);

}  // namespace aircheck::control
