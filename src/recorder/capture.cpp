#include "recorder/capture.hpp"

#include "media/audio_decoder.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr Nanoseconds kQuietTick = 500ms;
constexpr std::size_t kMaxTracks = 4096;  ///< Of one recording's life; more are hostile.

journal::ParticipantKind to_journal(signal::ParticipantKind kind) {
    switch (kind) {
        case signal::ParticipantKind::Standard:
            return journal::ParticipantKind::Standard;
        case signal::ParticipantKind::Ingress:
            return journal::ParticipantKind::Ingress;
        case signal::ParticipantKind::Egress:
            return journal::ParticipantKind::Egress;
        case signal::ParticipantKind::Sip:
            return journal::ParticipantKind::Sip;
        case signal::ParticipantKind::Agent:
            return journal::ParticipantKind::Agent;
        case signal::ParticipantKind::Connector:
            return journal::ParticipantKind::Connector;
        case signal::ParticipantKind::Bridge:
            return journal::ParticipantKind::Bridge;
    }
    return journal::ParticipantKind::Standard;
}

signal::ParticipantKind to_signal(journal::ParticipantKind kind) {
    switch (kind) {
        case journal::ParticipantKind::Standard:
            return signal::ParticipantKind::Standard;
        case journal::ParticipantKind::Ingress:
            return signal::ParticipantKind::Ingress;
        case journal::ParticipantKind::Egress:
            return signal::ParticipantKind::Egress;
        case journal::ParticipantKind::Sip:
            return signal::ParticipantKind::Sip;
        case journal::ParticipantKind::Agent:
            return signal::ParticipantKind::Agent;
        case journal::ParticipantKind::Connector:
            return signal::ParticipantKind::Connector;
        case journal::ParticipantKind::Bridge:
            return signal::ParticipantKind::Bridge;
    }
    return signal::ParticipantKind::Standard;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    return text;
}

journal::TrackStart describe(
    const signal::TrackMapping& mapping,
    const signal::Track& track,
    const std::string& participant_sid,
    const signal::Participant* participant
) {
    journal::TrackStart start;
    start.track_sid = track.sid;
    start.participant_sid = participant_sid;
    if (participant != nullptr) {
        start.participant_identity = participant->identity;
        start.participant_kind = to_journal(participant->kind);
    }
    start.name = track.name;
    start.kind = static_cast<journal::TrackKind>(track.kind);
    start.source = static_cast<journal::TrackSource>(track.source);
    start.encryption = static_cast<journal::Encryption>(track.encryption);
    start.mime = track.mime_type;
    start.ssrc = mapping.ssrc;
    start.rtx_ssrc = mapping.rtx_ssrc.value_or(0);
    const std::string kind = mapping.kind == signal::MediaKind::Video ? "video/" : "audio/";
    for (const signal::Codec& codec : mapping.codecs) {
        start.formats.push_back(
            {codec.payload_type,
             lower(kind + codec.name),
             codec.clock_rate_hz,
             codec.channels,
             codec.fmtp}
        );
    }
    start.stereo = track.stereo;
    start.muted = track.muted;
    return start;
}

signal::Participant participant_of(const journal::ParticipantJoined& joined) {
    signal::Participant participant;
    participant.sid = joined.sid;
    participant.identity = joined.identity;
    participant.name = joined.name;
    participant.metadata = joined.metadata;
    participant.kind = to_signal(joined.kind);
    participant.attributes.insert(joined.attributes.begin(), joined.attributes.end());
    return participant;
}

signal::Track track_of(const journal::TrackStart& start) {
    signal::Track track;
    track.sid = start.track_sid;
    track.kind = static_cast<signal::TrackKind>(start.kind);
    track.source = static_cast<signal::TrackSource>(start.source);
    track.name = start.name;
    track.mime_type = start.mime;
    track.muted = start.muted;
    track.stereo = start.stereo;
    track.encryption = static_cast<signal::Encryption>(start.encryption);
    return track;
}

Result<journal::Writer> create_writer(
    std::unique_ptr<journal::SegmentStore> store,
    const journal::Header& header,
    const Capture::Options& options,
    Instant now
) {
    journal::Writer::Limits limits;
    limits.segment_every = options.segment_every;
    return journal::Writer::create(std::move(store), header, limits, now);
}

}  // namespace

std::string unknown_codec_of(const signal::Track& track) {
    const std::string mime = lower(track.mime_type);
    const bool is_known = mime.empty() || mime == "audio/red" || media::track_codec_of(mime);
    return is_known || track.kind != signal::TrackKind::Audio ? "" : track.mime_type;
}

Result<std::unique_ptr<Capture>> Capture::create(Options options, Instant now) {
    options.header.settings = options.settings.to_string();
    options.header.monotonic_start = now;
    AC_TRY(auto pipeline, Pipeline::create(options.settings, options.header));
    AC_TRY(auto writer, create_writer(std::move(options.store), options.header, options, now));
    return std::unique_ptr<Capture>(
        new Capture(std::move(writer), std::move(pipeline), options.header)
    );
}

