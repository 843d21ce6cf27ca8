// What a recording writes while it runs, and how it leaves for its destination.
#include "recorder/file_name.hpp"
#include "recorder/recording.hpp"
#include "recorder/track_names.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {

/// Once output begins: the header's size, and so where the body starts, is known by then.
Result<> Recording::begin_upload() {
    if (file_.filename.empty() && !name_file()) {
        return fail(Errc::Failed, "'" + job_.filepath + "': the room did not say all it needs");
    }
    UploadTask::Options options;
    options.destination = job_.destination;
    options.spec.key = file_key_ = file_.filename;
    options.spec.content_type = std::string(content_type_of(job_.encoding.container));
    options.spec.egress_id = job_.egress_id;
    options.spec.body_path = output_->path();
    options.spec.body_offset = capture_->pipeline().header_bytes();
    options.spec.checkpoint = std::exchange(checkpoint_, {});
    options.checkpoint_path = checkpoint_path(folder_);
    options.patience = context_.upload_patience;
    auto trouble = [this](const Error& error, Nanoseconds pause) {
        log_.warn(
            "upload.retrying", {{"error", error.to_string()}, {"pause_s", to_seconds(pause)}}
        );
    };
    AC_TRY(
        upload_,
        UploadTask::create(
            context_.loop, context_.uploads, context_.http, std::move(options), trouble
        )
    );
    return {};
}

void Recording::write_output() {
    if (status_ == Status::Ending || is_over() || !output_) return;
    check(write_segments(capture_->take_segments()));
    write_stream();
    write_track_files(capture_->take_track_pieces());
    const Bytes bytes = capture_->take_output();
    if ((bytes.empty() && output_->is_whole()) || !job_.makes_file) return;
    const bool had_reserve = !output_->has_used_reserve();
    check(output_->append(bytes));
    if (had_reserve && output_ && output_->has_used_reserve()) {
        log_.error("output.disk_full", {{"file", output_->path()}});
    }
    if (status_ == Status::Ending || is_over()) return;
    if (!upload_) {
        check(begin_upload());
        if (!upload_) return;
        changed();
    }
    upload_->grown(output_->size() - capture_->pipeline().header_bytes());
}

SinkContext Recording::sink_context(std::string folder) const {
    return {
        context_.loop,
        context_.uploads,
        context_.disk,
        context_.http,
        context_.upload_patience,
        job_.egress_id,
        std::move(folder),
        log_};
}

/// What is new of the tracks' own files. They are called after the mix: not before that has a name.
void Recording::write_track_files(std::vector<TrackPiece> pieces) {
    if (!job_.track_files || file_.filename.empty()) return;
    for (TrackPiece& piece : pieces) {
        if (!track_files_) {
            track_files_ = std::make_unique<TrackFileSink>(
                sink_context(tracks_folder()),
                job_.destination,
                [this, mix = file_.filename](const TrackPiece& track, std::size_t before) {
                    return track_file_name(
                        *job_.track_files,
                        mix,
                        name_parts(),
                        {track.track_sid, track.participant_identity, track.source, before}
                    );
                },
                [this] { changed(); }
            );
        }
        track_files_->add(std::move(piece));
    }
}

bool Recording::has_sent_tracks() const {
    if (!track_files_) return false;
    const auto& all = track_files_->results();
    return std::all_of(all.begin(), all.end(), [](const TrackFileResult& track) {
        return !track.file.location.empty();
    });
}

/// Segments since the last time, to where they go. Errors: they cannot be named.
Result<> Recording::write_segments(std::vector<mux::TsSegment> segments) {
    for (mux::TsSegment& segment : segments) {
        if (!segments_) {
            if (!can_expand(*job_.segments, name_parts())) {
                return fail(Errc::Failed, "segments: the room did not say all their name needs");
            }
            AC_TRY(auto names, segment_names(*job_.segments, name_parts()));
            segments_ = std::make_unique<SegmentSink>(
                sink_context(segments_folder()), *job_.segments, std::move(names)
            );
        }
        segments_->add(std::move(segment));
    }
    return {};
}

}  // namespace aircheck::recorder
