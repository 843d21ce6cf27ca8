#include "net/url.hpp"
#include "proto/livekit_models.pb.h"
#include "proto/livekit_rtc.pb.h"
#include "signal/messages.hpp"
#include "signal/room_session.hpp"

#include <algorithm>

namespace aircheck::signal {
namespace {

constexpr std::size_t kMaxMessage = 8 * 1024 * 1024;
constexpr std::size_t kMaxOffers = 16;
constexpr std::size_t kMaxIceServers = 32;
constexpr int kMaxRedirects = 3;
constexpr int kMaxJoinFailures = 3;

std::string words_of(const livekit::LeaveRequest& leave) {
    const auto reason = livekit::DisconnectReason_Name(leave.reason());
    return "the server ended the session: " +
           (reason.empty() ? std::to_string(static_cast<int>(leave.reason())) : reason);
}

/// A number of seconds from the server, held within reason.
std::chrono::seconds seconds_within(std::int32_t value, int least, int most, int otherwise) {
    if (value <= 0) return std::chrono::seconds(otherwise);
    return std::chrono::seconds(std::clamp(value, least, most));
}

template <typename List>
std::vector<IceServer> to_ice_servers(const List& list) {
    std::vector<IceServer> servers;
    for (const auto& server : list) {
        if (servers.size() < kMaxIceServers) servers.push_back(to_ice_server(server));
    }
    return servers;
}

bool forces_relay(const livekit::ClientConfiguration& configuration) {
    return configuration.force_relay() == livekit::ENABLED;
}

template <typename List>
std::vector<Participant> to_participants(const List& list) {
    std::vector<Participant> participants;
    participants.reserve(static_cast<std::size_t>(list.size()));
    for (const auto& participant : list) participants.push_back(to_participant(participant));
    return participants;
}

/// What a DISCONNECT means for good; nothing = the conversation may go on, so come back.
std::optional<EndReason> final_reason(livekit::DisconnectReason reason) {
    switch (reason) {
        case livekit::ROOM_CLOSED:
            return EndReason::RoomClosed;
        case livekit::ROOM_DELETED:
            return EndReason::RoomDeleted;
        case livekit::PARTICIPANT_REMOVED:
            return EndReason::ParticipantRemoved;
        case livekit::UNKNOWN_REASON:
        case livekit::SERVER_SHUTDOWN:
        case livekit::STATE_MISMATCH:
        case livekit::JOIN_FAILURE:
        case livekit::MIGRATION:
        case livekit::SIGNAL_CLOSE:
        case livekit::CONNECTION_TIMEOUT:
        case livekit::MEDIA_FAILURE:
            return std::nullopt;
        default:
            return EndReason::Other;
    }
}

bool is_sending(Direction direction) {
    return direction == Direction::SendRecv || direction == Direction::SendOnly;
}

}  // namespace

void RoomSession::Impl::on_message(SocketNumber socket, BytesView message, Instant now) {
    if (!is_current(socket) || state_ == State::Connecting) return;
    livekit::SignalResponse response;
    if (message.size() > kMaxMessage ||
        !response.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
        ++counters_.malformed;
        return;
    }
    last_heard_ = now;
    settle(now);
    if (state_ == State::Opened)
        handle_first(response, now);
    else
        handle(response, now);
}

void RoomSession::Impl::handle_first(const livekit::SignalResponse& response, Instant now) {
    switch (response.message_case()) {
        case livekit::SignalResponse::kJoin:
            return handle_join(response.join(), now);
        case livekit::SignalResponse::kLeave:
            return handle_leave(response.leave(), now);
        case livekit::SignalResponse::kReconnect:
            if (purpose_ == Connect::Purpose::Resume) {
                return handle_reconnect(response.reconnect(), now);
            }
            break;
        default:
            break;
    }
    ++counters_.ignored;  // The first message's time limit goes on.
}

void RoomSession::Impl::handle(const livekit::SignalResponse& response, Instant now) {
    switch (response.message_case()) {
        case livekit::SignalResponse::kOffer:
            return handle_offer(response.offer());
        case livekit::SignalResponse::kTrickle:
            if (response.trickle().target() == livekit::SUBSCRIBER) {
                handle_trickle(response.trickle().candidateinit());
            }
            return;
        case livekit::SignalResponse::kUpdate:
            return handle_update(response.update());
        case livekit::SignalResponse::kLeave:
            return handle_leave(response.leave(), now);
        case livekit::SignalResponse::kRoomUpdate: {
            Room room = to_room(response.room_update().room());
            if (room == room_) return;
            room_ = std::move(room);
            events_.emplace_back(RoomUpdated{room_});
            return;
        }
        case livekit::SignalResponse::kRefreshToken:
            if (response.refresh_token().empty()) return;
            token_ = response.refresh_token();
            events_.emplace_back(RefreshedToken{token_});
            return;
        case livekit::SignalResponse::kPongResp: {
            const auto stamp =
                std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
            const auto sent = response.pong_resp().last_ping_timestamp();
            // Hostile numbers must not overflow the difference.
            if (sent > 0 && sent <= stamp) rtt_ = std::chrono::milliseconds(stamp - sent);
            return;
        }
        case livekit::SignalResponse::kSubscriptionResponse: {
            const auto& refused = response.subscription_response();
            if (refused.err() == livekit::SE_TRACK_NOTFOUND) {
                roster_.forget_subscription(refused.track_sid());
            }
            events_.emplace_back(SubscriptionFailed{
                refused.track_sid(), livekit::SubscriptionError_Name(refused.err())});
            return;
        }
        case livekit::SignalResponse::kSubscriptionPermissionUpdate: {
            const auto& permission = response.subscription_permission_update();
            if (permission.allowed()) return;
            events_.emplace_back(SubscriptionFailed{
                permission.track_sid(),
                "the publisher does not permit it: the token lacks the recorder grant"});
            return;
        }
        case livekit::SignalResponse::kPong:
            return;
        default:
            ++counters_.ignored;
            return;
    }
}

void RoomSession::Impl::handle_join(const livekit::JoinResponse& join, Instant now) {
    if (!join.alternative_url().empty() && follow_alternative(join.alternative_url(), now)) return;
    if (join.participant().sid().empty()) {
        ++counters_.malformed;
        return lost("the server's join names no participant", Remedy::Rejoin, now);
    }
    ping_interval_ = seconds_within(join.ping_interval(), 1, 60, 5);
    ping_timeout_ = seconds_within(join.ping_timeout(), 5, 300, 15);
    // A new peer connection: whatever was known of the old one is void.
    had_media_ = false;
    is_media_up_ = false;
    remote_ufrag_.clear();
    last_offer_.reset();
    last_answer_.reset();
    tracks_.clear();
    room_ = to_room(join.room());

    Joined joined;
    joined.rejoined = std::exchange(has_joined_, true);
    if (!joined.rejoined) attempt_ = 0;
    joined.room = room_;
    joined.self = to_participant(join.participant());
    joined.ice_servers = to_ice_servers(join.ice_servers());
    joined.forces_relay = forces_relay(join.client_configuration());
    joined.server_version =
        join.server_info().version().empty() ? join.server_version() : join.server_info().version();
    const auto trailer = as_bytes(join.sif_trailer());
    joined.sif_trailer.assign(trailer.begin(), trailer.end());
    Participant self = joined.self;
    events_.emplace_back(std::move(joined));
    went_live(now);
    roster_.reset(std::move(self), to_participants(join.other_participants()), events_);
    counters_.over_limit += roster_.take_over_limit();
    send_requests();
}

/// LiveKit Cloud may send us elsewhere. The token goes along, so never from TLS to plain text.
bool RoomSession::Impl::follow_alternative(const std::string& url, Instant now) {
    const auto here = net::Url::parse(options_.server_url);
    const auto there = net::Url::parse(url);
    const bool is_downgrade = here && there && here->is_secure() && !there->is_secure();
    if (!there || is_downgrade || ++redirects_ > kMaxRedirects) {
        lost("the server sent us to \"" + net::redact_url(url) + "\"", Remedy::Rejoin, now);
        return true;
    }
    options_.server_url = url;
    connect(now);
    return true;
}

void RoomSession::Impl::handle_reconnect(const livekit::ReconnectResponse& reconnect, Instant now) {
    went_live(now);
    expects_everybody_ = true;
    events_.emplace_back(Resumed{
        to_ice_servers(reconnect.ice_servers()), forces_relay(reconnect.client_configuration())});
    send_sync_state();
    send_requests();
}

void RoomSession::Impl::send_sync_state() {
    livekit::SignalRequest request;
    auto* sync = request.mutable_sync_state();
    const auto put = [](const std::optional<LastDescription>& from, const char* type, auto* to) {
        to->set_type(type);
        to->set_sdp(from->text);
        to->set_id(from->id);
    };
    if (last_offer_) put(last_offer_, "offer", sync->mutable_offer());
    if (last_answer_) put(last_answer_, "answer", sync->mutable_answer());
    // Always there, even when empty: livekit-server 1.11.0 crashes the session without it.
    auto* subscription = sync->mutable_subscription();
    subscription->set_subscribe(true);
    for (const std::string& sid : roster_.subscribed()) subscription->add_track_sids(sid);
    send(encode(request));
}

void RoomSession::Impl::handle_leave(const livekit::LeaveRequest& leave, Instant now) {
    using livekit::LeaveRequest;
    const auto reason = leave.reason();
    std::string words = words_of(leave);
    if (reason == livekit::DUPLICATE_IDENTITY) {
        return end(
            EndReason::DuplicateIdentity,
            "somebody else joined with our identity: another worker has this egress"
        );
    }
    if (reason == livekit::SERVER_SHUTDOWN) last_reason_ = EndReason::ServerShutdown;
    // Each of these has cost a minute already.
    if (reason == livekit::JOIN_FAILURE && ++join_failures_ >= kMaxJoinFailures) {
        return end(EndReason::JoinFailure, words + ": media never connected");
    }
    if (leave.action() == LeaveRequest::RESUME) {
        if (reason == livekit::CONNECTION_TIMEOUT) is_media_up_ = false;
        return lost(std::move(words), Remedy::Resume, now);
    }
    // Servers before signal protocol 13 say can_reconnect and no action.
    if (leave.action() == LeaveRequest::RECONNECT || leave.can_reconnect()) {
        return lost(std::move(words), Remedy::Rejoin, now);
    }
    if (const auto final = final_reason(reason)) return end(*final, std::move(words));
    lost(std::move(words), Remedy::Rejoin, now);
}

void RoomSession::Impl::handle_offer(const livekit::SessionDescription& offer) {
    if (offers_.size() >= kMaxOffers) {
        ++counters_.over_limit;
        return;
    }
    auto sdp = Sdp::parse(offer.sdp());
    if (!sdp || offer.type() != "offer") {
        ++counters_.malformed;
        return;
    }
    map_tracks(*sdp, offer);
    RemoteOffer event;
    event.id = offer.id();
    event.sdp = *sdp;
    event.ice_restart = !remote_ufrag_.empty() && remote_ufrag_ != sdp->ice_ufrag;
    event.tracks = tracks_;
    remote_ufrag_ = sdp->ice_ufrag;
    offers_.push_back({offer.id(), *std::move(sdp), offer.sdp()});
    events_.emplace_back(std::move(event));
}

void RoomSession::Impl::map_tracks(const Sdp& sdp, const livekit::SessionDescription& offer) {
    tracks_.clear();
    for (const MediaSection& section : sdp.media) {
        const auto ssrc = section.media_ssrc();
        const bool is_media = section.kind == MediaKind::Audio || section.kind == MediaKind::Video;
        if (!is_media || !ssrc || !is_sending(section.direction)) continue;
        TrackMapping mapping;
        mapping.mid = section.mid;
        mapping.track_sid = section.track_id;
        mapping.participant_sid = section.participant_sid();
        const auto named = offer.mid_to_track_id().find(section.mid);
        if (mapping.track_sid.empty() && named != offer.mid_to_track_id().end()) {
            mapping.track_sid = named->second;
        }
        if (mapping.track_sid.empty()) continue;
        if (mapping.participant_sid.empty()) {
            mapping.participant_sid = roster_.owner_of(mapping.track_sid);
        }
        mapping.ssrc = *ssrc;
        mapping.rtx_ssrc = section.rtx_ssrc();
        mapping.kind = section.kind;
        mapping.codecs = section.codecs;
        tracks_.push_back(std::move(mapping));
    }
}

Result<Sdp> RoomSession::Impl::answer(std::uint32_t offer_id, const LocalParameters& local) {
    if (state_ != State::Live || offers_.empty() || offers_.front().id != offer_id) {
        return fail(
            Errc::NotFound, "offer " + std::to_string(offer_id) + " does not wait for an answer"
        );
    }
    PendingOffer offer = std::move(offers_.front());
    offers_.pop_front();
    Sdp answer = make_answer(offer.sdp, local);
    std::string text = answer.to_string();
    send(encode_answer(text, offer.id));
    last_offer_ = LastDescription{offer.id, std::move(offer.text)};
    last_answer_ = LastDescription{offer.id, std::move(text)};
    return answer;
}

void RoomSession::Impl::handle_trickle(std::string_view candidate_init) {
    auto candidate = parse_trickle(candidate_init);
    if (!candidate) {
        ++counters_.malformed;
        return;
    }
    if (!*candidate || (*candidate)->component != 1) return;
    events_.emplace_back(RemoteCandidate{**std::move(candidate)});
}

void RoomSession::Impl::handle_update(const livekit::ParticipantUpdate& update) {
    auto participants = to_participants(update.participants());
    bool lists_everybody = false;
    if (expects_everybody_) {
        for (const Participant& participant : participants) {
            lists_everybody = lists_everybody || participant.sid == roster_.self().sid;
        }
        if (lists_everybody) expects_everybody_ = false;
    }
    roster_.update(std::move(participants), lists_everybody, events_);
    counters_.over_limit += roster_.take_over_limit();
    counters_.stale += roster_.take_stale();
    send_requests();
}

void RoomSession::Impl::send_candidate(const Candidate& candidate) {
    send(encode_trickle(candidate));
}

void RoomSession::Impl::set_filter(TrackFilter wants) {
    roster_.set_filter(std::move(wants));
    send_requests();
}

/// While the socket is down requests wait for the resume; a rejoin starts from nothing.
void RoomSession::Impl::send_requests() {
    if (state_ != State::Live) return;
    const Roster::Requests requests = roster_.take_requests();
    if (!requests.unsubscribe.empty()) send(encode_subscription(requests.unsubscribe, false));
    if (!requests.subscribe.empty()) send(encode_subscription(requests.subscribe, true));
}

}  // namespace aircheck::signal