Result<std::unique_ptr<Capture>> Capture::resume(
    Options options, const JournalPast& past, Instant origin, Instant now
) {
    journal::Header header = past.header;
    header.settings = options.settings.to_string();
    header.recorder_version = options.header.recorder_version;
    header.monotonic_start = origin;
    header.segment = past.last_segment + 1;
    AC_TRY(auto pipeline, Pipeline::create(options.settings, header));
    AC_TRY(auto writer, create_writer(std::move(options.store), header, options, now));
    std::unique_ptr<Capture> capture(new Capture(std::move(writer), std::move(pipeline), header));
    capture->is_behind_ = true;
    capture->recall(past);
    return capture;
}

/// Tracks go on as after a rejoin: the next mapping says under which SSRC, or that they are over.
void Capture::recall(const JournalPast& past) {
    for (const JournalPast::Participant& known : past.participants) {
        if (!known.left) participants_[known.who.sid] = participant_of(known.who);
    }
    for (const JournalPast::Track& track : past.tracks) {
        const auto [it, is_new] = tracks_.try_emplace(track.start.track_sid);
        Known& known = it->second;
        known.track = track_of(track.start);
        known.participant_sid = track.start.participant_sid;
        known.packets += track.packets;
        known.gone = track.is_over;
        streams_[track.start.ssrc] =
            Stream{track.start.track, track.start.track_sid, !track.is_over, &known};
        packets_ += track.packets;
    }
    next_index_ = past.next_track;
}

Result<> Capture::catch_up(std::unique_ptr<Pipeline> pipeline) {
    pipeline_ = std::move(pipeline);
    is_behind_ = false;
    const Bytes backlog = std::exchange(backlog_, {});
    BytesView rest = backlog;
    while (!rest.empty()) {
        const journal::DecodedRecord decoded = journal::decode_record(rest);
        if (!decoded.record) return fail(Errc::Malformed, "what happened during the catching up");
        AC_CHECK_OK(pipeline_->feed(*decoded.record, output_));
        rest = rest.subspan(decoded.size_bytes);
    }
    return {};
}

Capture::Capture(
    journal::Writer writer, std::unique_ptr<Pipeline> pipeline, const journal::Header& header
)
    : writer_(std::move(writer)),
      pipeline_(std::move(pipeline)),
      start_(header.monotonic_start),
      wall_start_(header.wall_start),
      last_record_(header.monotonic_start) {}

Result<> Capture::put(Instant at, journal::Body body) {
    const journal::Record record{std::max(at - start_, Nanoseconds(0)), std::move(body)};
    last_record_ = std::max(last_record_, at);
    if (auto kept = writer_.append(record); !kept) {
        // A text longer than the format holds (a hostile name) costs its record, not the recording.
        if (kept.error().code != Errc::InvalidArgument) return kept;
        ++unkept_records_;
    }
    if (!is_behind_) return pipeline_->feed(record, output_);
    // What the format cannot hold was counted; it is no packet.
    static_cast<void>(journal::encode(record, backlog_));
    return {};
}

Result<> Capture::on_participant(const signal::Participant& participant, Instant now) {
    participants_[participant.sid] = participant;
    journal::ParticipantJoined joined;
    joined.sid = participant.sid;
    joined.identity = participant.identity;
    joined.name = participant.name;
    joined.kind = to_journal(participant.kind);
    joined.metadata = participant.metadata;
    joined.attributes.assign(participant.attributes.begin(), participant.attributes.end());
    return put(now, std::move(joined));
}

Result<> Capture::on_participant_left(
    const std::string& sid, const std::string& identity, Instant now
) {
    participants_.erase(sid);
    return put(now, journal::ParticipantLeft{sid, identity, ""});
}

Result<> Capture::on_track(
    const std::string& participant_sid, const signal::Track& track, Instant now
) {
    auto it = tracks_.find(track.sid);
    if (it == tracks_.end()) {
        if (tracks_.size() >= kMaxTracks) return {};
        tracks_[track.sid] = Known{track, participant_sid};
        return start_mapped_tracks(now);
    }
    const bool was_muted = it->second.track.muted;
    it->second.track = track;
    if (std::exchange(it->second.gone, false)) return start_mapped_tracks(now);
    if (was_muted == track.muted) return {};
    for (const auto& [ssrc, stream] : streams_) {
        if (!stream.mapped || stream.track_sid != track.sid) continue;
        if (track.muted) return put(now, journal::TrackMute{stream.index});
        return put(now, journal::TrackUnmute{stream.index});
    }
    return {};
}

Result<> Capture::on_track_gone(const std::string& sid, Instant now) {
    const auto it = tracks_.find(sid);
    if (it != tracks_.end()) it->second.gone = true;
    for (auto& [ssrc, stream] : streams_) {
        if (!stream.mapped || stream.track_sid != sid) continue;
        stream.mapped = false;
        AC_CHECK_OK(put(now, journal::TrackEnd{stream.index, "unpublished"}));
    }
    return {};
}

