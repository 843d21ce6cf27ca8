#pragma once

#include "signal/room.hpp"
#include "signal/roster.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class JoinResponse;
class LeaveRequest;
class ParticipantUpdate;
class ReconnectResponse;
class SessionDescription;
class SignalResponse;
}  // namespace livekit

namespace aircheck::signal {

/// The state machine behind RoomSession. Three files: room.cpp (the public face and the texts),
/// room_link.cpp (sockets, tries, time), room_messages.cpp (what the server says).
class RoomSession::Impl {
public:
    explicit Impl(RoomOptions options);

    // room_link.cpp
    void start(Instant now);
    void on_open(SocketNumber socket, Instant now);
    void on_socket_closed(
        SocketNumber socket,
        int http_status,
        std::string_view body,
        std::string_view words,
        Instant now
    );
    void on_tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    void on_media_connected(Instant now);
    void on_media_failed(std::string_view words, Instant now);
    void on_path_lost(std::string_view words, Instant now);
    void on_network_gained(Instant now);
    void leave();

    // room_messages.cpp
    void on_message(SocketNumber socket, BytesView message, Instant now);
    [[nodiscard]] Result<Sdp> answer(std::uint32_t offer_id, const LocalParameters& local);
    void send_candidate(const Candidate& candidate);
    void set_filter(TrackFilter wants);

    [[nodiscard]] std::string url(int reconnect_reason) const;

    RoomOptions options_;
    Roster roster_;
    Room room_;
    std::vector<TrackMapping> tracks_;
    std::vector<RoomEvent> events_;
    std::chrono::milliseconds rtt_{0};
    Counters counters_;
    bool is_ended() const { return state_ == State::Ended; }

private:
    enum class State {
        Idle,
        Pausing,     ///< Until `deadline_`, then the next Connect.
        Connecting,  ///< A Connect was given; `deadline_` guards against a shell that forgets.
        Opened,      ///< The first message is awaited until `deadline_`.
        Live,
        Ended,
    };
    /// May a loss be resumed, or does only a full rejoin help?
    enum class Remedy { Resume, Rejoin };
    struct PendingOffer {
        std::uint32_t id = 0;
        Sdp sdp;
        std::string text;
    };
    struct LastDescription {
        std::uint32_t id = 0;
        std::string text;
    };

    // room_link.cpp
    void connect(Instant now);
    void lost(std::string words, Remedy remedy, Instant now);
    void end(EndReason reason, std::string words);
    void went_live(Instant now);
    void settle(Instant now);
    void send(Bytes message);
    [[nodiscard]] bool is_current(SocketNumber socket);

    // room_messages.cpp
    void handle_first(const livekit::SignalResponse& response, Instant now);
    void handle(const livekit::SignalResponse& response, Instant now);
    void handle_join(const livekit::JoinResponse& join, Instant now);
    void handle_reconnect(const livekit::ReconnectResponse& reconnect, Instant now);
    void handle_leave(const livekit::LeaveRequest& leave, Instant now);
    void handle_offer(const livekit::SessionDescription& offer);
    void handle_trickle(std::string_view candidate_init);
    void handle_update(const livekit::ParticipantUpdate& update);
    bool follow_alternative(const std::string& url, Instant now);
    void map_tracks(const Sdp& sdp, const livekit::SessionDescription& offer);
    void send_sync_state();
    void send_requests();

    State state_ = State::Idle;
    SocketNumber socket_ = 0;
    Connect::Purpose purpose_ = Connect::Purpose::Join;
    Instant deadline_{};
    std::string token_;  ///< The newest: minted, or refreshed by the server.
    int redirects_ = 0;

    int attempt_ = 0;        ///< Tries since the connection was last stable.
    int join_failures_ = 0;  ///< Since media last flowed.
    int resumes_ = 0;        ///< Of those, how many were resumes.
    int reconnect_reason_ = 0;
    bool has_joined_ = false;
    bool had_media_ = false;  ///< In this server session: only then will the server resume it.
    bool is_media_up_ = false;
    EndReason last_reason_ = EndReason::ConnectionLost;  ///< When the tries are spent.
    Instant live_since_{};

    std::chrono::seconds ping_interval_{5};
    std::chrono::seconds ping_timeout_{15};
    Instant next_ping_{};
    Instant last_heard_{};

    std::deque<PendingOffer> offers_;
    std::optional<LastDescription> last_offer_;
    std::optional<LastDescription> last_answer_;
    std::string remote_ufrag_;
    bool expects_everybody_ = false;  ///< The first update after a resume lists all.
};

}  // namespace aircheck::signal
