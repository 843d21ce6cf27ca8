#include "signal/sdp.hpp"
#include "signal/sdp_text.hpp"

#include <algorithm>

namespace aircheck::signal {
namespace {

constexpr std::size_t kMaxBytes = 256 * 1024;
constexpr std::size_t kMaxSections = 512;
constexpr std::size_t kMaxCodecs = 64;
constexpr std::size_t kMaxFeedback = 16;
constexpr std::size_t kMaxSsrcs = 32;
constexpr std::size_t kMaxCandidates = 128;
constexpr std::size_t kMaxToken = 256;

MediaKind kind_of(std::string_view word) {
    if (word == "audio") return MediaKind::Audio;
    if (word == "video") return MediaKind::Video;
    if (word == "application") return MediaKind::Application;
    return MediaKind::Other;
}

std::optional<Direction> direction_of(std::string_view word) {
    if (word == "sendrecv") return Direction::SendRecv;
    if (word == "sendonly") return Direction::SendOnly;
    if (word == "recvonly") return Direction::RecvOnly;
    if (word == "inactive") return Direction::Inactive;
    return std::nullopt;
}

std::optional<DtlsSetup> setup_of(std::string_view word) {
    if (word == "actpass") return DtlsSetup::ActPass;
    if (word == "active") return DtlsSetup::Active;
    if (word == "passive") return DtlsSetup::Passive;
    return std::nullopt;
}

bool is_ice_text(std::string_view text, std::size_t least) {
    if (text.size() < least || text.size() > kMaxToken) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
    });
}

/// "AB:CD:…" in upper case; nothing when it is anything else.
std::optional<std::string> fingerprint_of(std::string_view text) {
    if (text.size() < 59 || text.size() > 191 || text.size() % 3 != 2) return std::nullopt;
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] >= 'a' && out[i] <= 'f') out[i] = static_cast<char>(out[i] - 'a' + 'A');
        const char c = out[i];
        const bool is_hex = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
        if (i % 3 == 2 ? c != ':' : !is_hex) return std::nullopt;
    }
    return out;
}

class Parser {
public:
    Result<Sdp> parse(std::string_view text);

private:
    Result<> line(char type, std::string_view value);
    Result<> origin(std::string_view value);
    Result<> begin_section(std::string_view value);
    Result<> attribute(std::string_view name, std::string_view value);
    Result<> transport_attribute(std::string_view name, std::string_view value, bool& known);
    Result<> section_attribute(std::string_view name, std::string_view value);
    Result<> rtpmap(std::string_view value);
    Result<> fmtp(std::string_view value);
    Result<> feedback(std::string_view value);
    Result<> ssrc(std::string_view value);
    Result<> ssrc_group(std::string_view value);
    Result<> msid(std::string_view value);
    void candidate(std::string_view value);
    Result<> group(std::string_view value);
    Result<> finish();
    Codec* codec_of(std::string_view payload_type);
    [[nodiscard]] tl::unexpected<Error> bad(std::string_view what) const;

    Sdp sdp_;
    MediaSection* section_ = nullptr;
    std::size_t line_number_ = 0;
};

tl::unexpected<Error> Parser::bad(std::string_view what) const {
    return fail(
        Errc::Malformed, "SDP line " + std::to_string(line_number_) + ": " + std::string(what)
    );
}

Result<Sdp> Parser::parse(std::string_view text) {
    if (text.size() > kMaxBytes) return fail(Errc::Malformed, "SDP: longer than 256 kB");
    while (!text.empty()) {
        auto [row, rest] = text::cut(text, '\n');
        text = rest;
        ++line_number_;
        if (row.ends_with('\r')) row.remove_suffix(1);
        if (row.empty()) continue;
        if (row.find('\r') != row.npos || row.find('\0') != row.npos) {
            return bad("a control character");
        }
        if (row.size() < 2 || row[1] != '=') return bad("is not \"x=…\"");
        if (line_number_ == 1 && row != "v=0") return bad("must be \"v=0\"");
        AC_CHECK_OK(line(row[0], row.substr(2)));
    }
    if (line_number_ == 0) return fail(Errc::Truncated, "SDP: empty");
    AC_CHECK_OK(finish());
    return std::move(sdp_);
}

Result<> Parser::line(char type, std::string_view value) {
    if (type == 'o') return origin(value);
    if (type == 'm') return begin_section(value);
    if (type != 'a') return {};
    const auto [name, rest] = text::cut(value, ':');
    return attribute(name, rest);
}

Result<> Parser::origin(std::string_view value) {
    static_cast<void>(text::take_word(value));
    const auto id = text::number<std::uint64_t>(text::take_word(value));
    const auto version = text::number<std::uint64_t>(text::take_word(value));
    if (!id || !version) return bad("o=: session id and version are not numbers");
    sdp_.session_id = *id;
    sdp_.session_version = *version;
    return {};
}