Result<> Capture::on_mapping(const std::vector<signal::TrackMapping>& mapping, Instant now) {
    mapping_ = mapping;
    for (auto& [ssrc, stream] : streams_) {
        const bool still = std::any_of(mapping_.begin(), mapping_.end(), [&](const auto& entry) {
            return entry.ssrc == ssrc && entry.track_sid == stream.track_sid;
        });
        if (still || !stream.mapped) continue;
        stream.mapped = false;
        // After a rejoin the track goes on under another SSRC: not its end.
        const bool elsewhere =
            std::any_of(mapping_.begin(), mapping_.end(), [&](const auto& entry) {
                return entry.track_sid == stream.track_sid;
            });
        if (!elsewhere) AC_CHECK_OK(put(now, journal::TrackEnd{stream.index, "not offered"}));
    }
    return start_mapped_tracks(now);
}

Result<> Capture::start_mapped_tracks(Instant now) {
    for (const signal::TrackMapping& mapping : mapping_) {
        const auto stream = streams_.find(mapping.ssrc);
        const bool running = stream != streams_.end() && stream->second.mapped &&
                             stream->second.track_sid == mapping.track_sid;
        if (!running) AC_CHECK_OK(start_stream(mapping, now));
    }
    return {};
}

Result<> Capture::start_stream(const signal::TrackMapping& mapping, Instant now) {
    const auto it = tracks_.find(mapping.track_sid);
    if (it == tracks_.end() || it->second.gone) return {};  // Its publication is on its way.
    if (next_index_ == UINT16_MAX) return {};
    const auto participant = participants_.find(it->second.participant_sid);
    journal::TrackStart start = describe(
        mapping,
        it->second.track,
        it->second.participant_sid,
        participant == participants_.end() ? nullptr : &participant->second
    );
    start.track = next_index_++;
    streams_[mapping.ssrc] = Stream{start.track, mapping.track_sid, true, &it->second};
    return put(now, std::move(start));
}

Result<> Capture::on_rtp(std::uint32_t ssrc, BytesView packet, Instant arrival) {
    const auto it = streams_.find(ssrc);
    if (it == streams_.end()) {
        ++unknown_packets_;
        return {};
    }
    ++packets_;
    ++it->second.known->packets;
    return put(arrival, journal::RtpPacket{it->second.index, packet});
}

Result<> Capture::on_rtcp(BytesView packet, Instant arrival) {
    return put(arrival, journal::RtcpPacket{packet});
}

Result<> Capture::on_gap(Instant start, Instant end, journal::GapReason reason) {
    return put(end, journal::Gap{start - start_, end - start_, reason});
}

Result<> Capture::tick(Instant now) {
    if (now - last_record_ >= kQuietTick) AC_CHECK_OK(put(now, journal::Tick{}));
    if (writer_.flush_due(now)) return writer_.flush(now);
    return {};
}

Result<Pipeline::Finished> Capture::finish(Instant now, std::string reason) {
    const auto ended = put(now, journal::End{std::move(reason)});
    const auto closed = writer_.close(now);
    auto finished = pipeline_->finish(now - start_);
    // A journal that cannot be closed (a full disk) does not cost the file.
    static_cast<void>(ended);
    static_cast<void>(closed);
    return finished;
}

std::map<std::uint32_t, std::uint32_t> Capture::ssrcs() const {
    std::map<std::uint32_t, std::uint32_t> all;
    for (const auto& [ssrc, stream] : streams_) {
        if (!stream.mapped) continue;
        const auto codec = media::track_codec_of(lower(stream.known->track.mime_type));
        all[ssrc] = media::clock_rate_of(codec.value_or(media::TrackCodec::Opus));
    }
    return all;
}

bool Capture::has_encrypted_track() const {
    return std::any_of(tracks_.begin(), tracks_.end(), [](const auto& entry) {
        return entry.second.track.encryption != signal::Encryption::None;
    });
}

std::vector<TrackSummary> Capture::tracks() const {
    std::vector<TrackSummary> summaries;
    const auto counters = pipeline_->track_counters();
    for (const auto& [sid, known] : tracks_) {
        if (known.track.kind != signal::TrackKind::Audio) continue;
        TrackSummary summary;
        summary.sid = sid;
        summary.source = std::string(signal::to_string(known.track.source));
        summary.encrypted = known.track.encryption != signal::Encryption::None;
        summary.unknown_codec = unknown_codec_of(known.track);
        summary.packets_received = known.packets;
        const auto participant = participants_.find(known.participant_sid);
        if (participant != participants_.end()) {
            summary.participant_identity = participant->second.identity;
        }
        for (const auto& counter : counters) {
            if (counter.track_sid != sid) continue;
            summary.participant_identity = counter.identity;
            summary.packets_lost += counter.lost;
            summary.packets_late += counter.late;
            summary.samples_concealed += counter.concealed_samples;
        }
        summaries.push_back(std::move(summary));
    }
    return summaries;
}

}  // namespace aircheck::recorder
