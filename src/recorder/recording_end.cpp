// How a recording ends: the file is finished, sent, and told of.
#include "recorder/file_name.hpp"
#include "recorder/recording.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>

namespace aircheck::recorder {

/// LiveKit's number for a disk that fails: 507 when it is full, 500 otherwise.
int Recording::code_of(const Error& error) { return error.code == Errc::NoSpace ? 507 : 500; }

/// Runs blocking `work` on the disk's pool, and `then` with its outcome here, if this still is.
template <typename Outcome>
void Recording::on_disk(std::function<Outcome()> work, std::function<void(Outcome)> then) {
    context_.disk.run([&loop = context_.loop,
                       alive = std::weak_ptr<bool>(alive_),
                       work = std::move(work),
                       then = std::move(then)] {
        std::shared_ptr<Outcome> outcome;  // Shared, as a task has to be copied and it may not be.
        try {
            outcome = std::make_shared<Outcome>(work());
        } catch (const std::exception& error) {
            outcome = std::make_shared<Outcome>(fail(Errc::Failed, error.what()));
        }
        loop.post([alive, outcome, then] {
            if (!alive.expired()) then(std::move(*outcome));
        });
    });
}

template void Recording::on_disk(
    std::function<Result<>()> work, std::function<void(Result<>)> then
);
template void Recording::on_disk(
    std::function<Result<std::shared_ptr<ReopenedFiles>>()> work,
    std::function<void(Result<std::shared_ptr<ReopenedFiles>>)> then
);

void Recording::open_files() {
    is_opening_ = true;
    on_disk<Result<SpoolFiles>>(
        [&spool = context_.spool, &disk = context_.disk, id = job_.egress_id] {
            return open_spool_files(spool, id, disk);
        },
        [this](Result<SpoolFiles> files) { on_opened(std::move(files)); }
    );
}

void Recording::on_opened(Result<SpoolFiles> files) {
    is_opening_ = false;
    if (files) {
        folder_ = std::move(files->folder);
        output_ = std::move(files->output);
        journal_.attach(std::move(files->journal), std::move(files->first_segment));
    } else {
        not_opened_ = std::move(files.error());
    }
    if (status_ == Status::Ending) {
        end_with_files();
    } else if (not_opened_) {
        end(EndReason::Failure, not_opened_->to_string(), code_of(*not_opened_));
    }
}

/// The journal's writer keeps what the disk does not take, and tries again every second; the output
/// has a reserve and says when nothing more fits. Until then the call goes on.
void Recording::bear_full_journal(const Error& error) {
    if (!was_journal_full_) log_.error("journal.disk_full", {{"error", error.to_string()}});
    was_journal_full_ = true;
}

void Recording::check(const Result<>& result) {
    if (result || status_ >= Status::Ending) return;
    end(EndReason::Failure, result.error().to_string(), code_of(result.error()));
}

void Recording::stop(EndReason reason) {
    AC_ON_HOME(home_);
    if (status_ >= Status::Ending) return;
    if (link_) link_->drain(monotonic_now());
    end(reason, "", 0);
}

void Recording::end(EndReason reason, std::string error, int error_code) {
    if (status_ >= Status::Ending) return;
    if (joined_at_) close_the_roll();
    if (status_ >= Status::Ending) return;  // A full disk may have ended it just now.
    end_reason_ = reason;
    error_ = std::move(error);
    error_code_ = error_code;
    ended_at_ = wall_now();
    end_called_ = monotonic_now();
    status_ = Status::Ending;
    if (past_end_ && !connected_at_) end_where_past_did();
    if (reason == EndReason::Failure) final_status_ = Status::Failed;
    if (reason == EndReason::LimitReached) final_status_ = Status::LimitReached;
    if (link_) link_->leave();
    if (media_since_) {
        log_.info("recording.ending", {{"reason", details_of(reason)}, {"error", error_}});
        static_cast<void>(note_gap(end_called_));  // A full journal does not cost the file.
    }
    // What fails before there was media is told when it is over, not before.
    if (media_since_ || is_opening_) changed();
    if (!is_opening_) end_with_files();
}

void Recording::end_with_files() {
    if (media_since_) {
        finish_outputs();
    } else {
        end_without_media();
    }
}

void Recording::end_without_media() {
    finish_streams();
    if (final_status_ != Status::Failed) {
        final_status_ = Status::Aborted;
        error_code_ = 412;
        error_ = "Start signal not received";
        if (end_reason_ == EndReason::StopRequested || end_reason_ == EndReason::StreamsStopped ||
            end_reason_ == EndReason::Shutdown) {
            error_ = "Stop called before pipeline could start";
        } else if (end_reason_ == EndReason::LimitReached) {
            error_ = "Session limit reached before start signal";
        }
        if (capture_ && capture_->has_encrypted_track() && capture_->ssrcs().empty()) {
            final_status_ = Status::Failed;
            error_code_ = 400;
            error_ = "every audio track of the room is end-to-end encrypted";
        } else if (!unknown_codecs_.empty()) {
            const auto& [track, codec] = *unknown_codecs_.begin();
            final_status_ = Status::Failed;
            error_code_ = 400;
            error_ = "no media: track " + track + ": " + codec + " is not supported";
        }
    }
    if (capture_) static_cast<void>(capture_->finish(end_called_, error_));
    conclude(final_status_);
}

/// The last of the output into `rest_`, and the finished file's head into `head_`.
void Recording::close_capture() {
    auto finished = capture_->finish(end_called_, std::string(details_of(end_reason_)));
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
    if (header == 0 || !output_ || output_->size() < header) return;
    if (const auto head = storage::read_range(output_->path(), 0, header)) {
        const BytesView bytes = as_bytes(*head);
        head_.assign(bytes.begin(), bytes.end());
    }
}

void Recording::finish_outputs() {
    close_capture();
    finish_streams();
    if (!output_) {  // What was heard has no place to be.
        error_ = not_opened_->to_string();
        error_code_ = code_of(*not_opened_);
        conclude(Status::Failed);
        return;
    }
    finish_segments();
    finish_track_files();
    if (job_.makes_file) {
        finish_file();
    } else {
        leftover_ = output_->path();
        file_over(final_status_);
    }
}

void Recording::finish_segments() {
    if (const auto written = write_segments(capture_->take_segments()); !written) {
        add_error(written.error().to_string(), 500);
        final_status_ = Status::Failed;
    }
    if (job_.segments && !segments_) final_status_ = Status::Failed;
    if (!segments_ || is_anothers()) {
        are_segments_over_ = true;  // The other worker's to send, and to write the playlist of.
        return;
    }
    segments_->finish([this] { segments_over(); });
}

void Recording::segments_over() {
    are_segments_over_ = true;
    if (const std::string& error = segments_->result().error; !error.empty()) {
        add_error("segments: " + error, segments_->error_code());
        final_status_ = Status::Failed;
    }
    output_over();
}

/// The last pieces. What fails here is told with the tracks and costs nothing else.
void Recording::finish_track_files() {
    if (job_.track_files && file_.filename.empty()) static_cast<void>(name_file());
    if (track_files_ && is_anothers()) track_files_->keep(error_);
    write_track_files(capture_->take_track_pieces());
    const auto over = [this] {
        are_track_files_over_ = true;
        output_over();
    };
    if (track_files_ && !is_anothers()) return track_files_->finish(over);
    are_track_files_over_ = true;
}

/// With the last of its outputs, what belongs to the recording is written down; then it is over.
void Recording::output_over() {
    const bool are_all_over =
        is_file_over_ && are_segments_over_ && are_streams_over_ && are_track_files_over_;
    if (are_all_over) finish_manifest();
}

void Recording::file_over(Status status) {
    is_file_over_ = true;
    // One output's failure is the recording's, but does not keep the others from their end.
    if (final_status_ != Status::Failed) final_status_ = status;
    output_over();
}

void Recording::add_error(const std::string& words, int error_code) {
    if (error_.empty()) {
        error_ = words;
        error_code_ = error_code;
    } else if (error_ != words) {
        error_ += "; " + words;
    }
}

void Recording::finish_file() {
    if (output_->size() == 0 && rest_.empty()) {
        file_over(Status::Failed);
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
    if (is_anothers()) {
        keep_in_spool(Error{make_error_code(Errc::Failed), error_}
        );  // The other worker's to upload.
        return;
    }
    const std::uint64_t header = capture_->pipeline().header_bytes();
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
    leftover_ = output_->path();
    file_over(final_status_);
}

/// The upload failed for good: the finished file stays where `egress upload` finds it.
void Recording::keep_in_spool(const Error& why) {
    if (upload_) upload_->abandon();
    const std::uint64_t header = capture_->pipeline().header_bytes();
    const std::string finished_path =
        folder_ + "/recording" + std::string(extension_of(job_.encoding.container));
    file_.spool_path = output_->path();
    file_.size_bytes = output_->size();
    add_error(why.to_string(), code_of_upload(why));
    if (!output_->is_whole()) return tell_kept();
    const std::uint64_t body = output_->size() - header;
    on_disk<Result<>>(
        [head = head_, path = output_->path(), header, body, finished_path] {
            storage::HeadAndBody parts;
            parts.head = head;
            parts.body_path = path;
            parts.body_offset = header;
            parts.body_bytes = body;
            return storage::assemble_file(parts, finished_path);
        },
        [this, body, finished_path](const Result<>& assembled) {
            if (assembled) {
                leftover_ = std::exchange(file_.spool_path, finished_path);
                file_.size_bytes = head_.size() + body;
            }
            tell_kept();
        }
    );
}

void Recording::tell_kept() {
    error_ += "; the recording is kept in " + file_.spool_path;
    file_over(Status::Failed);
}

/// The end, once nothing is open any more and the disk is tidy.
void Recording::conclude(Status status) {
    final_status_ = status;
    if (!ended_at_) ended_at_ = wall_now();
    if (!output_) return announce_end();
    on_disk<Result<>>(
        [output = std::make_shared<std::unique_ptr<Output>>(std::move(output_)),
         leftover = leftover_,
         sent = segments_ && segments_->result().is_whole ? segments_folder() : "",
         tracks = has_sent_tracks() ? tracks_folder() : ""]() -> Result<> {
            output->reset();          // Its reserve goes; the file stays.
            std::error_code ignored;  // A leftover costs room, not the recording.
            if (!leftover.empty()) std::filesystem::remove(leftover, ignored);
            if (!sent.empty()) std::filesystem::remove_all(sent, ignored);
            if (!tracks.empty()) std::filesystem::remove_all(tracks, ignored);
            return {};
        },
        [this](const Result<>&) { announce_end(); }
    );
}

void Recording::announce_end() {
    status_ = final_status_;
    const log::Level level = status_ == Status::Failed ? log::Level::Error : log::Level::Info;
    if (log::enabled(level)) {
        log::write(
            level,
            "recording.ended",
            {{"egress", job_.egress_id},
             {"room", job_.room_name},
             {"status", to_string(status_)},
             {"file", file_.location},
             {"duration_s", to_seconds(file_.duration)},
             {"error", error_}}
        );
    }
    changed();
}

}  // namespace aircheck::recorder
