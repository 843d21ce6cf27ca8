#include "recorder/job.hpp"

#include "recorder/file_name.hpp"

#include <algorithm>

namespace aircheck::recorder {

AudioCodec codec_for(Container container) {
    switch (container) {
        case Container::Mp4:
            return AudioCodec::Aac;
        case Container::Ogg:
            return AudioCodec::Opus;
        case Container::Mp3:
            return AudioCodec::Mp3;
        case Container::Wav:
            return AudioCodec::Pcm;
        case Container::Flac:
            return AudioCodec::Flac;
    }
    return AudioCodec::Aac;
}

std::string_view extension_of(Container container) {
    switch (container) {
        case Container::Mp4:
            return ".mp4";
        case Container::Ogg:
            return ".ogg";
        case Container::Mp3:
            return ".mp3";
        case Container::Wav:
            return ".wav";
        case Container::Flac:
            return ".flac";
    }
    return "";
}

std::string_view content_type_of(Container container) {
    switch (container) {
        case Container::Mp4:
            return "video/mp4";
        case Container::Ogg:
            return "audio/ogg";
        case Container::Mp3:
            return "audio/mpeg";
        case Container::Wav:
            return "audio/wav";
        case Container::Flac:
            return "audio/flac";
    }
    return "application/octet-stream";
}

std::optional<Container> container_of(std::string_view file_name) {
    for (const Container container :
         {Container::Mp4, Container::Ogg, Container::Mp3, Container::Wav, Container::Flac}) {
        if (has_extension(file_name, extension_of(container))) return container;
    }
    return std::nullopt;
}

bool is_stored(const Snapshot& snapshot) {
    return (!snapshot.makes_file || !snapshot.file.location.empty()) &&
           (!snapshot.segments || snapshot.segments->is_whole) &&
           snapshot.manifest_spool_path.empty() &&
           std::all_of(
               snapshot.track_files.begin(),
               snapshot.track_files.end(),
               [](const TrackFileResult& track) { return !track.file.location.empty(); }
           );
}

std::string_view to_string(ParticipantKind kind) {
    switch (kind) {
        case ParticipantKind::Standard:
            return "STANDARD";
        case ParticipantKind::Ingress:
            return "INGRESS";
        case ParticipantKind::Egress:
            return "EGRESS";
        case ParticipantKind::Sip:
            return "SIP";
        case ParticipantKind::Agent:
            return "AGENT";
        case ParticipantKind::Connector:
            return "CONNECTOR";
        case ParticipantKind::Bridge:
            return "BRIDGE";
    }
    return "STANDARD";
}

std::string_view to_string(Status status) {
    switch (status) {
        case Status::Starting:
            return "EGRESS_STARTING";
        case Status::Active:
            return "EGRESS_ACTIVE";
        case Status::Ending:
            return "EGRESS_ENDING";
        case Status::Complete:
            return "EGRESS_COMPLETE";
        case Status::Failed:
            return "EGRESS_FAILED";
        case Status::Aborted:
            return "EGRESS_ABORTED";
        case Status::LimitReached:
            return "EGRESS_LIMIT_REACHED";
    }
    return "";
}

std::string_view details_of(EndReason reason) {
    switch (reason) {
        case EndReason::None:
            return "";
        case EndReason::StopRequested:
            return "End reason: StopEgress API";
        case EndReason::Removed:
        case EndReason::RoomClosed:
            return "End reason: Source closed";
        case EndReason::LastHumanLeft:
        case EndReason::SourceLeft:
            return "End reason: Source closed";
        case EndReason::LimitReached:
            return "End reason: Session limit reached";
        case EndReason::StreamsStopped:
            return "End reason: All streams stopped";
        case EndReason::Shutdown:
            return "End reason: Process killed";
        case EndReason::Failure:
            return "End reason: Failure";
    }
    return "";
}

}  // namespace aircheck::recorder
