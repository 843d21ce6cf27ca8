// How a recording ends: the file is finished, sent, and told of.
#include "recorder/file_name.hpp"
#include "recorder/recording.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace aircheck::recorder {
namespace {

/// LiveKit's number for an upload that failed: 400 for what the owner has to mend, 503 for the
/// rest.
int code_of_upload(const Error& error) {
    const bool owners = error.code == Errc::PermissionDenied || error.code == Errc::NotFound ||
                        error.code == Errc::InvalidArgument;
    return owners ? 400 : 503;
}

}  // namespace

void Recording::check(const Result<>& result) {
    if (result || status_ >= Status::Ending) return;
    const int code = result.error().code == Errc::NoSpace ? 507 : 500;
    end(EndReason::Failure, result.error().to_string(), code);
}

void Recording::stop(EndReason reason) {
    AC_ON_HOME(home_);
    if (status_ >= Status::Ending) return;
    if (link_) link_->drain(monotonic_now());
    end(reason, "", 0);
}

void Recording::end(EndReason reason, std::string error, int error_code) {
    if (status_ >= Status::Ending) return;
    const Status before = status_;
    end_reason_ = reason;
    error_ = std::move(error);
    error_code_ = error_code;
    ended_at_ = wall_now();
    status_ = Status::Ending;
    if (reason == EndReason::Failure) final_status_ = Status::Failed;
    if (reason == EndReason::LimitReached) final_status_ = Status::LimitReached;
    if (link_) link_->leave();
    if (before == Status::Starting) {
        if (final_status_ != Status::Failed) {
            final_status_ = Status::Aborted;
            error_code_ = 412;
            error_ = "Start signal not received";
            if (reason == EndReason::StopRequested || reason == EndReason::Shutdown) {
                error_ = "Stop called before pipeline could start";
            }
            if (capture_ && capture_->has_encrypted_track() && capture_->ssrcs().empty()) {
                final_status_ = Status::Failed;
                error_code_ = 400;
                error_ = "every audio track of the room is end-to-end encrypted";
            }
        }
        if (capture_) static_cast<void>(capture_->finish(monotonic_now(), error_));
        conclude(final_status_);
        return;
    }
    log_.info("recording.ending", {{"reason", details_of(reason)}, {"error", error_}});
    static_cast<void>(note_gap(monotonic_now()));  // A full journal does not cost the file.
    changed();
    finish_file();
}

/// The last of the output into `rest_`, and the finished file's head into `head_`.
void Recording::close_capture() {
    auto finished = capture_->finish(monotonic_now(), std::string(details_of(end_reason_)));
    rest_ = capture_->take_output();
    file_.duration = finished ? finished->duration : capture_->pipeline().duration();
    if (const auto start = capture_->pipeline().start()) {
        file_.started_at = capture_->wall_time(*start);
        file_.ended_at = *file_.started_at + file_.duration;
        ended_at_ = std::max(*ended_at_, *file_.ended_at);  // No file outlasts its recording.
    }
    if (finished) {
        head_ = std::move(finished->head);
        rest_.insert(rest_.end(), finished->tail.begin(), finished->tail.end());
        return;
    }
    final_status_ = Status::Failed;
    if (error_.empty()) {
        error_ = finished.error().to_string();
        error_code_ = 500;
    }
    // What was written is a file of fragments, which plays with the head that it began with.
    const std::uint64_t header = capture_->pipeline().header_bytes();
    if (job_.encoding.container != Container::Mp4 || output_->size() < header) return;
    if (const auto head = storage::read_range(output_->path(), 0, header)) {
        const BytesView bytes = as_bytes(*head);
        head_.assign(bytes.begin(), bytes.end());
    }
}

void Recording::finish_file() {
    close_capture();
    if (output_->size() == 0 && rest_.empty()) {
        conclude(Status::Failed);
        return;
    }
    if (auto appended = output_->append(rest_); !appended && !output_->is_whole()) {
        keep_in_spool(appended.error());
        return;
    }
    if (!upload_) {
        if (auto begun = begin_upload(); !begun) {
            keep_in_spool(begun.error());
            return;
        }
    }
    if (end_reason_ == EndReason::Failure && error_code_ == 409) {
        keep_in_spool(Error{make_error_code(Errc::Failed), error_}
        );  // The other worker's to upload.
        return;
    }
    const bool mp4 = job_.encoding.container == Container::Mp4;
    const std::uint64_t header = mp4 ? capture_->pipeline().header_bytes() : 0;
    upload_->complete(head_, output_->size() - header, [this](auto stored) {
        on_stored(std::move(stored));
    });
}

void Recording::on_stored(Result<storage::StoredObject> stored) {
    if (!stored) {
        keep_in_spool(stored.error());
        return;
    }
    file_.filename = stored->key;
    file_.location = stored->location;
    file_.size_bytes = stored->size;
    file_.sha256 = stored->sha256;
    std::error_code ignored;  // A leftover costs room, not the recording.
    std::filesystem::remove(output_->path(), ignored);
    conclude(final_status_);
}

/// The upload failed for good: the finished file stays where `egress upload` finds it.
void Recording::keep_in_spool(const Error& why) {
    if (upload_) upload_->abandon();
    const bool mp4 = job_.encoding.container == Container::Mp4;
    const std::uint64_t header = mp4 ? capture_->pipeline().header_bytes() : 0;
    const std::string finished_path =
        folder_ + "/recording" + (mp4 ? std::string(".mp4") : std::string(".ogg"));
    storage::HeadAndBody parts;
    parts.head = head_;
    parts.body_path = output_->path();
    parts.body_offset = header;
    parts.body_bytes = output_->size() - header;
    file_.spool_path = output_->path();
    file_.size_bytes = output_->size();
    if (output_->is_whole() && storage::assemble_file(parts, finished_path)) {
        file_.spool_path = finished_path;
        file_.size_bytes = head_.size() + parts.body_bytes;
        std::error_code ignored;
        std::filesystem::remove(output_->path(), ignored);
    }
    if (error_.empty()) {
        error_ = why.to_string();
        error_code_ = code_of_upload(why);
    } else if (error_ != why.to_string()) {
        error_ += "; " + why.to_string();
    }
    error_ += "; the recording is kept in " + file_.spool_path;
    conclude(Status::Failed);
}

void Recording::conclude(Status status) {
    status_ = status;
    if (!ended_at_) ended_at_ = wall_now();
    output_.reset();  // Its reserve goes; the file stays.
    const log::Level level = status == Status::Failed ? log::Level::Error : log::Level::Info;
    if (log::enabled(level)) {
        log::write(
            level,
            "recording.ended",
            {{"egress", job_.egress_id},
             {"room", job_.room_name},
             {"status", to_string(status)},
             {"file", file_.location},
             {"duration_s", to_seconds(file_.duration)},
             {"error", error_}}
        );
    }
    changed();
}

}  // namespace aircheck::recorder
