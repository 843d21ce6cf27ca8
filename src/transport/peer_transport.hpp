#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/socket.hpp"
#include "transport/wire.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::transport {

class Certificate;

/// Who made the offer: the offerer controls ICE unless the other side is lite (RFC 8445 §6.1.1).
enum class Side : std::uint8_t { Answerer, Offerer };
enum class IceMode : std::uint8_t { Full, Lite };
/// a=setup (RFC 8842 §5.2): who starts the DTLS handshake; an offer says Actpass.
enum class DtlsSetup : std::uint8_t { Actpass, Active, Passive };
/// Which paths may be tried: TcpFallback tries TCP when UDP does not answer.
enum class TcpUse : std::uint8_t { Fallback, Never };

[[nodiscard]] std::string_view to_string(DtlsSetup setup);

/// What the remote's session description says about its transport.
struct RemoteParameters {
    std::string ice_ufrag;
    std::string ice_pwd;
    IceMode ice_mode = IceMode::Full;  ///< Lite when the session has a=ice-lite.
    std::string fingerprint;           ///< As in SDP: "sha-256 AB:CD:…"; compared ignoring case.
    DtlsSetup setup = DtlsSetup::Actpass;
    std::vector<std::string> candidates;  ///< "candidate:…" as in SDP; unusable ones are ignored.
};

/// What our session description has to say. Valid after the first add_local_address().
struct LocalParameters {
    std::string ice_ufrag;
    std::string ice_pwd;
    std::string fingerprint;  ///< "sha-256 AB:CD:…"
    DtlsSetup setup = DtlsSetup::Active;
    std::vector<std::string> candidates;  ///< "candidate:1 1 udp …", one for each local address.
};

/// The way from nothing to media. Interrupted is Connected without an answer from the remote for a
/// while: media may still come, and it turns back or fails by itself.
enum class Stage : std::uint8_t { Idle, Ice, Dtls, Connected, Interrupted, Closed, Failed };

[[nodiscard]] std::string_view to_string(Stage stage);

/// One step of the way. Failed and Closed are final.
struct StageChange {
    Stage stage = Stage::Idle;
    Stage previous = Stage::Idle;  ///< With Failed: the stage that failed.
    Nanoseconds spent{0};          ///< In `previous`.
    Instant at;
    std::optional<Error> error;  ///< With Failed: names the remote addresses that were tried.
};

/// Counted since the transport was made; what is dropped is counted, never reported one by one.
struct TransportStats {
    std::uint64_t rtp_packets = 0, rtp_bytes = 0;      ///< Received, clear.
    std::uint64_t rtcp_packets = 0, rtcp_bytes = 0;    ///< Received, clear.
    std::uint64_t sent_packets = 0, sent_bytes = 0;    ///< RTP and RTCP, protected.
    std::uint64_t stun_packets = 0, stun_ignored = 0;  ///< Ignored: malformed or not authenticated.
    std::uint64_t dtls_packets = 0;
    std::uint64_t srtp_auth_failures = 0;
    std::uint64_t srtp_replays =
        0;  ///< Came twice (a retransmission and the late original), or too old.
    std::uint64_t unknown_source = 0;  ///< From an address that no connectivity check vouched for.
    std::uint64_t unknown_packets =
        0;  ///< Of no protocol, too short or too long, or media before DTLS.
    std::uint64_t pair_changes = 0;  ///< Selections of a pair, the first included.
};

/// The pair that media takes.
struct SelectedPair {
    PathId path = 0;
    bool tcp = false;
    std::string relay;  ///< The TURN server it goes by, as its URI; "": none. Known to Connection.
    net::Endpoint local;
    net::Endpoint remote;
};

/// ICE, DTLS and SRTP towards one remote over one component (BUNDLE, rtcp-mux): datagrams in, clear
/// RTP and RTCP out.
///
/// Sans-I/O: gets bytes and time, sends through a Wire, reports to a Sink. Not thread-safe: all
/// calls on one thread. None from inside a Wire's or Sink's method, but for send_rtp and send_rtcp,
/// which a Sink's on_rtp and on_rtcp may call. Bad packets are counted and dropped. No allocation
/// per packet once connected. Sources: RFC 8445 (ICE), 6544 (ICE-TCP), 7675 (consent), 7983
/// (demultiplexing), 5763/5764 (DTLS-SRTP), 7714 (AES-GCM).
class PeerTransport {
public:
    class Sink {
    public:
        virtual ~Sink() = default;
        /// A clear RTP packet (SRTP checked and removed); `packet` borrowed until it returns.
        virtual void on_rtp(BytesView packet, Instant arrival) = 0;
        /// A clear compound RTCP packet, likewise.
        virtual void on_rtcp(BytesView packet, Instant arrival) = 0;
        virtual void on_stage(const StageChange& change) = 0;
    };

