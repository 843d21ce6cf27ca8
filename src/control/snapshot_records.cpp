#include "control/snapshot_records.hpp"

#include "control/track_files.hpp"

#include <cstddef>

namespace aircheck::control {

std::string track_file_finding(const std::string& track_id) {
    return "track " + track_id + ": its own file is not stored";
}

std::string kind_name(recorder::ParticipantKind kind) {
    return std::string(recorder::to_string(kind));
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
    for (const recorder::TrackFileResult& track : snapshot.track_files) {
        if (!track.error.empty()) {
            findings.push_back(track_file_finding(track.track_sid) + ": " + track.error);
        }
    }
    if (recorder::is_final(snapshot.status) && !snapshot.manifest_spool_path.empty()) {
        findings.emplace_back(kManifestFinding);
    }
    return findings;
}

/// Rounded up, so that the samples (at 48 kHz) come back from it.
Nanoseconds offset_of(std::int64_t samples) { return Nanoseconds((samples * 1'000'000 + 47) / 48); }

/// What has become of the bytes.
void apply_object(const recorder::FileResult& result, records::StoredFile& file) {
    file.location = result.location;
    file.size_bytes = result.size_bytes;
    file.sha256 = result.sha256;
    file.uploaded = !result.location.empty();
    file.spool_path = result.spool_path;
}

void apply_track(
    const recorder::Snapshot& snapshot,
    const recorder::TrackFileResult& track,
    records::StoredFile& file
) {
    file.kind = records::FileKind::Track;
    file.track_id = track.track_sid;
    file.identity = track.participant_identity;
    file.offset = offset_of(track.offset_samples);
    file.filename = file.key = track.file.filename;
    file.duration = track.file.duration;
    apply_object(track.file, file);
    if (!snapshot.file.started_at) return;
    file.started_at = *snapshot.file.started_at + file.offset;
    file.ended_at = *file.started_at + file.duration;
}

/// The tracks' own files come after the outputs, in the first one's store.
void apply_tracks(const recorder::Snapshot& snapshot, records::Recording& recording) {
    const std::size_t outputs =
        (snapshot.makes_file ? std::size_t{1} : 0) + (snapshot.segments ? 1 : 0);
    for (std::size_t i = 0; i < snapshot.track_files.size(); ++i) {
        const std::size_t index = outputs + i;
        if (index >= recording.files.size()) {
            records::StoredFile file;
            file.index = static_cast<int>(index);
            file.destination_json = recording.files.front().destination_json;
            file.sealed_destination = recording.files.front().sealed_destination;
            recording.files.push_back(std::move(file));
        }
        apply_track(snapshot, snapshot.track_files[i], recording.files[index]);
    }
}

void apply_file(const recorder::Snapshot& snapshot, records::StoredFile& file) {
    if (!snapshot.file.filename.empty()) {
        file.filename = snapshot.file.filename;
        file.key = snapshot.file.filename;
    }
    apply_object(snapshot.file, file);
    file.started_at = snapshot.file.started_at;
    file.ended_at = snapshot.file.ended_at;
    // Until the end it still grows, and LiveKit tells none.
    if (recorder::is_final(snapshot.status)) file.duration = snapshot.file.duration;
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
    file.spool_path = segments.spool_path;
    file.started_at = segments.started_at;
    file.ended_at = segments.ended_at;
}

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
        if (is_beside_a_mix(file)) continue;
        if (file.kind == records::FileKind::Segments) {
            if (snapshot.segments) apply_segments(*snapshot.segments, file);
        } else if (snapshot.makes_file) {
            apply_file(snapshot, file);
        }
    }
    apply_tracks(snapshot, recording);
    recording.manifest_location = snapshot.manifest_location;
}

}  // namespace aircheck::control