Result<> Parser::begin_section(std::string_view value) {
    if (sdp_.media.size() >= kMaxSections) return bad("more than 512 sections");
    MediaSection section;
    section.kind_name = text::take_word(value);
    section.kind = kind_of(section.kind_name);
    const auto port = text::number<std::uint16_t>(text::take_word(value));
    if (!port) return bad("m=: port");
    section.port = *port;
    section.protocol = text::take_word(value);
    while (!value.empty()) {
        if (section.formats.size() >= kMaxCodecs) return bad("m=: more than 64 formats");
        section.formats.emplace_back(text::take_word(value));
    }
    if (section.kind_name.empty() || section.protocol.empty() || section.formats.empty()) {
        return bad("m=: needs kind, port, protocol and formats");
    }
    sdp_.media.push_back(std::move(section));
    section_ = &sdp_.media.back();
    return {};
}

Result<> Parser::attribute(std::string_view name, std::string_view value) {
    bool known = true;
    AC_CHECK_OK(transport_attribute(name, value, known));
    if (known || section_ == nullptr) return {};
    return section_attribute(name, value);
}

/// Attributes of the BUNDLE group: the first that is said counts, whatever the level.
Result<> Parser::transport_attribute(std::string_view name, std::string_view value, bool& known) {
    if (name == "ice-ufrag") {
        if (!is_ice_text(value, 4)) return bad("a=ice-ufrag");
        if (sdp_.ice_ufrag.empty()) sdp_.ice_ufrag = value;
    } else if (name == "ice-pwd") {
        if (!is_ice_text(value, 22)) return bad("a=ice-pwd");
        if (sdp_.ice_pwd.empty()) sdp_.ice_pwd = value;
    } else if (name == "ice-lite") {
        sdp_.ice_lite = true;
    } else if (name == "fingerprint") {
        const auto [hash, bytes] = text::cut(value, ' ');
        auto fingerprint = fingerprint_of(bytes);
        if (!fingerprint || hash.empty() || hash.size() > 16) return bad("a=fingerprint");
        // Several hashes may be listed; SHA-256 is the one that we check.
        if (sdp_.fingerprint.empty() ||
            (sdp_.fingerprint_hash != "sha-256" && text::same_word(hash, "sha-256"))) {
            sdp_.fingerprint_hash = text::to_lower(hash);
            sdp_.fingerprint = *std::move(fingerprint);
        }
    } else if (name == "setup") {
        const auto setup = setup_of(value);
        if (!setup) return bad("a=setup");
        sdp_.setup = *setup;
    } else if (name == "candidate") {
        candidate(value);
    } else if (name == "end-of-candidates") {
        sdp_.end_of_candidates = true;
    } else if (name == "group") {
        return group(value);
    } else {
        known = false;
    }
    return {};
}

Result<> Parser::section_attribute(std::string_view name, std::string_view value) {
    if (const auto direction = direction_of(name)) {
        section_->direction = *direction;
        return {};
    }
    if (name == "mid") {
        if (value.empty() || value.size() > kMaxToken || !section_->mid.empty()) {
            return bad("a=mid");
        }
        section_->mid = value;
        return {};
    }
    if (name == "rtcp-mux") section_->rtcp_mux = true;
    if (name == "rtcp-rsize") section_->rtcp_rsize = true;
    if (name == "rtpmap") return rtpmap(value);
    if (name == "fmtp") return fmtp(value);
    if (name == "rtcp-fb") return feedback(value);
    if (name == "ssrc") return ssrc(value);
    if (name == "ssrc-group") return ssrc_group(value);
    if (name == "msid") return msid(value);
    if (name == "sctp-port") {
        const auto port = text::number<std::uint16_t>(value);
        if (!port) return bad("a=sctp-port");
        section_->sctp_port = *port;
    }
    if (name == "max-message-size") {
        // 0 and what is beyond 32 bits both mean "any size" to us.
        section_->max_message_size_bytes = text::number<std::uint32_t>(value).value_or(0);
    }
    return {};
}

Codec* Parser::codec_of(std::string_view payload_type) {
    const auto number = text::number<std::uint8_t>(payload_type);
    if (!number) return nullptr;
    for (Codec& codec : section_->codecs) {
        if (codec.payload_type == *number) return &codec;
    }
    return nullptr;
}

Result<> Parser::rtpmap(std::string_view value) {
    const auto type = text::number<std::uint8_t>(text::take_word(value));
    const auto [name, clock_and_channels] = text::cut(value, '/');
    const auto [clock, channels] = text::cut(clock_and_channels, '/');
    const auto clock_rate = text::number<std::uint32_t>(clock);
    if (!type || *type > 127 || name.empty() || name.size() > 64 || !clock_rate ||
        *clock_rate == 0) {
        return bad("a=rtpmap");
    }
    Codec codec{*type, std::string(name), *clock_rate, 1, {}, {}};
    if (!channels.empty()) {
        const auto count = text::number<std::uint8_t>(channels);
        if (!count || *count == 0) return bad("a=rtpmap: channels");
        codec.channels = *count;
    }
    if (section_->codecs.size() >= kMaxCodecs) return bad("more than 64 codecs");
    if (codec_of(std::to_string(*type)) != nullptr) return bad("a=rtpmap: a payload type twice");
    section_->codecs.push_back(std::move(codec));
    return {};
}

