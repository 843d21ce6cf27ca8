#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::signal {

enum class MediaKind { Audio, Video, Application, Other };
enum class Direction { SendRecv, SendOnly, RecvOnly, Inactive };
/// `a=setup` (RFC 4145): Active opens the DTLS handshake.
enum class DtlsSetup { ActPass, Active, Passive };

/// One ICE candidate (RFC 8839 §5.1).
struct Candidate {
    enum class Protocol { Udp, Tcp };
    enum class Type { Host, ServerReflexive, PeerReflexive, Relay };

    std::string foundation;
    std::uint16_t component = 1;  ///< 1 RTP (all we use), 2 RTCP.
    Protocol protocol = Protocol::Udp;
    std::uint32_t priority = 0;
    std::string address;  ///< An IP literal; host names (mDNS) are refused by parse_candidate().
    std::uint16_t port = 0;
    Type type = Type::Host;
    std::string tcp_type;  ///< "passive", "active", "so"; "" for UDP.
    std::string ufrag;     ///< The generation it belongs to, when said.
    bool operator==(const Candidate&) const = default;
};

/// Reads "candidate:…" or "a=candidate:…". Errc::Malformed names what is wrong.
[[nodiscard]] Result<Candidate> parse_candidate(std::string_view line);
/// Writes "candidate:…", without "a=".
[[nodiscard]] std::string to_string(const Candidate& candidate);

struct Codec {
    std::uint8_t payload_type = 0;
    std::string name;  ///< As written ("opus", "VP8"); compare without case: is().
    std::uint32_t clock_rate_hz = 0;
    std::uint8_t channels = 1;
    std::string fmtp;                   ///< Without the payload type; "" = none.
    std::vector<std::string> feedback;  ///< "nack", "nack pli", "ccm fir" …

    [[nodiscard]] bool is(std::string_view codec_name) const;
    /// The value of one `fmtp` parameter, or "" when it is not there.
    [[nodiscard]] std::string_view parameter(std::string_view key) const;
};

struct SsrcGroup {
    std::string semantics;  ///< "FID": media, retransmission.
    std::vector<std::uint32_t> ssrcs;
};

/// One m= section.
struct MediaSection {
    MediaKind kind = MediaKind::Other;
    std::string kind_name;             ///< The word after "m=".
    std::string protocol;              ///< "UDP/TLS/RTP/SAVPF", "UDP/DTLS/SCTP".
    std::uint16_t port = 9;            ///< 0 = refused.
    std::vector<std::string> formats;  ///< As listed on the m= line.
    std::string mid;
    Direction direction = Direction::SendRecv;
    std::vector<Codec>
        codecs;  ///< In the order of `formats`; those with an rtpmap or a static type.
    std::vector<std::uint32_t> ssrcs;  ///< In order of appearance, each once.
    std::vector<SsrcGroup> ssrc_groups;
    std::string stream_id;  ///< First part of a=msid (or of a=ssrc:… msid:); LiveKit: "PA_…|…".
    std::string track_id;  ///< Second part; LiveKit: "TR_…".
    bool rtcp_mux = false;
    bool rtcp_rsize = false;
    std::uint16_t sctp_port = 0;
    std::uint32_t max_message_size_bytes = 0;

    /// The media SSRC: the first of a FID group, else the first listed.
    [[nodiscard]] std::optional<std::uint32_t> media_ssrc() const;
    /// The retransmission SSRC of the FID group.
    [[nodiscard]] std::optional<std::uint32_t> rtx_ssrc() const;
    /// LiveKit's participant sid: the stream id before '|'; "" when there is no msid.
    [[nodiscard]] std::string_view participant_sid() const;
    [[nodiscard]] const Codec* codec(std::uint8_t payload_type) const;
};

/// A session description, offer or answer (RFC 8866, RFC 8829), as far as WebRTC with LiveKit uses
/// it. ICE and DTLS parameters are those of the BUNDLE group: session level, else of the first
/// section that has them.
struct Sdp {
    std::uint64_t session_id = 0;
    std::uint64_t session_version = 0;
    std::string ice_ufrag;
    std::string ice_pwd;
    bool ice_lite = false;
    std::string fingerprint_hash;  ///< Lower case: "sha-256".
    std::string fingerprint;       ///< "AB:CD:…", upper case.
    DtlsSetup setup = DtlsSetup::ActPass;
    std::vector<std::string> bundle;    ///< mids of a=group:BUNDLE.
    std::vector<Candidate> candidates;  ///< Of all sections, each once; component 1 only.
    bool end_of_candidates = false;
    std::vector<MediaSection> media;

    /// Reads hostile text. Unknown attributes are skipped; what is used is held against limits (256
    /// kB, 512 sections, 64 codecs a section …). Errc::Malformed or Truncated names the line.
    [[nodiscard]] static Result<Sdp> parse(std::string_view text);
    /// Text with CRLF line ends; candidates go into the first section.
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] const MediaSection* section(std::string_view mid) const;
};

/// Our end of a peer connection, as it goes into an offer or an answer.
struct LocalParameters {
    std::string ice_ufrag;              ///< At least 4 characters.
    std::string ice_pwd;                ///< At least 22 characters.
    std::string fingerprint;            ///< SHA-256 of our certificate, "AB:CD:…".
    std::vector<Candidate> candidates;  ///< At least one saves a second of ICE (media-notes (b) 2).
    std::uint64_t session_id = 1;
    std::uint64_t session_version = 1;  ///< Grows by one with each description of a session.
};

/// The receive-only answer to a server's offer: same sections, same order, same mids. Audio that is
/// offered for sending: opus and G.711 (RED left out), recvonly; audio without either, audio gone
/// and all video: inactive. Data channels are accepted. We are the DTLS client (setup active).
[[nodiscard]] Sdp make_answer(const Sdp& offer, const LocalParameters& local);

/// A track as a server offers it to a subscriber (for `sim`).
struct OfferedTrack {
    std::string mid;
    std::string participant_sid;
    std::string track_sid;  ///< "" = the section's track is gone: offered inactive.
    std::uint32_t ssrc = 0;
    bool stereo = false;
};

/// An offer as LiveKit's server makes it: a data section at `application_index`, audio sections
/// around it.
struct OfferOptions {
    LocalParameters local;
    bool ice_lite = true;
    std::string application_mid = "0";  ///< "" = no data section.
    std::size_t application_index = 0;
    std::vector<OfferedTrack> tracks;
};
[[nodiscard]] Sdp make_offer(const OfferOptions& options);

}  // namespace aircheck::signal
