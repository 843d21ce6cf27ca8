#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "signal/sdp.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aircheck::signal {

/// What the room's server says of the room.
struct Room {
    std::string sid;  ///< "RM_…"; may be empty until a RoomUpdated (LiveKit Cloud).
    std::string name;
    std::string metadata;
    std::int64_t creation_time_ms = 0;  ///< Unix time.
    bool operator==(const Room&) const = default;
};

enum class TrackKind { Audio, Video, Data };
enum class TrackSource { Unknown, Camera, Microphone, ScreenShare, ScreenShareAudio };
enum class Encryption { None, Gcm, Custom };

struct Track {
    std::string sid;  ///< "TR_…"
    TrackKind kind = TrackKind::Audio;
    TrackSource source = TrackSource::Unknown;
    std::string name;
    std::string mime_type;  ///< As published ("audio/red"); may change with the first packet.
    bool muted = false;
    bool stereo = false;
    bool dtx = true;
    Encryption encryption = Encryption::None;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::string stream;  ///< Publisher's grouping ("camera"), not the SDP's stream id.
    bool operator==(const Track&) const = default;
};

enum class ParticipantKind { Standard, Ingress, Egress, Sip, Agent, Connector, Bridge };
enum class ParticipantState { Joining, Joined, Active, Disconnected };

struct Participant {
    std::string sid;  ///< "PA_…"; a participant who comes back has another.
    std::string identity;
    std::string name;
    std::string metadata;
    ParticipantKind kind = ParticipantKind::Standard;
    ParticipantState state = ParticipantState::Joining;
    std::map<std::string, std::string> attributes;
    std::int64_t joined_at_ms = 0;  ///< Unix time.
    std::uint32_t version = 0;
    std::vector<Track> tracks;
};

struct IceServer {
    std::vector<std::string> urls;
    std::string username;
    std::string credential;
};

/// Which SSRC carries which track, according to the newest offer. mids and sections are reused by
/// other tracks: never keep one of these beyond the next offer.
struct TrackMapping {
    std::string mid;
    std::string track_sid;
    std::string participant_sid;  ///< "" when the offer does not say it.
    std::uint32_t ssrc = 0;
    std::optional<std::uint32_t> rtx_ssrc;
    MediaKind kind = MediaKind::Audio;
    std::vector<Codec> codecs;  ///< As offered: choose per packet, by payload type.
};

/// Numbers the sockets of a session: what comes from an older one than the last Connect is ignored.
using SocketNumber = std::uint32_t;

// --- Events: what the shell drains, in order -----------------------------------------------------

