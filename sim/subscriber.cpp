#include "sim/subscriber.hpp"

#include "core/id.hpp"
#include "core/log.hpp"
#include "proto/livekit_models.pb.h"
#include "proto/livekit_rtc.pb.h"
#include "rtp/rtcp.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::sim {
namespace {

constexpr std::size_t kMaxNacks = 1'000;
constexpr std::size_t kMaxSubscriptions = 1'000;
constexpr Nanoseconds kPatience = 2s;  // For a client that subscribes to nothing.

/// The value of "candidate" in a trickle's JSON; candidates have nothing to escape.
std::string candidate_of(const std::string& json) {
    const auto key = json.find("\"candidate\"");
    if (key == std::string::npos) return {};
    const auto begin = json.find('"', json.find(':', key));
    if (begin == std::string::npos) return {};
    const auto end = json.find('"', begin + 1);
    return end == std::string::npos ? std::string() : json.substr(begin + 1, end - begin - 1);
}

transport::DtlsSetup to_transport(signal::DtlsSetup setup) {
    switch (setup) {
        case signal::DtlsSetup::ActPass:
            return transport::DtlsSetup::Actpass;
        case signal::DtlsSetup::Active:
            return transport::DtlsSetup::Active;
        case signal::DtlsSetup::Passive:
            return transport::DtlsSetup::Passive;
    }
    return transport::DtlsSetup::Active;
}

}  // namespace

Subscriber::Subscriber(
    net::Loop& loop,
    const transport::Certificate& certificate,
    const ServerOptions& options,
    const LinkQuality& link,
    std::string identity,
    Subscribes subscribes,
    ServerStats& stats
)
    : options_(options),
      stats_(stats),
      identity_(std::move(identity)),
      sid_(new_id("PA_")),
      subscribes_(subscribes),
      link_(link, std::hash<std::string>{}(identity_)) {
    transport::Connection::Options wanted;
    wanted.local_addresses = {options.bind.address};
    wanted.transport.side = transport::Side::Offerer;
    wanted.transport.ice_mode =
        options.ice_lite ? transport::IceMode::Lite : transport::IceMode::Full;
    if (!options.srtp_profiles.empty()) wanted.transport.srtp_profiles = options.srtp_profiles;
    auto connection = transport::Connection::open(loop, certificate, wanted, *this);
    if (connection) {
        connection_ = *std::move(connection);
    } else {
        log::warn("sim.no_media_socket", {{"reason", connection.error().to_string()}});
        over_ = true;
    }
}

Subscriber::~Subscriber() {
    if (socket_) {
        socket_->on_message = nullptr;
        socket_->on_closed = nullptr;
    }
}

void Subscriber::attach(std::shared_ptr<net::ServerWebSocket> socket) {
    if (socket_) {
        socket_->on_message = nullptr;
        socket_->on_closed = nullptr;
    }
    socket_ = std::move(socket);
    socket_->on_message = [this](BytesView message, bool) { on_message(message); };
    socket_->on_closed = [this] {
        // As LiveKit: resuming needs a peer connection that is up.
        if (!connected_) over_ = true;
    };
}

void Subscriber::send(const livekit::SignalResponse& response) {
    const auto text = response.SerializeAsString();
    if (socket_) socket_->send_binary(Bytes(text.begin(), text.end()));
}

void Subscriber::on_message(BytesView message) {
    livekit::SignalRequest request;
    if (request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
        on_request(request);
    }
}

void Subscriber::on_request(const livekit::SignalRequest& request) {
    using Kind = livekit::SignalRequest::MessageCase;
    switch (request.message_case()) {
        case Kind::kAnswer:
            on_answer(request.answer().sdp(), request.answer().id());
            break;
        case Kind::kTrickle:
            if (connection_) {
                connection_->add_remote_candidate(candidate_of(request.trickle().candidateinit()));
            }
            break;
        case Kind::kSubscription: {
            const auto& wanted = request.subscription();
            for (const auto& sid : wanted.track_sids()) subscribe(sid, wanted.subscribe());
            for (const auto& of : wanted.participant_tracks()) {
                for (const auto& sid : of.track_sids()) subscribe(sid, wanted.subscribe());
            }
            break;
        }
        case Kind::kSyncState:
            for (const auto& sid : request.sync_state().subscription().track_sids()) {
                subscribe(sid, request.sync_state().subscription().subscribe());
            }
            break;
        case Kind::kPingReq: {
            livekit::SignalResponse pong;
            pong.mutable_pong_resp()->set_last_ping_timestamp(request.ping_req().timestamp());
            pong.mutable_pong_resp()->set_timestamp(unix_nanoseconds(wall_now()) / 1'000'000);
            send(pong);
            break;
        }
        case Kind::kLeave:
            over_ = true;
            break;
        default:
            break;
    }
}

