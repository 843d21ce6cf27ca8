#pragma once

#include "core/log.hpp"
#include "core/time.hpp"
#include "net/address_watch.hpp"
#include "net/loop.hpp"
#include "net/websocket.hpp"
#include "recorder/job.hpp"
#include "signal/room.hpp"
#include "transport/connection.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::recorder {

/// The way into one room: the signal session's socket and the peer connection, kept up through
/// resumes and rejoins. A thin shell around signal::RoomSession and transport::Connection.
///
/// Lives on a media thread. Its owner calls tick() every 250 ms or oftener. Listener methods are
/// called from loop events and from tick(); they may call leave(), but must not destroy the link.
class RoomLink : private transport::PeerTransport::Sink {
public:
    class Listener {
    public:
        virtual ~Listener() = default;
        /// A stage of getting in is done: "resolve", "tcp", "tls", "signal", "ice", "dtls".
        virtual void on_stage(std::string_view stage, Nanoseconds took) = 0;
        virtual void on_room(const signal::Room& room) = 0;
        virtual void on_participant(const signal::Participant& participant
        ) = 0;  ///< New or changed.
        virtual void on_participant_left(const std::string& sid, const std::string& identity) = 0;
        virtual void on_track(const std::string& participant_sid, const signal::Track& track) = 0;
        virtual void on_track_gone(const std::string& track_sid) = 0;
        /// The whole mapping from SSRCs to tracks, after each offer.
        virtual void on_mapping(const std::vector<signal::TrackMapping>& tracks) = 0;
        virtual void on_rtp(BytesView packet, Instant arrival) = 0;
        virtual void on_rtcp(BytesView packet, Instant arrival) = 0;
        /// The "signal" or "media" connection is lost and being regained. Media may flow on.
        virtual void on_interrupted(std::string_view reason, std::string_view words) = 0;
        virtual void on_connected() = 0;  ///< Media can flow (again).
        /// Nothing follows. `words` name the stage that failed and how long it took.
        virtual void on_ended(signal::EndReason reason, std::string words) = 0;
    };

    struct Options {
        RoomAccess access;
        std::string room_name;
        std::string identity;
        std::string srtp_profiles;  ///< "": transport's own.
        transport::IceTransport ice_transport = transport::IceTransport::All;
        signal::TrackFilter wants = signal::every_audio_track;
    };

    /// `loop`, `certificate` and `listener` outlive the link.
    RoomLink(
        net::Loop& loop,
        const transport::Certificate& certificate,
        Options options,
        log::RecordingLog log,
        Listener& listener
    );
    ~RoomLink() override;
    RoomLink(const RoomLink&) = delete;
    RoomLink& operator=(const RoomLink&) = delete;

    void start();
    /// Says goodbye; on_ended(Left) follows from inside.
    void leave();
    /// Drains the sockets, runs what is due.
    void tick(Instant now);
    /// Hands over what has arrived: before the recording ends, nothing of it is left in a socket.
    void drain(Instant now);
    /// Sends one compound RTCP packet; dropped while not connected.
    void send_rtcp(BytesView packet);
    /// The stage that getting in has reached: "signal", "ice", "dtls", "media".
    [[nodiscard]] std::string_view stage() const { return stage_; }
    /// What that stage still waits for.
    [[nodiscard]] std::string waits_for() const;

private:
    void on_rtp(BytesView packet, Instant arrival) override { listener_.on_rtp(packet, arrival); }
    void on_rtcp(BytesView packet, Instant arrival) override { listener_.on_rtcp(packet, arrival); }
    void on_stage(const transport::StageChange& change) override;

    void process_events();
    void handle(signal::Connect& event);
    void handle(signal::Send& event);
    void handle(signal::Joined& event);
    void handle(signal::RemoteOffer& event);
    void handle(signal::RemoteCandidate& event);
    void handle(signal::Reconnecting& event);
    void handle(signal::Ended& event);
    void handle(signal::ParticipantJoined& event);
    void handle(signal::ParticipantUpdated& event);
    void handle(signal::ParticipantLeft& event);
    void handle(signal::TrackPublished& event);
    void handle(signal::TrackUpdated& event);
    void handle(signal::TrackUnpublished& event);
    void handle(signal::RoomUpdated& event);
    void handle(signal::SubscriptionFailed& event);
    void handle(signal::Resumed& event);
    void handle(signal::SelfUpdated& event);
    void handle(signal::RefreshedToken& event);

    void handle_stages();
    void log_connected() const;
    void on_stage_change(const transport::StageChange& change);
    void on_socket_closed(signal::SocketNumber number, const net::WebSocket::Failure& failure);
    void open_connection(const std::vector<signal::IceServer>& ice_servers);
    void trickle(const std::string& candidate);
    void on_media_failed(const std::string& words);
    void on_path_lost(const std::string& words);
    void on_address_change(const std::string& address, net::AddressWatch::Change change);
    void retire_connection();
    void defer();

    net::Loop& loop_;
    const transport::Certificate& certificate_;
    Options options_;
    log::RecordingLog log_;
    Listener& listener_;
    signal::RoomSession session_;
    std::unique_ptr<net::WebSocket> socket_;
    std::unique_ptr<transport::Connection> connection_;
    /// Replaced inside their own handlers; freed by the next tick.
    std::vector<std::unique_ptr<net::WebSocket>> retired_sockets_;
    std::vector<std::unique_ptr<transport::Connection>> retired_connections_;
    std::vector<transport::StageChange> stages_;
    std::string local_address_;
    bool forces_relay_ = false;  ///< The server said so.
    std::string stage_ = "signal";
    Instant connecting_since_;
    std::optional<Instant> media_closed_at_;  ///< By the server, which has not said why so far.
    std::string hopeless_;                    ///< Why we gave up, when it was us.
    int media_failures_ = 0;                  ///< Since media flowed last.
    bool was_connected_ = false;
    bool processing_ = false;
    bool ended_ = false;
    std::string path_lost_;  ///< Why, until that is handled.
    net::AddressWatch addresses_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::recorder