    struct Config {
        Side side = Side::Answerer;
        IceMode ice_mode = IceMode::Full;  ///< Lite: only `sim`.
        TcpUse tcp = TcpUse::Fallback;
        Nanoseconds tcp_after = 700ms;  ///< No UDP pair has answered for so long: try TCP too.
        Nanoseconds relay_after = 1s;   ///< Nothing has answered for so long: ask for relays.
        Nanoseconds ice_timeout = 15s;  ///< Without any working pair: failed.
        Nanoseconds dtls_timeout = 15s;
        Nanoseconds dtls_first_retransmit = 250ms;  ///< Doubles up to 2 s.
        Nanoseconds interrupted_after = 8s;         ///< Without an answer to our checks.
        Nanoseconds consent_timeout = 30s;          ///< RFC 7675 §5.1.
        /// OpenSSL's names, in order of preference; a server picks by its own order.
        std::string srtp_profiles =
            "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
    };

    /// `certificate`, `wire` and `sink` outlive the transport.
    PeerTransport(const Certificate& certificate, Config config, Wire& wire, Sink& sink);
    ~PeerTransport();
    PeerTransport(const PeerTransport&) = delete;
    PeerTransport& operator=(const PeerTransport&) = delete;

    /// A UDP socket bound to `local` (a concrete address) is reached as `path`.
    void add_local_address(PathId path, const net::Endpoint& local, Instant now);
    /// A TURN server relays `relayed`, reached as `path`; `preference` among relays, 0 to 65535.
    void add_relayed_address(
        PathId path, const net::Endpoint& relayed, std::uint16_t preference, Instant now
    );
    /// The socket or relay is gone: another pair is looked for where media took this one.
    void remove_path(PathId path, Instant now);
    /// The path is on its way out: not described any more, and no new pair takes it.
    void retire_path(PathId path);
    /// As IceAgent's: when relays are wanted, and, once a search, that they are.
    [[nodiscard]] std::optional<Instant> relay_due() const;
    [[nodiscard]] bool take_relay_request(Instant now);
    void ask_for_relays_at(Instant at);
    /// What became of relays, for the words of an error.
    void set_relay_words(std::string words);

    /// Takes the remote's description: the first starts ICE; one with other ice_ufrag and ice_pwd
    /// restarts it (new local credentials, the same DTLS; media goes on over the old pair); the
    /// same again adds its candidates. Read local() afterwards for the answer. Errors:
    /// Errc::InvalidArgument (credentials or fingerprint missing or of the wrong form),
    /// Errc::Unsupported (another certificate, which needs a new transport; a hash other than
    /// sha-256).
    [[nodiscard]] Result<> set_remote(const RemoteParameters& remote, Instant now);
    /// A trickled candidate; may come before set_remote. Useless ones are ignored (debug log).
    void add_remote_candidate(std::string_view candidate, Instant now);
    /// Offerer only: new local credentials for an offer that restarts ICE; set_remote takes the
    /// answer.
    void restart_ice(Instant now);

    [[nodiscard]] const LocalParameters& local() const;

    /// A datagram, or one frame of a TCP path, from `from`; borrowed until it returns.
    void on_datagram(PathId path, const net::Endpoint& from, BytesView bytes, Instant arrival);
    void on_tcp_connected(PathId path, const net::Endpoint& local, Instant now);
    void on_tcp_closed(PathId path, std::string_view reason, Instant now);
    /// Does what is due; call at next_deadline() or by a steady tick (≤ 250 ms; then ignore it).
    void on_tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline(Instant now) const;

    /// Protects and sends one compound RTCP packet. False when not connected (it is dropped).
    bool send_rtcp(BytesView packet, Instant now);
    /// Protects and sends one RTP packet (`sim`); the same packet may be sent again, as a NACK asks
    /// for.
    bool send_rtp(BytesView packet, Instant now);
    /// Sends close_notify; the stage becomes Closed without a report.
    void close(Instant now);

    [[nodiscard]] Stage stage() const;
    [[nodiscard]] const TransportStats& stats() const;
    [[nodiscard]] std::optional<SelectedPair> selected_pair() const;
    /// While in Ice: which remote addresses are tried, for an error's words.
    [[nodiscard]] std::string tried() const;
    /// "SRTP_AEAD_AES_128_GCM" and so on; empty before Connected.
    [[nodiscard]] std::string_view srtp_profile() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::transport
