#pragma once

#include "core/result.hpp"
#include "notify/receiver.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class WebhookEvent;
}

namespace aircheck::notify {

/// What our formats tell beside LiveKit's event.
struct EventFacts {
    std::string conversation_id;
    /// One for each `file_results` entry, in order: the link that plays, as `recording_urls` says;
    /// "" or absent: none yet.
    std::vector<std::string> download_urls;
    std::string audio_recording_url;  ///< Of the mix; "" is written as null.
};

/// The body of `event` in `format`. LiveKit: protojson as LiveKit writes it (livekit-wire 8.3);
/// Simple: the second seed's payload; Flat: {event, event_id, created_at, conversation_id,
/// egress_id, room_id, room_name, status, audio_recording_url, duration_s, size_bytes, filename,
/// started_at, ended_at, error}. Times in `event` are nanoseconds, `created_at` seconds, as in
/// LiveKit's messages.
[[nodiscard]] Result<std::string> body_of(
    const livekit::WebhookEvent& event, const EventFacts& facts, Format format
);

/// "application/webhook+json" for LiveKit, "application/json" otherwise (n8n reads no other).
[[nodiscard]] std::string_view content_type_of(Format format);

}  // namespace aircheck::notify
