#include "signal/messages.hpp"

#include "proto/livekit_models.pb.h"
#include "proto/livekit_rtc.pb.h"

#include <nlohmann/json.hpp>

namespace aircheck::signal {
namespace {

TrackKind to_kind(livekit::TrackType type) {
    switch (type) {
        case livekit::AUDIO:
            return TrackKind::Audio;
        case livekit::VIDEO:
            return TrackKind::Video;
        default:
            return TrackKind::Data;
    }
}

TrackSource to_source(livekit::TrackSource source) {
    switch (source) {
        case livekit::CAMERA:
            return TrackSource::Camera;
        case livekit::MICROPHONE:
            return TrackSource::Microphone;
        case livekit::SCREEN_SHARE:
            return TrackSource::ScreenShare;
        case livekit::SCREEN_SHARE_AUDIO:
            return TrackSource::ScreenShareAudio;
        default:
            return TrackSource::Unknown;
    }
}

/// A kind of encryption that we do not know is encryption all the same.
Encryption to_encryption(livekit::Encryption::Type type) {
    switch (type) {
        case livekit::Encryption::NONE:
            return Encryption::None;
        case livekit::Encryption::GCM:
            return Encryption::Gcm;
        default:
            return Encryption::Custom;
    }
}

ParticipantKind to_kind(livekit::ParticipantInfo::Kind kind) {
    switch (kind) {
        case livekit::ParticipantInfo::INGRESS:
            return ParticipantKind::Ingress;
        case livekit::ParticipantInfo::EGRESS:
            return ParticipantKind::Egress;
        case livekit::ParticipantInfo::SIP:
            return ParticipantKind::Sip;
        case livekit::ParticipantInfo::AGENT:
            return ParticipantKind::Agent;
        case livekit::ParticipantInfo::CONNECTOR:
            return ParticipantKind::Connector;
        case livekit::ParticipantInfo::BRIDGE:
            return ParticipantKind::Bridge;
        default:
            return ParticipantKind::Standard;
    }
}

ParticipantState to_state(livekit::ParticipantInfo::State state) {
    switch (state) {
        case livekit::ParticipantInfo::JOINED:
            return ParticipantState::Joined;
        case livekit::ParticipantInfo::ACTIVE:
            return ParticipantState::Active;
        case livekit::ParticipantInfo::DISCONNECTED:
            return ParticipantState::Disconnected;
        default:
            return ParticipantState::Joining;
    }
}

std::int64_t in_ms(std::int64_t milliseconds, std::int64_t seconds) {
    constexpr std::int64_t kMostSeconds = 1LL << 40;
    if (milliseconds != 0 || seconds < 0 || seconds > kMostSeconds) return milliseconds;
    return seconds * 1000;
}

}  // namespace

Room to_room(const livekit::Room& message) {
    return {
        message.sid(),
        message.name(),
        message.metadata(),
        in_ms(message.creation_time_ms(), message.creation_time())};
}

Track to_track(const livekit::TrackInfo& message) {
    Track track;
    track.sid = message.sid();
    track.kind = to_kind(message.type());
    track.source = to_source(message.source());
    track.name = message.name();
    track.mime_type = message.mime_type();
    track.muted = message.muted();
    track.stereo = message.stereo();
    track.dtx = !message.disable_dtx();
    track.encryption = to_encryption(message.encryption());
    track.width = message.width();
    track.height = message.height();
    track.stream = message.stream();
    for (const int feature : message.audio_features()) {
        if (feature == livekit::TF_STEREO) track.stereo = true;
        if (feature == livekit::TF_NO_DTX) track.dtx = false;
    }
    return track;
}

Participant to_participant(const livekit::ParticipantInfo& message) {
    Participant participant;
    participant.sid = message.sid();
    participant.identity = message.identity();
    participant.name = message.name();
    participant.metadata = message.metadata();
    participant.kind = to_kind(message.kind());
    participant.state = to_state(message.state());
    participant.attributes.insert(message.attributes().begin(), message.attributes().end());
    participant.joined_at_ms = in_ms(message.joined_at_ms(), message.joined_at());
    participant.version = message.version();
    for (const auto& track : message.tracks()) {
        if (participant.tracks.size() >= kMaxTracks) break;
        if (!track.sid().empty()) participant.tracks.push_back(to_track(track));
    }
    return participant;
}

IceServer to_ice_server(const livekit::ICEServer& message) {
    return {
        {message.urls().begin(), message.urls().end()}, message.username(), message.credential()};
}

Bytes encode(const livekit::SignalRequest& request) {
    Bytes bytes(request.ByteSizeLong());
    request.SerializeWithCachedSizesToArray(bytes.data());
    return bytes;
}

Bytes encode_subscription(const std::vector<std::string>& track_sids, bool subscribe) {
    livekit::SignalRequest request;
    auto* subscription = request.mutable_subscription();
    for (const std::string& sid : track_sids) subscription->add_track_sids(sid);
    subscription->set_subscribe(subscribe);
    return encode(request);
}

Bytes encode_answer(std::string_view sdp, std::uint32_t offer_id) {
    livekit::SignalRequest request;
    auto* answer = request.mutable_answer();
    answer->set_type("answer");
    answer->set_sdp(std::string(sdp));
    answer->set_id(offer_id);
    return encode(request);
}

Bytes encode_trickle(const Candidate& candidate) {
    const nlohmann::json init = {
        {"candidate", to_string(candidate)}, {"sdpMid", "0"}, {"sdpMLineIndex", 0}};
    livekit::SignalRequest request;
    auto* trickle = request.mutable_trickle();
    trickle->set_candidateinit(init.dump());
    trickle->set_target(livekit::SUBSCRIBER);
    return encode(request);
}

Bytes encode_ping(std::chrono::milliseconds now, std::chrono::milliseconds rtt) {
    livekit::SignalRequest request;
    request.mutable_ping_req()->set_timestamp(now.count());
    request.mutable_ping_req()->set_rtt(rtt.count());
    return encode(request);
}

Bytes encode_leave() {
    livekit::SignalRequest request;
    request.mutable_leave()->set_reason(livekit::CLIENT_INITIATED);
    request.mutable_leave()->set_action(livekit::LeaveRequest::DISCONNECT);
    return encode(request);
}

Result<std::optional<Candidate>> parse_trickle(std::string_view candidate_init) {
    constexpr std::size_t kLongest = 4096;
    if (candidate_init.empty()) return std::nullopt;
    if (candidate_init.size() > kLongest) return fail(Errc::Malformed, "trickle: too long");
    const auto init = nlohmann::json::parse(candidate_init, nullptr, false);
    if (!init.is_object()) return fail(Errc::Malformed, "trickle: no JSON object");
    const auto found = init.find("candidate");
    if (found == init.end() || !found->is_string()) {
        return fail(Errc::Malformed, "trickle: no candidate");
    }
    const auto& line = found->get_ref<const std::string&>();
    if (line.empty()) return std::nullopt;
    AC_TRY(Candidate candidate, parse_candidate(line));
    return candidate;
}

}  // namespace aircheck::signal
