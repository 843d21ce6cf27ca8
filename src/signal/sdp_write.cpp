#include "signal/sdp.hpp"

namespace aircheck::signal {
namespace {

std::string_view setup_word(DtlsSetup setup) {
    switch (setup) {
        case DtlsSetup::ActPass:
            return "actpass";
        case DtlsSetup::Active:
            return "active";
        case DtlsSetup::Passive:
            return "passive";
    }
    return "actpass";
}

std::string_view direction_word(Direction direction) {
    switch (direction) {
        case Direction::SendRecv:
            return "sendrecv";
        case Direction::SendOnly:
            return "sendonly";
        case Direction::RecvOnly:
            return "recvonly";
        case Direction::Inactive:
            return "inactive";
    }
    return "inactive";
}

/// Collects lines; values from outside have no line breaks left, since they came out of single
/// lines.
class Lines {
public:
    template <typename... Parts>
    void add(const Parts&... parts) {
        (out_.append(parts), ...);
        out_ += "\r\n";
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::string out_;
};

void write_codec(Lines& lines, const Codec& codec, MediaKind kind) {
    const std::string type = std::to_string(codec.payload_type);
    const bool says_channels = kind == MediaKind::Audio && codec.channels > 1;
    lines.add(
        "a=rtpmap:",
        type,
        " ",
        codec.name,
        "/",
        std::to_string(codec.clock_rate_hz),
        says_channels ? "/" + std::to_string(codec.channels) : std::string()
    );
    for (const std::string& feedback : codec.feedback) {
        lines.add("a=rtcp-fb:", type, " ", feedback);
    }
    if (!codec.fmtp.empty()) lines.add("a=fmtp:", type, " ", codec.fmtp);
}

void write_sources(Lines& lines, const MediaSection& section) {
    if (section.track_id.empty()) return;
    lines.add("a=msid:", section.stream_id, " ", section.track_id);
    for (const SsrcGroup& group : section.ssrc_groups) {
        std::string members;
        for (const std::uint32_t ssrc : group.ssrcs) members += " " + std::to_string(ssrc);
        lines.add("a=ssrc-group:", group.semantics, members);
    }
    for (const std::uint32_t ssrc : section.ssrcs) {
        const std::string name = "a=ssrc:" + std::to_string(ssrc);
        lines.add(name, " cname:", section.stream_id);
        lines.add(name, " msid:", section.stream_id, " ", section.track_id);
    }
}

void write_section(Lines& lines, const Sdp& sdp, const MediaSection& section) {
    std::string formats;
    for (const std::string& format : section.formats) formats += " " + format;
    lines.add(
        "m=", section.kind_name, " ", std::to_string(section.port), " ", section.protocol, formats
    );
    lines.add("c=IN IP4 0.0.0.0");
    lines.add("a=mid:", section.mid);
    if (section.port != 0) {
        lines.add("a=setup:", setup_word(sdp.setup));
        lines.add("a=ice-ufrag:", sdp.ice_ufrag);
        lines.add("a=ice-pwd:", sdp.ice_pwd);
    }
    if (section.rtcp_mux) lines.add("a=rtcp-mux");
    if (section.rtcp_rsize) lines.add("a=rtcp-rsize");
    for (const Codec& codec : section.codecs) write_codec(lines, codec, section.kind);
    write_sources(lines, section);
    if (section.sctp_port != 0) lines.add("a=sctp-port:", std::to_string(section.sctp_port));
    if (section.max_message_size_bytes != 0) {
        lines.add("a=max-message-size:", std::to_string(section.max_message_size_bytes));
    }
    if (section.kind != MediaKind::Application) lines.add("a=", direction_word(section.direction));
}

}  // namespace

std::string Sdp::to_string() const {
    Lines lines;
    lines.add("v=0");
    lines.add(
        "o=- ", std::to_string(session_id), " ", std::to_string(session_version), " IN IP4 0.0.0.0"
    );
    lines.add("s=-");
    lines.add("t=0 0");
    if (!bundle.empty()) {
        std::string mids;
        for (const std::string& mid : bundle) mids += " " + mid;
        lines.add("a=group:BUNDLE", mids);
    }
    if (ice_lite) lines.add("a=ice-lite");
    lines.add("a=fingerprint:", fingerprint_hash, " ", fingerprint);
    lines.add("a=msid-semantic:WMS *");
    bool candidates_written = false;
    for (const MediaSection& part : media) {
        write_section(lines, *this, part);
        if (candidates_written || part.port == 0) continue;
        for (const Candidate& candidate : candidates) {
            lines.add("a=", signal::to_string(candidate));
        }
        if (end_of_candidates) lines.add("a=end-of-candidates");
        candidates_written = true;
    }
    return lines.take();
}

}  // namespace aircheck::signal