Result<> Parser::fmtp(std::string_view value) {
    if (Codec* codec = codec_of(text::take_word(value))) codec->fmtp = value;
    return {};
}

Result<> Parser::feedback(std::string_view value) {
    const auto type = text::take_word(value);
    const auto add = [&](Codec& codec) {
        if (codec.feedback.size() < kMaxFeedback) codec.feedback.emplace_back(value);
    };
    if (type == "*") {
        for (Codec& codec : section_->codecs) add(codec);
    } else if (Codec* codec = codec_of(type)) {
        add(*codec);
    }
    return {};
}

Result<> Parser::ssrc(std::string_view value) {
    const auto number = text::number<std::uint32_t>(text::take_word(value));
    if (!number) return bad("a=ssrc: not a 32-bit number");
    auto& known = section_->ssrcs;
    if (std::find(known.begin(), known.end(), *number) == known.end()) {
        if (known.size() >= kMaxSsrcs) return bad("more than 32 SSRCs in a section");
        known.push_back(*number);
    }
    if (value.starts_with("msid:") && section_->track_id.empty()) return msid(value.substr(5));
    return {};
}

Result<> Parser::ssrc_group(std::string_view value) {
    SsrcGroup group;
    group.semantics = text::take_word(value);
    while (!value.empty()) {
        const auto number = text::number<std::uint32_t>(text::take_word(value));
        if (!number) return bad("a=ssrc-group: not a 32-bit number");
        if (group.ssrcs.size() >= kMaxSsrcs) return bad("a=ssrc-group: more than 32 SSRCs");
        group.ssrcs.push_back(*number);
    }
    if (section_->ssrc_groups.size() >= kMaxSsrcs) return bad("more than 32 SSRC groups");
    section_->ssrc_groups.push_back(std::move(group));
    return {};
}

Result<> Parser::msid(std::string_view value) {
    if (value.size() > 2 * kMaxToken) return bad("a=msid: too long");
    const auto [stream, track] = text::cut(value, ' ');
    if (stream == "-" || track.empty()) return {};
    section_->stream_id = stream;
    section_->track_id = track;
    return {};
}

/// A candidate that we cannot use (mDNS names, unknown transports) must not cost us the others.
void Parser::candidate(std::string_view value) {
    auto parsed = parse_candidate("candidate:" + std::string(value));
    if (!parsed || parsed->component != 1 || sdp_.candidates.size() >= kMaxCandidates) return;
    auto& known = sdp_.candidates;
    if (std::find(known.begin(), known.end(), *parsed) == known.end()) {
        known.push_back(*std::move(parsed));
    }
}

Result<> Parser::group(std::string_view value) {
    if (text::take_word(value) != "BUNDLE") return {};
    sdp_.bundle.clear();
    while (!value.empty()) {
        if (sdp_.bundle.size() >= kMaxSections) return bad("a=group: more than 512 mids");
        sdp_.bundle.emplace_back(text::take_word(value));
    }
    return {};
}

/// RFC 3551 table 4: types that need no rtpmap.
void add_static_codecs(MediaSection& section) {
    if (section.kind != MediaKind::Audio) return;
    for (const std::string& format : section.formats) {
        const bool is_ulaw = format == "0";
        if (!is_ulaw && format != "8") continue;
        const std::uint8_t type = is_ulaw ? 0 : 8;
        if (section.codec(type) != nullptr) continue;
        section.codecs.push_back(Codec{type, is_ulaw ? "PCMU" : "PCMA", 8'000, 1, {}, {}});
    }
}

void sort_codecs_by_format(MediaSection& section) {
    std::vector<Codec> sorted;
    for (const std::string& format : section.formats) {
        const auto type = text::number<std::uint8_t>(format);
        if (!type) continue;
        const auto found =
            std::find_if(section.codecs.begin(), section.codecs.end(), [&](const Codec& codec) {
                return codec.payload_type == *type;
            });
        if (found == section.codecs.end()) continue;
        sorted.push_back(std::move(*found));
        section.codecs.erase(found);
    }
    section.codecs = std::move(sorted);  // What the m= line does not list is not offered.
}

Result<> Parser::finish() {
    if (sdp_.media.empty()) return fail(Errc::Truncated, "SDP: no m= section");
    if (sdp_.ice_ufrag.empty() || sdp_.ice_pwd.empty()) {
        return fail(Errc::Malformed, "SDP: no ICE user name fragment and password");
    }
    if (sdp_.fingerprint.empty()) return fail(Errc::Malformed, "SDP: no DTLS fingerprint");
    std::vector<std::string_view> mids;
    for (MediaSection& section : sdp_.media) {
        if (section.mid.empty()) return fail(Errc::Malformed, "SDP: a section without a=mid");
        mids.push_back(section.mid);
        add_static_codecs(section);
        sort_codecs_by_format(section);
    }
    std::sort(mids.begin(), mids.end());
    if (std::adjacent_find(mids.begin(), mids.end()) != mids.end()) {
        return fail(Errc::Malformed, "SDP: two sections with one mid");
    }
    return {};
}

}  // namespace

Result<Sdp> Sdp::parse(std::string_view text) { return Parser().parse(text); }

}  // namespace aircheck::signal
