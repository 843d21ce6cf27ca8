#include "recorder/room_link.hpp"

#include "net/proxy_url.hpp"
#include "net/url.hpp"
#include "signal/token.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace aircheck::recorder {
namespace {

/// Media that never came up twice in a row, and never had before: there is no route.
constexpr int kHopelessMediaFailures = 2;
/// A server that ends the session closes media and says why, in either order (media-notes (b) 10).
constexpr Nanoseconds kFarewell = 3s;

signal::RoomOptions session_options(const RoomLink::Options& options) {
    signal::RoomOptions session;
    session.server_url = options.access.ws_url;
    session.wants = options.wants;
    session.mint_token = [options] {
        const signal::ApiKey key{options.access.api_key, options.access.api_secret};
        return signal::recorder_token(key, options.room_name, options.identity, wall_now());
    };
    return session;
}

std::string in_seconds(Nanoseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", to_seconds(time));
    return text;
}

transport::RemoteParameters remote_parameters(const signal::Sdp& offer) {
    transport::RemoteParameters remote;
    remote.ice_ufrag = offer.ice_ufrag;
    remote.ice_pwd = offer.ice_pwd;
    remote.ice_mode = offer.ice_lite ? transport::IceMode::Lite : transport::IceMode::Full;
    remote.fingerprint = offer.fingerprint_hash + " " + offer.fingerprint;
    if (offer.setup == signal::DtlsSetup::Active) remote.setup = transport::DtlsSetup::Active;
    if (offer.setup == signal::DtlsSetup::Passive) remote.setup = transport::DtlsSetup::Passive;
    for (const signal::Candidate& candidate : offer.candidates) {
        remote.candidates.push_back(signal::to_string(candidate));
    }
    return remote;
}

signal::LocalParameters local_parameters(const transport::LocalParameters& ours) {
    signal::LocalParameters local;
    local.ice_ufrag = ours.ice_ufrag;
    local.ice_pwd = ours.ice_pwd;
    const auto space = ours.fingerprint.find(' ');
    local.fingerprint = ours.fingerprint.substr(space + 1);
    for (const std::string& text : ours.candidates) {
        if (auto candidate = signal::parse_candidate(text)) local.candidates.push_back(*candidate);
    }
    return local;
}

}  // namespace

RoomLink::RoomLink(
    net::Loop& loop,
    const transport::Certificate& certificate,
    Options options,
    log::RecordingLog log,
    Listener& listener
)
    : loop_(loop),
      certificate_(certificate),
      options_(std::move(options)),
      log_(std::move(log)),
      listener_(listener),
      session_(session_options(options_)),
      addresses_(loop, [this](const auto& address, auto change) {
          on_address_change(address, change);
      }) {}

RoomLink::~RoomLink() { *alive_ = false; }

void RoomLink::start() {
    session_.start(monotonic_now());
    process_events();
}

void RoomLink::leave() {
    if (ended_) return;
    session_.leave(monotonic_now());
    process_events();
}

/// What lies in the sockets came before what is handled now: it is taken first, or it would be
/// late.
void RoomLink::drain(Instant now) {
    if (connection_) connection_->drain(now);
}

void RoomLink::tick(Instant now) {
    retired_sockets_.clear();
    retired_connections_.clear();
    drain(now);
    handle_stages();
    if (media_closed_at_ && now - *media_closed_at_ >= kFarewell) {
        media_closed_at_.reset();
        session_.on_media_failed("the server closed it and did not say why", now);
    }
    session_.on_tick(now);
    process_events();
}

std::string RoomLink::waits_for() const {
    if (stage_ == "ice" && connection_) return connection_->tried();
    if (stage_ == "ice") return "no media connection is open";
    if (stage_ == "dtls") return "the server does not finish the handshake";
    return "no answer from " + net::redact_url(options_.access.ws_url);
}

void RoomLink::send_rtcp(BytesView packet) {
    if (connection_) connection_->send_rtcp(packet);
}