/// Open a WebSocket now (binary, `Authorization: Bearer token`); drop the one before, if any.
struct Connect {
    enum class Purpose { Join, Resume, Rejoin };
    Purpose purpose = Purpose::Join;
    SocketNumber socket = 0;
    std::string url;
    std::string token;
};
/// Send this as one binary message on the socket of the last Connect.
struct Send {
    Bytes message;
};
/// In the room. On a rejoin everything below signalling is new: peer connection, SSRCs, our own
/// sid. Participants and tracks follow as events of their own, told as changes to what was known
/// before (at the first join: everybody).
struct Joined {
    bool rejoined = false;
    Room room;
    Participant self;
    std::vector<IceServer> ice_servers;
    bool forces_relay = false;  ///< Media may take TURN servers alone (ClientConfiguration).
    std::string server_version;
    Bytes sif_trailer;  ///< Ends the server's own frames on encrypted tracks; may be empty.
};
/// The signal connection is back and the peer connection lives on; an ICE-restart offer follows.
struct Resumed {
    std::vector<IceServer> ice_servers;  ///< With new credentials.
    bool forces_relay = false;
};
/// The server's offer: answer it with RoomSession::answer() at once, in order. `tracks` is the
/// whole mapping; what is not in it has no SSRC any more.
struct RemoteOffer {
    std::uint32_t id = 0;
    Sdp sdp;
    bool ice_restart = false;  ///< Other ufrag than the last offer of this peer connection.
    std::vector<TrackMapping> tracks;
};
/// A server candidate by trickle; may come before the first offer (keep it until then).
struct RemoteCandidate {
    Candidate candidate;
};
struct ParticipantJoined {
    Participant participant;  ///< With the tracks that it has; each also comes as TrackPublished.
};
struct ParticipantUpdated {
    Participant participant;
};
struct ParticipantLeft {
    std::string sid;
    std::string identity;
    bool replaced = false;  ///< The same identity came back under another sid.
};
struct TrackPublished {
    std::string participant_sid;
    std::string identity;
    Track track;
    bool subscribed = false;  ///< Asked for; media follows once an offer maps it.
};
struct TrackUpdated {  ///< Muted, unmuted, other codec …
    std::string participant_sid;
    std::string identity;
    Track track;
};
struct TrackUnpublished {
    std::string participant_sid;
    std::string identity;
    std::string track_sid;
};
/// The server will not send a track that was asked for.
struct SubscriptionFailed {
    std::string track_sid;
    std::string words;
};
struct RoomUpdated {
    Room room;
};
/// Our own participant changed: UpdateLayout reaches a recorder as metadata {"layout":"…"}.
struct SelfUpdated {
    Participant self;
};
/// The newest token, also used by the next resume.
struct RefreshedToken {
    std::string token;
};
/// The connection is lost and being regained; Connect events follow (now or after a pause). Media
/// may go on meanwhile when `mode` is Resume.
struct Reconnecting {
    enum class Mode { Resume, Rejoin };
    Mode mode = Mode::Resume;
    int attempt = 0;  ///< From 1, until a connection has held for 10 s.
    std::string words;
};
enum class EndReason {
    Left,        ///< leave() was called.
    RoomClosed,  ///< Nobody was left (departure or empty timeout).
    RoomDeleted,
    ParticipantRemoved,  ///< We were removed through the API.
    DuplicateIdentity,   ///< Another worker holds this egress: never rejoin.
    ServerShutdown,      ///< And rejoining failed until the tries were spent.
    JoinFailure,         ///< Media never connected, in three joins of a minute each.
    Refused,             ///< Token, room name, or the room does not exist: see `words`.
    ConnectionLost,      ///< The tries are spent.
    Other,
};
/// The session is over; nothing follows.
struct Ended {
    EndReason reason = EndReason::Other;
    std::string words;
};

using RoomEvent = std::variant<
    Connect,
    Send,
    Joined,
    Resumed,
    RemoteOffer,
    RemoteCandidate,
    ParticipantJoined,
    ParticipantUpdated,
    ParticipantLeft,
    TrackPublished,
    TrackUpdated,
    TrackUnpublished,
    SubscriptionFailed,
    RoomUpdated,
    SelfUpdated,
    RefreshedToken,
    Reconnecting,
    Ended>;

[[nodiscard]] std::string_view to_string(EndReason reason);
[[nodiscard]] std::string_view to_string(ParticipantKind kind);  ///< "standard", "agent" …
[[nodiscard]] std::string_view to_string(TrackSource source);  ///< "microphone", "screen_share" …

/// Which tracks to subscribe to. Encrypted tracks are never asked for, whatever it says.
using TrackFilter = std::function<bool(const Participant&, const Track&)>;
[[nodiscard]] bool every_audio_track(const Participant& participant, const Track& track);

struct RoomOptions {
    std::string server_url;  ///< ws(s):// or http(s)://, with or without a path.
    /// Mints a token for joining; asked at each join and rejoin (a resume takes the newest known).
    std::function<std::string()> mint_token;
    TrackFilter wants = every_audio_track;
    std::string client_version = AIRCHECK_VERSION;
    int first_join_tries = 3;  ///< Until Ended, when the server cannot be reached at the start.
    int rejoin_tries = 10;     ///< After a loss; the pause before try n is (n-1)²·300 ms.
    std::chrono::seconds max_pause{60};
    std::chrono::seconds first_message_timeout{5};
};

