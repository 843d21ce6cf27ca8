// What a recording writes while it runs, and how it leaves for its destination.
#include "recorder/file_name.hpp"
#include "recorder/recording.hpp"

#include <utility>

namespace aircheck::recorder {

/// Once output begins: the header's size, and so where the body starts, is known by then.
Result<> Recording::begin_upload() {
    if (file_.filename.empty() && !name_file()) {
        return fail(Errc::Failed, "'" + job_.filepath + "': the room did not say all it needs");
    }
    UploadTask::Options options;
    options.destination = job_.destination;
    options.spec.key = file_.filename;
    options.spec.content_type = std::string(content_type_of(job_.encoding.container));
    options.spec.egress_id = job_.egress_id;
    options.spec.body_path = output_->path();
    options.spec.body_offset = capture_->pipeline().header_bytes();
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
    check(write_segments());
    write_stream();
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

/// Segments since the last time, to where they go. Errors: they cannot be named.
Result<> Recording::write_segments() {
    for (mux::TsSegment& segment : capture_->take_segments()) {
        if (!segments_) {
            if (!can_expand(*job_.segments, name_parts())) {
                return fail(Errc::Failed, "segments: the room did not say all their name needs");
            }
            AC_TRY(auto names, segment_names(*job_.segments, name_parts()));
            SegmentSink::Context context{
                context_.loop,
                context_.uploads,
                context_.disk,
                context_.http,
                context_.upload_patience,
                job_.egress_id,
                segments_folder(),
                log_};
            segments_ =
                std::make_unique<SegmentSink>(std::move(context), *job_.segments, std::move(names));
        }
        segments_->add(std::move(segment));
    }
    return {};
}

}  // namespace aircheck::recorder