void RoomLink::defer() {
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired() || !*alive.lock()) return;
        handle_stages();
        process_events();
    });
}

void RoomLink::process_events() {
    if (processing_) return;  // A handler caused more events: the loop below takes them.
    processing_ = true;
    for (auto events = session_.take_events(); !events.empty(); events = session_.take_events()) {
        for (signal::RoomEvent& event : events) {
            if (ended_) break;
            std::visit([this](auto& concrete) { handle(concrete); }, event);
        }
    }
    processing_ = false;
}

void RoomLink::handle(signal::Connect& event) {
    if (socket_) retired_sockets_.push_back(std::move(socket_));
    connecting_since_ = monotonic_now();
    const auto url = net::Url::parse(event.url);
    if (!url) {
        session_.on_socket_closed(event.socket, 0, "", url.error().to_string(), connecting_since_);
        return;
    }
    net::WebSocket::Options options;
    options.headers.set("Authorization", "Bearer " + event.token);
    options.ca_file = options_.access.ca_file;
    options.proxy = net::proxy_from_environment(url->host);
    net::WebSocket::Handlers handlers;
    const signal::SocketNumber number = event.socket;
    handlers.open = [this, number](const net::Endpoint& local, const net::Endpoint&, auto timings) {
        local_address_ = local.address;
        for (const auto& [stage, took] : timings) {
            if (stage < net::WebSocket::Stage::Upgrade) {
                listener_.on_stage(net::to_string(stage), took);
            }
        }
        session_.on_open(number, monotonic_now());
        process_events();
    };
    handlers.message = [this, number](BytesView message, bool) {
        drain(monotonic_now());
        session_.on_message(number, message, monotonic_now());
        process_events();
    };
    handlers.closed = [this, number](const net::WebSocket::Failure& failure) {
        on_socket_closed(number, failure);
    };
    socket_ = net::WebSocket::connect(
        loop_, url->as_websocket(), std::move(options), std::move(handlers)
    );
}

void RoomLink::on_socket_closed(
    signal::SocketNumber number, const net::WebSocket::Failure& failure
) {
    drain(monotonic_now());
    std::string words = failure.error.to_string();
    if (failure.stage != net::WebSocket::Stage::Open) {
        Nanoseconds took{0};
        if (!failure.timings.empty()) took = failure.timings.back().second;
        words = std::string(net::to_string(failure.stage)) + " failed after " + in_seconds(took) +
                ": " + words;
    }
    session_.on_socket_closed(number, failure.http_status, failure.body, words, monotonic_now());
    process_events();
}

void RoomLink::handle(signal::Send& event) {
    if (socket_) socket_->send_binary(std::move(event.message));
}

void RoomLink::handle(signal::Joined& event) {
    listener_.on_stage("signal", monotonic_now() - connecting_since_);
    log_.info(
        event.rejoined ? "room.rejoined" : "room.joined",
        {{"room_sid", event.room.sid}, {"server", event.server_version}}
    );
    listener_.on_room(event.room);
    forces_relay_ = event.forces_relay;
    open_connection(event.ice_servers);
}

void RoomLink::handle(signal::RemoteOffer& event) {
    if (!connection_) return;
    const Instant now = monotonic_now();
    const auto taken = connection_->set_remote(remote_parameters(event.sdp));
    if (!taken) {
        session_.on_media_failed(taken.error().to_string(), now);
        return;
    }
    // The mapping first: packets may follow the answer at once.
    listener_.on_mapping(event.tracks);
    const auto answered = session_.answer(event.id, local_parameters(connection_->local()), now);
    if (!answered) log_.debug("offer.unanswered", {{"error", answered.error().to_string()}});
    handle_stages();
}

void RoomLink::handle(signal::RemoteCandidate& event) {
    if (connection_) connection_->add_remote_candidate(signal::to_string(event.candidate));
}

void RoomLink::on_stage(const transport::StageChange& change) {
    stages_.push_back(change);
    defer();
}

