#include "control/snapshot_records.hpp"

namespace aircheck::control {

std::string kind_name(recorder::ParticipantKind kind) {
    switch (kind) {
        case recorder::ParticipantKind::Standard:
            return "STANDARD";
        case recorder::ParticipantKind::Ingress:
            return "INGRESS";
        case recorder::ParticipantKind::Egress:
            return "EGRESS";
        case recorder::ParticipantKind::Sip:
            return "SIP";
        case recorder::ParticipantKind::Agent:
            return "AGENT";
        case recorder::ParticipantKind::Connector:
            return "CONNECTOR";
        case recorder::ParticipantKind::Bridge:
            return "BRIDGE";
    }
    return "STANDARD";
}

std::vector<records::Participant> participants_of(const recorder::Snapshot& snapshot) {
    std::vector<records::Participant> participants;
    for (const recorder::ParticipantSummary& who : snapshot.participants) {
        participants.push_back(
            {who.sid,
             who.identity,
             who.name,
             kind_name(who.kind),
             who.attributes,
             who.joined_at,
             who.left_at}
        );
    }
    return participants;
}

namespace {

/// What the owner should know about tracks that were left out.
std::vector<std::string> findings_of(const recorder::Snapshot& snapshot) {
    std::vector<std::string> findings;
    for (const recorder::TrackSummary& track : snapshot.tracks) {
        const std::string whose =
            "track " + track.sid + " of '" + track.participant_identity + "' ";
        if (track.encrypted) {
            findings.push_back(whose + "is end-to-end encrypted and was left out");
        } else if (!track.unknown_codec.empty()) {
            findings.push_back(
                whose + "is " + track.unknown_codec + ", which is not supported, and was left out"
            );
        }
    }
    return findings;
}

void apply_file(const recorder::Snapshot& snapshot, records::StoredFile& file) {
    if (!snapshot.file.filename.empty()) {
        file.filename = snapshot.file.filename;
        file.key = snapshot.file.filename;
    }
    file.location = snapshot.file.location;
    file.size_bytes = snapshot.file.size_bytes;
    file.sha256 = snapshot.file.sha256;
    file.uploaded = !snapshot.file.location.empty();
    file.spool_path = snapshot.file.spool_path;
    file.started_at = snapshot.file.started_at;
    file.ended_at = snapshot.file.ended_at;
    // Until the end it still grows, and LiveKit tells none.
    if (recorder::is_final(snapshot.status)) file.duration = snapshot.file.duration;
}

void apply_segments(const recorder::SegmentsResult& segments, records::StoredFile& file) {
    if (!segments.playlist_name.empty()) {
        file.filename = segments.playlist_name;
        file.key = segments.playlist_name;
    }
    file.location = segments.playlist_location;
    file.live_filename = segments.live_playlist_name;
    file.live_location = segments.live_playlist_location;
    file.segment_count = segments.count;
    file.size_bytes = segments.size_bytes;
    file.duration = segments.duration;
    file.uploaded = segments.is_whole;
    file.started_at = segments.started_at;
    file.ended_at = segments.ended_at;
}

std::vector<records::StoredStream> streams_of(const recorder::Snapshot& snapshot) {
    std::vector<records::StoredStream> streams;
    for (const recorder::StreamResult& result : snapshot.streams) {
        records::StoredStream stream;
        stream.url = result.url;
        stream.id = result.id;
        stream.state = static_cast<records::StoredStream::State>(result.state);
        stream.error = result.error;
        stream.started_at = result.started_at;
        stream.ended_at = result.ended_at;
        stream.retries = result.retries;
        stream.last_retry_at = result.last_retry_at;
        streams.push_back(std::move(stream));
    }
    return streams;
}

}  // namespace

void apply_snapshot(const recorder::Snapshot& snapshot, records::Recording& recording) {
    recording.status = static_cast<records::RecordingStatus>(snapshot.status);
    if (!snapshot.room_sid.empty()) recording.room_sid = snapshot.room_sid;
    recording.error = snapshot.error;
    recording.error_code = snapshot.error_code;
    recording.details = std::string(recorder::details_of(snapshot.end_reason));
    constexpr std::string_view kPrefix = "End reason: ";
    recording.end_reason = recording.details.starts_with(kPrefix)
                               ? recording.details.substr(kPrefix.size())
                               : recording.details;
    recording.updated_at = snapshot.updated_at;
    if (recorder::is_final(snapshot.status)) recording.ended_at = snapshot.ended_at;
    recording.gaps.clear();
    for (const recorder::Gap& gap : snapshot.gaps) {
        recording.gaps.push_back({gap.start, gap.end, gap.reason});
    }
    recording.check.findings = findings_of(snapshot);
    recording.streams = streams_of(snapshot);
    if (recording.files.empty() && snapshot.makes_file) recording.files.emplace_back();
    for (records::StoredFile& file : recording.files) {
        if (file.kind == records::FileKind::Segments) {
            if (snapshot.segments) apply_segments(*snapshot.segments, file);
        } else if (snapshot.makes_file) {
            apply_file(snapshot, file);
        }
    }
}

}  // namespace aircheck::control