/// LiveKit's room protocol, v0, as a receive-only client, without sockets or clock: messages and
/// time in, events out (livekit-wire.md sections 2 and 3).
///
/// Asks for tracks explicitly (auto_subscribe=0), so that a recorder of sound costs the server no
/// video. Policy: a lost socket is resumed; a failed resume, and RECONNECT or STATE_MISMATCH, mean
/// a full rejoin with growing pauses; never after a duplicate identity or a room's end. Offers are
/// answered in order; what an older socket still says is ignored. Messages that cannot be read are
/// counted and dropped. Not thread-safe: lives on the recording's thread. Call take_events() after
/// every call.
class RoomSession {
public:
    struct Counters {
        std::uint64_t malformed = 0;  ///< Messages, SDP or candidates that could not be read.
        std::uint64_t ignored = 0;    ///< Kinds of message that a recorder has no use for.
        std::uint64_t stale = 0;      ///< Older versions of a participant, messages of old sockets.
        std::uint64_t over_limit = 0;  ///< Participants, tracks, offers beyond the limits.
    };

    explicit RoomSession(RoomOptions options);
    ~RoomSession();
    RoomSession(RoomSession&&) noexcept;
    RoomSession& operator=(RoomSession&&) noexcept;

    /// Gives the first Connect.
    void start(Instant now);

    void on_open(SocketNumber socket, Instant now);
    void on_message(SocketNumber socket, BytesView message, Instant now);
    /// The socket could not be opened, or ended. `http_status` and `body` of a refused upgrade,
    /// else 0 and ""; `words` = what the socket layer said.
    void on_socket_closed(
        SocketNumber socket,
        int http_status,
        std::string_view body,
        std::string_view words,
        Instant now
    );
    /// Pings, time-outs, pauses between tries. Every 100 ms or so; next_deadline() says when at the
    /// latest.
    void on_tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    /// ICE and DTLS are up: from now on a lost socket can be resumed; after 10 s tries count anew.
    void on_media_connected(Instant now);
    /// ICE or DTLS failed for good, so that this peer connection is dead: rejoins. (A connection
    /// that may still come back is the server's to judge: it asks for a resume and restarts ICE.)
    void on_media_failed(std::string_view words, Instant now);
    /// The path that media took is gone (an address of ours, a relay): resumes at once, by which
    /// the server restarts ICE.
    void on_path_lost(std::string_view words, Instant now);
    /// This machine has a new address: a try that waits for its turn is made now.
    void on_network_gained(Instant now);
    /// Answers the oldest unanswered offer, whose id must be `offer_id`; gives a Send and returns
    /// the description that was sent. Errc::NotFound: no such offer waits (a reconnection dropped
    /// it).
    [[nodiscard]] Result<Sdp> answer(
        std::uint32_t offer_id, const LocalParameters& local, Instant now
    );
    /// Sends our candidate by trickle, when it was not in the answer.
    void send_candidate(const Candidate& candidate);
    /// Replaces the filter, subscribes and unsubscribes accordingly.
    void set_filter(TrackFilter wants);
    /// Says goodbye: a Send and Ended{Left}. The shell then closes the socket.
    void leave(Instant now);

    /// What happened since the last call, in order.
    [[nodiscard]] std::vector<RoomEvent> take_events();

    /// The URL of a (re)join and of a resume, without tokens.
    [[nodiscard]] std::string join_url() const;
    [[nodiscard]] std::string resume_url(int reconnect_reason) const;
    /// The room's state as last told.
    [[nodiscard]] const Room& room() const;
    [[nodiscard]] const Participant& self() const;
    [[nodiscard]] const std::map<std::string, Participant>& participants() const;  ///< By sid.
    [[nodiscard]] const std::vector<TrackMapping>& tracks() const;
    [[nodiscard]] const Counters& counters() const;
    [[nodiscard]] bool is_ended() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::signal