void RoomLink::handle_stages() {
    while (!stages_.empty() && !ended_) {
        const transport::StageChange change = stages_.front();
        stages_.erase(stages_.begin());
        on_stage_change(change);
    }
    if (path_lost_.empty() || ended_) return;
    const std::string words = std::exchange(path_lost_, {});
    log_.warn("media.path_lost", {{"why", words}});
    session_.on_path_lost("media's path is lost: " + words, monotonic_now());
    process_events();
}

void RoomLink::on_stage_change(const transport::StageChange& change) {
    using transport::Stage;
    const Instant now = monotonic_now();
    if (change.stage == Stage::Dtls) {
        stage_ = "dtls";
        listener_.on_stage("ice", change.spent);
    } else if (change.stage == Stage::Connected) {
        if (change.previous == Stage::Dtls) {
            listener_.on_stage("dtls", change.spent);
            log_connected();
            connection_->set_polled();
        }
        stage_ = "media";
        was_connected_ = true;
        media_failures_ = 0;
        session_.on_media_connected(now);
        listener_.on_connected();
    } else if (change.stage == Stage::Interrupted) {
        log_.warn("media.interrupted");
        // Of a relay's path the server knows half: it is the relay that may be gone.
        const auto pair = connection_->selected_pair();
        if (pair && !pair->relay.empty()) path_lost_ = "its relay does not answer";
        listener_.on_interrupted("media", "the server's media address does not answer");
    } else if (change.stage == Stage::Closed) {
        media_closed_at_ = now;
    } else if (change.stage == Stage::Failed) {
        std::string words(transport::to_string(change.previous));
        words += " failed after " + in_seconds(change.spent);
        if (change.error) words += ": " + change.error->to_string();
        on_media_failed(words);
    }
    process_events();
}

void RoomLink::on_media_failed(const std::string& words) {
    ++media_failures_;
    if (!was_connected_ && media_failures_ >= kHopelessMediaFailures) {
        hopeless_ = words;
        session_.leave(monotonic_now());
    } else {
        session_.on_media_failed(words, monotonic_now());
    }
}

void RoomLink::handle(signal::Reconnecting& event) {
    const bool resume = event.mode == signal::Reconnecting::Mode::Resume;
    log_.warn(
        "room.reconnecting",
        {{"mode", resume ? "resume" : "rejoin"}, {"attempt", event.attempt}, {"why", event.words}}
    );
    listener_.on_interrupted(resume ? "signal" : "media", event.words);
}

void RoomLink::handle(signal::Ended& event) {
    ended_ = true;
    if (socket_) socket_->close();
    if (connection_) connection_->close();
    if (!hopeless_.empty()) return listener_.on_ended(signal::EndReason::JoinFailure, hopeless_);
    listener_.on_ended(event.reason, std::move(event.words));
}

void RoomLink::handle(signal::ParticipantJoined& event) {
    listener_.on_participant(event.participant);
}
void RoomLink::handle(signal::ParticipantUpdated& event) {
    listener_.on_participant(event.participant);
}
void RoomLink::handle(signal::ParticipantLeft& event) {
    listener_.on_participant_left(event.sid, event.identity);
}
void RoomLink::handle(signal::TrackPublished& event) {
    listener_.on_track(event.participant_sid, event.track);
}
void RoomLink::handle(signal::TrackUpdated& event) {
    listener_.on_track(event.participant_sid, event.track);
}
void RoomLink::handle(signal::TrackUnpublished& event) { listener_.on_track_gone(event.track_sid); }
void RoomLink::handle(signal::RoomUpdated& event) { listener_.on_room(event.room); }
void RoomLink::handle(signal::SubscriptionFailed& event) {
    log_.warn("track.refused", {{"track", event.track_sid}, {"why", event.words}});
}
void RoomLink::handle(signal::SelfUpdated&) {}     // A layout is for those who compose video.
void RoomLink::handle(signal::RefreshedToken&) {}  // The session itself uses it to resume.

}  // namespace aircheck::recorder
