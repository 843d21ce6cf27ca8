#include "signal/room.hpp"

#include "net/url.hpp"
#include "signal/room_session.hpp"

#include <google/protobuf/stubs/logging.h>

namespace aircheck::signal {

std::string_view to_string(EndReason reason) {
    switch (reason) {
        case EndReason::Left:
            return "left";
        case EndReason::RoomClosed:
            return "room closed";
        case EndReason::RoomDeleted:
            return "room deleted";
        case EndReason::ParticipantRemoved:
            return "participant removed";
        case EndReason::DuplicateIdentity:
            return "duplicate identity";
        case EndReason::ServerShutdown:
            return "server shutdown";
        case EndReason::JoinFailure:
            return "join failure";
        case EndReason::Refused:
            return "refused";
        case EndReason::ConnectionLost:
            return "connection lost";
        case EndReason::Other:
            return "other";
    }
    return "other";
}

std::string_view to_string(ParticipantKind kind) {
    switch (kind) {
        case ParticipantKind::Standard:
            return "standard";
        case ParticipantKind::Ingress:
            return "ingress";
        case ParticipantKind::Egress:
            return "egress";
        case ParticipantKind::Sip:
            return "sip";
        case ParticipantKind::Agent:
            return "agent";
        case ParticipantKind::Connector:
            return "connector";
        case ParticipantKind::Bridge:
            return "bridge";
    }
    return "standard";
}

std::string_view to_string(TrackSource source) {
    switch (source) {
        case TrackSource::Unknown:
            return "unknown";
        case TrackSource::Camera:
            return "camera";
        case TrackSource::Microphone:
            return "microphone";
        case TrackSource::ScreenShare:
            return "screen_share";
        case TrackSource::ScreenShareAudio:
            return "screen_share_audio";
    }
    return "unknown";
}

bool every_audio_track(const Participant& /*participant*/, const Track& track) {
    return track.kind == TrackKind::Audio;
}

RoomSession::Impl::Impl(RoomOptions options)
    : options_(std::move(options)), roster_(options_.wants) {}

/// `reconnect_reason` < 0: a join. An unusable server_url gives "".
std::string RoomSession::Impl::url(int reconnect_reason) const {
    const auto parsed = net::Url::parse(options_.server_url);
    if (!parsed) return {};
    net::Url url = parsed->as_websocket();
    if (url.scheme != "ws" && url.scheme != "wss") return {};
    url.user_info.clear();
    while (url.path.ends_with('/')) url.path.pop_back();
    if (!url.path.ends_with("/rtc")) url.path += "/rtc";
    // 16: packet trailers are not parsed (17). cpp: a codec that changes does so inside its
    // section.
    url.query = "protocol=16&sdk=cpp&version=" + net::percent_encode(options_.client_version) +
                "&client_protocol=0&auto_subscribe=0&adaptive_stream=0";
    if (reconnect_reason >= 0) {
        url.query += "&reconnect=1&sid=" + net::percent_encode(roster_.self().sid) +
                     "&reconnect_reason=" + std::to_string(reconnect_reason);
    }
    return url.to_string();
}

RoomSession::RoomSession(RoomOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
RoomSession::~RoomSession() = default;
RoomSession::RoomSession(RoomSession&&) noexcept = default;
RoomSession& RoomSession::operator=(RoomSession&&) noexcept = default;

void RoomSession::start(Instant now) { impl_->start(now); }
void RoomSession::on_open(SocketNumber socket, Instant now) { impl_->on_open(socket, now); }
void RoomSession::on_message(SocketNumber socket, BytesView message, Instant now) {
    impl_->on_message(socket, message, now);
}
void RoomSession::on_socket_closed(
    SocketNumber socket, int http_status, std::string_view body, std::string_view words, Instant now
) {
    impl_->on_socket_closed(socket, http_status, body, words, now);
}
void RoomSession::on_tick(Instant now) { impl_->on_tick(now); }
std::optional<Instant> RoomSession::next_deadline() const { return impl_->next_deadline(); }
void RoomSession::on_media_connected(Instant now) { impl_->on_media_connected(now); }
void RoomSession::on_media_failed(std::string_view words, Instant now) {
    impl_->on_media_failed(words, now);
}
void RoomSession::on_path_lost(std::string_view words, Instant now) {
    impl_->on_path_lost(words, now);
}
void RoomSession::on_network_gained(Instant now) { impl_->on_network_gained(now); }
Result<Sdp> RoomSession::answer(
    std::uint32_t offer_id, const LocalParameters& local, Instant /*now*/
) {
    return impl_->answer(offer_id, local);
}
void RoomSession::send_candidate(const Candidate& candidate) { impl_->send_candidate(candidate); }
void RoomSession::set_filter(TrackFilter wants) { impl_->set_filter(std::move(wants)); }
void RoomSession::leave(Instant /*now*/) { impl_->leave(); }
std::vector<RoomEvent> RoomSession::take_events() { return std::exchange(impl_->events_, {}); }
std::string RoomSession::join_url() const { return impl_->url(-1); }
std::string RoomSession::resume_url(int reconnect_reason) const {
    return impl_->url(reconnect_reason);
}
const Room& RoomSession::room() const { return impl_->room_; }
const Participant& RoomSession::self() const { return impl_->roster_.self(); }
const std::map<std::string, Participant>& RoomSession::participants() const {
    return impl_->roster_.participants();
}
const std::vector<TrackMapping>& RoomSession::tracks() const { return impl_->tracks_; }
const RoomSession::Counters& RoomSession::counters() const { return impl_->counters_; }
bool RoomSession::is_ended() const { return impl_->is_ended(); }

}  // namespace aircheck::signal