void Subscriber::subscribe(const std::string& track_sid, bool wanted) {
    const bool listed = (subscribes_ == Subscribes::WhenAsked) == wanted;
    if (!listed) {
        chosen_.erase(track_sid);
    } else if (chosen_.size() < kMaxSubscriptions) {
        chosen_.insert(track_sid);
    }
    offer_is_due_ = true;
}

bool Subscriber::wants(const Track& track) const {
    return (subscribes_ == Subscribes::WhenAsked) == chosen_.contains(track.track_sid);
}

void Subscriber::set_published(const std::vector<Track>& tracks) {
    if (tracks == published_) return;
    published_ = tracks;
    offer_is_due_ = true;
}

void Subscriber::restart_ice() {
    if (!connection_) return;
    connection_->restart_ice();
    offer_is_open_ = false;
    offer_is_due_ = restart_is_due_ = true;
}

void Subscriber::offer() {
    bool changed = session_version_ == 0 || std::exchange(restart_is_due_, false);
    for (auto& section : sections_) {
        const bool stays = std::any_of(published_.begin(), published_.end(), [&](const Track& t) {
            return t.track_sid == section.track_sid && wants(t);
        });
        if (stays || section.track_sid.empty()) continue;
        answered_.erase(section.ssrc);
        section.track_sid.clear();
        changed = true;
    }
    for (const auto& track : published_) {
        const bool known = std::any_of(sections_.begin(), sections_.end(), [&](const auto& s) {
            return s.track_sid == track.track_sid;
        });
        if (known || !wants(track)) continue;
        signal::OfferedTrack section;
        section.mid = std::to_string(sections_.size() + 1);
        section.participant_sid = track.participant_sid;
        section.track_sid = track.track_sid;
        section.ssrc = track.ssrc;
        section.stereo = track.stereo;
        sections_.push_back(std::move(section));
        changed = true;
    }
    offer_is_due_ = false;
    if (!changed) return;

    signal::OfferOptions options;
    const auto& local = connection_->local();
    options.local.ice_ufrag = local.ice_ufrag;
    options.local.ice_pwd = local.ice_pwd;
    options.local.fingerprint = local.fingerprint.substr(local.fingerprint.find(' ') + 1);
    for (const auto& text : local.candidates) {
        if (auto candidate = signal::parse_candidate(text)) {
            options.local.candidates.push_back(*std::move(candidate));
        }
    }
    options.local.session_version = ++session_version_;
    options.ice_lite = options_.ice_lite;
    options.tracks = sections_;
    livekit::SignalResponse response;
    auto& description = *response.mutable_offer();
    description.set_type("offer");
    description.set_sdp(signal::make_offer(options).to_string());
    description.set_id(++offer_id_);
    for (const auto& section : sections_) {
        if (section.track_sid.empty()) continue;
        (*description.mutable_mid_to_track_id())[section.mid] = section.track_sid;
    }
    offer_is_open_ = true;
    send(response);
}

void Subscriber::on_answer(const std::string& sdp, std::uint32_t id) {
    if (!offer_is_open_ || (id != 0 && id != offer_id_) || !connection_) return;
    const auto answer = signal::Sdp::parse(sdp);
    if (!answer) {
        log::warn("sim.bad_answer", {{"reason", answer.error().to_string()}});
        leave(livekit::STATE_MISMATCH, livekit::LeaveRequest::RECONNECT);
        return;
    }
    transport::RemoteParameters remote;
    remote.ice_ufrag = answer->ice_ufrag;
    remote.ice_pwd = answer->ice_pwd;
    remote.fingerprint = answer->fingerprint_hash + " " + answer->fingerprint;
    remote.setup = to_transport(answer->setup);
    for (const auto& candidate : answer->candidates) {
        remote.candidates.push_back(signal::to_string(candidate));
    }
    if (const auto taken = connection_->set_remote(remote); !taken) {
        log::warn("sim.bad_answer", {{"reason", taken.error().to_string()}});
        leave(livekit::STATE_MISMATCH, livekit::LeaveRequest::RECONNECT);
        return;
    }
    offer_is_open_ = false;
    for (const auto& section : sections_) {
        const auto* answered = answer->section(section.mid);
        const bool accepted = answered != nullptr && answered->port != 0 &&
                              answered->direction != signal::Direction::Inactive;
        if (accepted && !section.track_sid.empty()) answered_.insert(section.ssrc);
    }
}

