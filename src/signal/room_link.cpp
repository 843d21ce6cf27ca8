#include "signal/messages.hpp"
#include "signal/refusal.hpp"
#include "signal/room_session.hpp"

#include <algorithm>

namespace aircheck::signal {
namespace {

/// Longer than any WebSocket client's own time limit: only a shell that lost the call runs into it.
constexpr std::chrono::seconds kConnectGuard{30};
/// How long a connection must hold until the next loss counts as the first again. Without it a
/// server that accepts and drops us would be asked without a pause, for ever.
constexpr std::chrono::seconds kStable{10};
/// A server that knows the session takes the first resume; more only help over a short outage.
constexpr int kMaxResumes = 3;

constexpr int kReasonSignalDisconnected = 1;
constexpr int kReasonSubscriberFailed = 3;

/// The pause before try n, which livekit/egress makes too: none, 300 ms, 1.2 s, 2.7 s …
Nanoseconds pause_before(int attempt, Nanoseconds most) {
    const std::int64_t failed = std::clamp(attempt - 1, 0, 1000);
    return std::min<Nanoseconds>(std::chrono::milliseconds(failed * failed * 300), most);
}

}  // namespace

void RoomSession::Impl::start(Instant now) {
    if (state_ != State::Idle) return;
    if (url(-1).empty()) {
        return end(
            EndReason::Refused, "ws_url \"" + options_.server_url + "\" is no ws or wss URL"
        );
    }
    attempt_ = 1;
    connect(now);
}

void RoomSession::Impl::connect(Instant now) {
    const bool is_resume = purpose_ == Connect::Purpose::Resume;
    if (!is_resume || token_.empty()) token_ = options_.mint_token();
    // Offers of the old socket must not be answered on the new one.
    offers_.clear();
    state_ = State::Connecting;
    deadline_ = now + kConnectGuard;
    ++socket_;
    events_.emplace_back(Connect{purpose_, socket_, url(is_resume ? reconnect_reason_ : -1), token_}
    );
}

bool RoomSession::Impl::is_current(SocketNumber socket) {
    if (socket == socket_ && state_ != State::Ended && state_ != State::Pausing) return true;
    ++counters_.stale;
    return false;
}

void RoomSession::Impl::on_open(SocketNumber socket, Instant now) {
    if (!is_current(socket) || state_ != State::Connecting) return;
    state_ = State::Opened;
    deadline_ = now + options_.first_message_timeout;
    last_heard_ = now;
}

void RoomSession::Impl::on_socket_closed(
    SocketNumber socket, int http_status, std::string_view body, std::string_view words, Instant now
) {
    if (!is_current(socket)) return;
    settle(now);
    if (state_ != State::Connecting) {
        return lost("the signal connection closed: " + std::string(words), Remedy::Resume, now);
    }
    Refusal refusal = explain_refusal(http_status, body, words, url(-1));
    if (http_status != 0 && purpose_ == Connect::Purpose::Resume) {
        // The server answers but does not know the session, or our token is too old: start anew.
        return lost(std::move(refusal.words), Remedy::Rejoin, now);
    }
    // Behind a proxy a restarting server looks like no LiveKit at all.
    const bool may_retry =
        refusal.may_retry || (has_joined_ && refusal.kind == Refusal::Kind::NotLiveKit);
    if (!may_retry) return end(EndReason::Refused, std::move(refusal.words));
    lost(std::move(refusal.words), Remedy::Resume, now);
}

/// The connection is gone, or this try has failed: plan the next one, or give up.
void RoomSession::Impl::lost(std::string words, Remedy remedy, Instant now) {
    const int tries = had_media_ || has_joined_ ? options_.rejoin_tries : options_.first_join_tries;
    if (++attempt_ > tries) return end(last_reason_, std::move(words));

    const bool may_resume = remedy == Remedy::Resume && had_media_ && resumes_ < kMaxResumes;
    if (may_resume) {
        ++resumes_;
        purpose_ = Connect::Purpose::Resume;
        reconnect_reason_ = is_media_up_ ? kReasonSignalDisconnected : kReasonSubscriberFailed;
    } else {
        purpose_ = has_joined_ ? Connect::Purpose::Rejoin : Connect::Purpose::Join;
        had_media_ = false;
        is_media_up_ = false;
    }
    expects_everybody_ = false;
    events_.emplace_back(Reconnecting{
        may_resume ? Reconnecting::Mode::Resume : Reconnecting::Mode::Rejoin,
        attempt_,
        std::move(words)});
    const Nanoseconds pause = pause_before(attempt_, options_.max_pause);
    if (pause == Nanoseconds::zero()) return connect(now);
    state_ = State::Pausing;
    deadline_ = now + pause;
}

void RoomSession::Impl::end(EndReason reason, std::string words) {
    state_ = State::Ended;
    offers_.clear();
    events_.emplace_back(Ended{reason, std::move(words)});
}

void RoomSession::Impl::went_live(Instant now) {
    state_ = State::Live;
    live_since_ = now;
    next_ping_ = now + ping_interval_;
}

void RoomSession::Impl::send(Bytes message) {
    if (state_ == State::Live) events_.emplace_back(Send{std::move(message)});
}

/// A connection that has held counts its losses anew.
void RoomSession::Impl::settle(Instant now) {
    if (state_ != State::Live || !is_media_up_ || now - live_since_ < kStable) return;
    attempt_ = 0;
    resumes_ = 0;
}

void RoomSession::Impl::on_tick(Instant now) {
    settle(now);
    switch (state_) {
        case State::Idle:
        case State::Ended:
            return;
        case State::Pausing:
            if (now >= deadline_) connect(now);
            return;
        case State::Connecting:
            if (now >= deadline_) lost("no answer to the join", Remedy::Resume, now);
            return;
        case State::Opened:
            if (now >= deadline_) {
                lost("the server accepted the connection and said nothing", Remedy::Resume, now);
            }
            return;
        case State::Live:
            break;
    }
    if (now - last_heard_ >= ping_timeout_) {
        return lost(
            "nothing heard from the server for " + std::to_string(ping_timeout_.count()) + " s",
            Remedy::Resume,
            now
        );
    }
    if (now >= next_ping_) {
        const auto stamp = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
        send(encode_ping(stamp, rtt_));
        next_ping_ = now + ping_interval_;
    }
}

std::optional<Instant> RoomSession::Impl::next_deadline() const {
    switch (state_) {
        case State::Idle:
        case State::Ended:
            return std::nullopt;
        case State::Live:
            return std::min(next_ping_, last_heard_ + ping_timeout_);
        default:
            return deadline_;
    }
}

void RoomSession::Impl::on_media_connected(Instant now) {
    if (state_ == State::Ended) return;
    had_media_ = true;
    if (!is_media_up_) live_since_ = now;
    is_media_up_ = true;
    join_failures_ = 0;
    last_reason_ = EndReason::ConnectionLost;
}

void RoomSession::Impl::on_media_failed(std::string_view words, Instant now) {
    if (state_ == State::Ended || state_ == State::Idle) return;
    settle(now);
    is_media_up_ = false;
    had_media_ = false;  // What is dead cannot be resumed.
    // A join under way brings a new peer connection with it; a resume would hold on to the dead
    // one.
    if (state_ != State::Live && purpose_ != Connect::Purpose::Resume) return;
    if (state_ == State::Pausing) {
        purpose_ = Connect::Purpose::Rejoin;
        return;
    }
    lost("media connection lost: " + std::string(words), Remedy::Rejoin, now);
}

void RoomSession::Impl::on_path_lost(std::string_view words, Instant now) {
    // Any reconnection that is under way restarts ICE as well.
    if (state_ != State::Live || !had_media_) return;
    settle(now);
    is_media_up_ = false;
    lost(std::string(words), Remedy::Resume, now);
}

void RoomSession::Impl::on_network_gained(Instant now) {
    if (state_ == State::Pausing) deadline_ = now;
}

void RoomSession::Impl::leave() {
    if (state_ == State::Ended) return;
    send(encode_leave());
    end(EndReason::Left, "left");
}

}  // namespace aircheck::signal
