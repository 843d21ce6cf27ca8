#pragma once

#include "core/bytes.hpp"
#include "signal/room.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class ICEServer;
class ParticipantInfo;
class Room;
class SignalRequest;
class TrackInfo;
}  // namespace livekit

/// LiveKit's protobuf messages from and to the plain types of room.hpp. Inside the layer only.
namespace aircheck::signal {

/// Most tracks of one participant that are looked at; the rest is dropped.
inline constexpr std::size_t kMaxTracks = 256;

[[nodiscard]] Room to_room(const livekit::Room& message);
[[nodiscard]] Track to_track(const livekit::TrackInfo& message);
[[nodiscard]] Participant to_participant(const livekit::ParticipantInfo& message);
[[nodiscard]] IceServer to_ice_server(const livekit::ICEServer& message);

[[nodiscard]] Bytes encode(const livekit::SignalRequest& request);
[[nodiscard]] Bytes encode_subscription(const std::vector<std::string>& track_sids, bool subscribe);
[[nodiscard]] Bytes encode_answer(std::string_view sdp, std::uint32_t offer_id);
[[nodiscard]] Bytes encode_trickle(const Candidate& candidate);
[[nodiscard]] Bytes encode_ping(std::chrono::milliseconds now, std::chrono::milliseconds rtt);
[[nodiscard]] Bytes encode_leave();

/// The candidate in a TrickleRequest's JSON; nothing for an end mark ("" as candidate).
/// Errc::Malformed for anything else that is none.
[[nodiscard]] Result<std::optional<Candidate>> parse_trickle(std::string_view candidate_init);

}  // namespace aircheck::signal
