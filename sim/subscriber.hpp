#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/http_server.hpp"
#include "signal/sdp.hpp"
#include "sim/link.hpp"
#include "sim/server.hpp"
#include "transport/connection.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace livekit {
class SignalRequest;
class SignalResponse;
class ParticipantInfo;
}  // namespace livekit

namespace aircheck::sim {

/// One joined client: its signal socket, its peer connection (we offer), what it has subscribed to
/// and the link its packets take. Lives on the loop's thread; its room calls tick() every few
/// milliseconds, where everything happens that must not happen inside a callback.
class Subscriber final : public transport::PeerTransport::Sink, public Link::Output {
public:
    struct Track {
        std::string participant_sid, track_sid;
        std::uint32_t ssrc = 0;
        bool stereo = false;
        bool operator==(const Track&) const = default;
    };
    struct Nacked {
        std::uint32_t ssrc = 0;
        std::uint16_t sequence_number = 0;
    };
    enum class Subscribes : std::uint8_t { ToAll, WhenAsked };

    Subscriber(
        net::Loop& loop,
        const transport::Certificate& certificate,
        const ServerOptions& options,
        const LinkQuality& link,
        std::string identity,
        Subscribes subscribes,
        ServerStats& stats
    );
    ~Subscriber() override;

    /// Takes a new socket, at first and on resuming; the older one is forgotten.
    void attach(std::shared_ptr<net::ServerWebSocket> socket);
    void send(const livekit::SignalResponse& response);
    /// Offers what is published and subscribed to; nothing when that is known already.
    void set_published(const std::vector<Track>& tracks);
    /// Offers anew with other ICE credentials, after a resume.
    void restart_ice();
    void leave(int reason, int action);
    void drop_signal();
    void set_media(Server::Media media);

    void push(Link::Kind kind, std::uint32_t ssrc, BytesView packet, Instant now);
    void tick(Instant now);

    [[nodiscard]] const std::string& identity() const { return identity_; }
    [[nodiscard]] const std::string& sid() const { return sid_; }
    /// Media may flow, or never will for want of tracks.
    [[nodiscard]] bool is_listening(Instant now) const;
    [[nodiscard]] bool is_over() const { return over_; }
    [[nodiscard]] std::vector<Nacked> take_nacks() { return std::exchange(nacks_, {}); }
    /// This participant as others would see it, were it not hidden.
    void describe(livekit::ParticipantInfo& info) const;

    void on_rtp(BytesView, Instant) override {}
    void on_rtcp(BytesView packet, Instant arrival) override;
    void on_stage(const transport::StageChange& change) override;
    void deliver(Link::Kind kind, BytesView packet) override;

private:
    void on_message(BytesView message);
    void on_request(const livekit::SignalRequest& request);
    void on_answer(const std::string& sdp, std::uint32_t id);
    void subscribe(const std::string& track_sid, bool wanted);
    void offer();
    [[nodiscard]] bool wants(const Track& track) const;

    const ServerOptions& options_;
    ServerStats& stats_;
    std::string identity_, sid_;
    Subscribes subscribes_;
    std::set<std::string> chosen_;  ///< ToAll: switched off. WhenAsked: switched on.
    std::shared_ptr<net::ServerWebSocket> socket_;
    std::unique_ptr<transport::Connection> connection_;
    Link link_;
    std::vector<Track> published_;
    std::vector<signal::OfferedTrack> sections_;
    std::set<std::uint32_t> answered_;  ///< SSRCs that the client knows.
    std::uint32_t offer_id_ = 0;
    std::uint64_t session_version_ = 0;
    bool offer_is_open_ = false, offer_is_due_ = true, restart_is_due_ = false;
    bool connected_ = false, over_ = false, cut_ = false, was_cut_ = false;
    std::optional<Instant> connected_at_;
    Instant next_drain_;
    std::vector<Nacked> nacks_;
};

}  // namespace aircheck::sim
