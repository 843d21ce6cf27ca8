#include "signal/sdp.hpp"

#include "signal/sdp_text.hpp"

#include <algorithm>

namespace aircheck::signal {
namespace {

constexpr std::string_view kOpusFmtp = "minptime=10;useinbandfec=1";

bool is_sending(Direction direction) {
    return direction == Direction::SendRecv || direction == Direction::SendOnly;
}

bool is_opus(const Codec& codec) { return codec.is("opus") && codec.clock_rate_hz == 48'000; }

bool is_g711(const Codec& codec) {
    return (codec.is("PCMU") || codec.is("PCMA")) && codec.clock_rate_hz == 8'000 &&
           codec.channels == 1;
}

/// What we take from an offered audio section, in its order: opus and G.711, each once, with NACK
/// when that is offered. LiveKit's server does not offer it, and answers NACKs nevertheless:
/// nothing has to be said for that.
std::vector<Codec> accepted_audio(const MediaSection& offered) {
    std::vector<Codec> accepted;
    for (const Codec& codec : offered.codecs) {
        if (!is_opus(codec) && !is_g711(codec)) continue;
        const bool again = std::any_of(accepted.begin(), accepted.end(), [&](const Codec& before) {
            return before.is(codec.name);
        });
        if (again) continue;
        Codec ours = codec;
        ours.fmtp.clear();
        if (is_opus(codec)) {
            ours.channels = 2;
            ours.fmtp = kOpusFmtp;
            if (codec.parameter("sprop-stereo") == "1") ours.fmtp += ";stereo=1";
        }
        ours.feedback.clear();
        for (const std::string& feedback : codec.feedback) {
            if (feedback == "nack") ours.feedback.push_back(feedback);
        }
        accepted.push_back(std::move(ours));
    }
    return accepted;
}

void take_codecs(MediaSection& section, std::vector<Codec> codecs) {
    section.formats.clear();
    for (const Codec& codec : codecs) section.formats.push_back(std::to_string(codec.payload_type));
    section.codecs = std::move(codecs);
}

/// The same section, declined but kept: BUNDLE and the m= line's index survive for the next track.
void answer_inactive(const MediaSection& offered, MediaSection& section) {
    section.direction = Direction::Inactive;
    section.formats = offered.formats;
    section.codecs = offered.codecs;
    for (Codec& codec : section.codecs) codec.feedback.clear();
}

MediaSection answer_section(const MediaSection& offered) {
    MediaSection section;
    section.kind = offered.kind;
    section.kind_name = offered.kind_name;
    section.protocol = offered.protocol;
    section.mid = offered.mid;
    section.rtcp_mux = offered.rtcp_mux;
    section.rtcp_rsize = offered.rtcp_rsize;
    if (offered.port == 0 || offered.kind == MediaKind::Other) {
        section.port = 0;
        answer_inactive(offered, section);
        return section;
    }
    if (offered.kind == MediaKind::Application) {
        // Refusing the data section makes LiveKit give up the session (media-notes (b) 1).
        section.formats = offered.formats;
        section.sctp_port = offered.sctp_port;
        section.max_message_size_bytes = offered.max_message_size_bytes;
        return section;
    }
    auto codecs = offered.kind == MediaKind::Audio && is_sending(offered.direction)
                      ? accepted_audio(offered)
                      : std::vector<Codec>{};
    if (codecs.empty()) {
        answer_inactive(offered, section);
        return section;
    }
    section.direction = Direction::RecvOnly;
    take_codecs(section, std::move(codecs));
    return section;
}

void put_local(const LocalParameters& local, Sdp& sdp) {
    sdp.session_id = local.session_id;
    sdp.session_version = local.session_version;
    sdp.ice_ufrag = local.ice_ufrag;
    sdp.ice_pwd = local.ice_pwd;
    sdp.fingerprint_hash = "sha-256";
    sdp.fingerprint = local.fingerprint;
    sdp.candidates = local.candidates;
    // Trickled ones may follow when none is known yet.
    sdp.end_of_candidates = !local.candidates.empty();
}

void bundle_all(Sdp& sdp) {
    for (const MediaSection& section : sdp.media) {
        if (section.port != 0) sdp.bundle.push_back(section.mid);
    }
}

MediaSection data_section(const std::string& mid) {
    MediaSection section;
    section.kind = MediaKind::Application;
    section.kind_name = "application";
    section.protocol = "UDP/DTLS/SCTP";
    section.formats = {"webrtc-datachannel"};
    section.mid = mid;
    section.sctp_port = 5000;
    section.max_message_size_bytes = 65'535;
    return section;
}

MediaSection audio_section(const OfferedTrack& track) {
    MediaSection section;
    section.kind = MediaKind::Audio;
    section.kind_name = "audio";
    section.protocol = "UDP/TLS/RTP/SAVPF";
    section.mid = track.mid;
    section.rtcp_mux = true;
    section.rtcp_rsize = true;
    Codec opus{111, "opus", 48'000, 2, std::string(kOpusFmtp), {"nack"}};
    if (track.stereo) opus.fmtp += ";sprop-stereo=1";
    Codec pcmu{0, "PCMU", 8'000, 1, "", {"nack"}};
    Codec pcma{8, "PCMA", 8'000, 1, "", {"nack"}};
    take_codecs(
        section,
        {std::move(opus),
         Codec{63, "red", 48'000, 2, "111/111", {}},
         std::move(pcmu),
         std::move(pcma)}
    );
    if (track.track_sid.empty()) {
        section.direction = Direction::Inactive;
        return section;
    }
    section.direction = Direction::SendRecv;
    section.stream_id = track.participant_sid + "|" + track.track_sid;
    section.track_id = track.track_sid;
    section.ssrcs = {track.ssrc};
    return section;
}

}  // namespace

bool Codec::is(std::string_view codec_name) const { return text::same_word(name, codec_name); }

std::string_view Codec::parameter(std::string_view key) const {
    std::string_view rest = fmtp;
    while (!rest.empty()) {
        auto [item, tail] = text::cut(rest, ';');
        rest = tail;
        while (item.starts_with(' ')) item.remove_prefix(1);
        const auto [name_part, value] = text::cut(item, '=');
        if (text::same_word(name_part, key)) return value;
    }
    return {};
}

std::optional<std::uint32_t> MediaSection::media_ssrc() const {
    for (const SsrcGroup& group : ssrc_groups) {
        if (group.semantics == "FID" && !group.ssrcs.empty()) return group.ssrcs.front();
    }
    if (ssrcs.empty()) return std::nullopt;
    return ssrcs.front();
}

std::optional<std::uint32_t> MediaSection::rtx_ssrc() const {
    for (const SsrcGroup& group : ssrc_groups) {
        if (group.semantics == "FID" && group.ssrcs.size() >= 2) return group.ssrcs[1];
    }
    return std::nullopt;
}

std::string_view MediaSection::participant_sid() const { return text::cut(stream_id, '|').first; }

const Codec* MediaSection::codec(std::uint8_t payload_type) const {
    for (const Codec& codec : codecs) {
        if (codec.payload_type == payload_type) return &codec;
    }
    return nullptr;
}

const MediaSection* Sdp::section(std::string_view mid) const {
    for (const MediaSection& candidate : media) {
        if (candidate.mid == mid) return &candidate;
    }
    return nullptr;
}

Sdp make_answer(const Sdp& offer, const LocalParameters& local) {
    Sdp answer;
    put_local(local, answer);
    answer.setup = DtlsSetup::Active;
    for (const MediaSection& offered : offer.media) {
        answer.media.push_back(answer_section(offered));
    }
    bundle_all(answer);
    return answer;
}

Sdp make_offer(const OfferOptions& options) {
    Sdp offer;
    put_local(options.local, offer);
    offer.ice_lite = options.ice_lite;
    offer.setup = DtlsSetup::ActPass;
    for (const OfferedTrack& track : options.tracks) offer.media.push_back(audio_section(track));
    if (!options.application_mid.empty()) {
        const auto index = std::min(options.application_index, offer.media.size());
        offer.media.insert(
            offer.media.begin() + static_cast<std::ptrdiff_t>(index),
            data_section(options.application_mid)
        );
    }
    bundle_all(offer);
    return offer;
}

}  // namespace aircheck::signal