void Subscriber::leave(int reason, int action) {
    livekit::SignalResponse response;
    auto& request = *response.mutable_leave();
    request.set_reason(static_cast<livekit::DisconnectReason>(reason));
    request.set_action(static_cast<livekit::LeaveRequest::Action>(action));
    request.set_can_reconnect(action == livekit::LeaveRequest::RECONNECT);
    send(response);
    if (socket_) socket_->close();
    // After RESUME the peer connection waits for the client to come back.
    if (action != livekit::LeaveRequest::RESUME) over_ = true;
}

void Subscriber::drop_signal() {
    if (socket_) socket_->close();
}

void Subscriber::set_media(Server::Media media) {
    cut_ = media == Server::Media::Cut;
    if (!cut_ || !connection_) return;
    was_cut_ = true;
    connection_->set_polled();  // Nothing is read or answered until tick() drains again.
}

void Subscriber::push(Link::Kind kind, std::uint32_t ssrc, BytesView packet, Instant now) {
    if (!connected_ || cut_ || !answered_.contains(ssrc)) return;
    const auto lost = link_.lost();
    link_.push(kind, packet, now, *this);
    stats_.lost_packets += link_.lost() - lost;
}

void Subscriber::deliver(Link::Kind kind, BytesView packet) {
    if (kind == Link::Kind::Rtcp) {
        connection_->send_rtcp(packet);
    } else if (connection_->send_rtp(packet)) {
        ++stats_.sent_packets;
    }
}

void Subscriber::tick(Instant now) {
    if (over_) {
        if (connection_) connection_->close();
        return;
    }
    if (was_cut_ && !cut_ && now >= next_drain_) {
        next_drain_ = now + 10ms;
        connection_->drain(now);
    }
    if (!cut_ && connected_) link_.run(now, *this);
    if (offer_is_due_ && !offer_is_open_) offer();
}

bool Subscriber::is_listening(Instant now) const {
    if (!connected_at_ || over_) return false;
    return !answered_.empty() || now >= *connected_at_ + kPatience;
}

void Subscriber::on_rtcp(BytesView packet, Instant) {
    const auto parsed = rtp::parse_rtcp(packet);
    if (!parsed) return;
    for (const auto& part : *parsed) {
        if (std::holds_alternative<rtp::ReceiverReport>(part)) ++stats_.receiver_reports;
        const auto* nack = std::get_if<rtp::Nack>(&part);
        if (nack == nullptr) continue;
        for (const auto lost : nack->lost) {
            if (nacks_.size() >= kMaxNacks) break;
            nacks_.push_back({nack->media_ssrc, lost.value()});
        }
    }
}

void Subscriber::on_stage(const transport::StageChange& change) {
    switch (change.stage) {
        case transport::Stage::Connected:
            connected_ = true;
            if (!connected_at_) connected_at_ = change.at;
            break;
        case transport::Stage::Closed:
        case transport::Stage::Failed:
            connected_ = false;
            over_ = true;
            break;
        default:
            break;
    }
}

void Subscriber::describe(livekit::ParticipantInfo& info) const {
    info.set_sid(sid_);
    info.set_identity(identity_);
    info.set_state(
        connected_ ? livekit::ParticipantInfo::ACTIVE : livekit::ParticipantInfo::JOINED
    );
    info.set_kind(livekit::ParticipantInfo::EGRESS);
    info.mutable_permission()->set_can_subscribe(true);
    info.mutable_permission()->set_hidden(true);
    info.mutable_permission()->set_recorder(true);
}

}  // namespace aircheck::sim
