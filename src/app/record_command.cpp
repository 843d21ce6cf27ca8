#include "app/commands.hpp"
#include "app/interrupts.hpp"
#include "app/options_of.hpp"
#include "control/recording_request.hpp"
#include "control/room_service.hpp"
#include "core/id.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "proto/livekit_room.pb.h"
#include "recorder/recorder.hpp"
#include "storage/s3_client.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace aircheck::app {
namespace {

/// A foreground recording may run on little disk; it ends by itself when that is full.
constexpr std::uint64_t kMinFreeBytes = 1'000'000;

recorder::Mixing to_recorder(AudioMixing mixing) {
    if (mixing == AudioMixing::DualChannelAgent) return recorder::Mixing::DualChannelAgent;
    if (mixing == AudioMixing::DualChannelAlternate) return recorder::Mixing::DualChannelAlternate;
    return recorder::Mixing::Default;
}

/// Where `-o` points: s3://bucket/key with the configured keys, or a local path.
Result<> apply_output(const RecordCommand& command, const Config& config, recorder::Job& job) {
    if (command.output.empty()) {
        job.destination = default_destination(config);
        return {};
    }
    constexpr std::string_view kS3 = "s3://";
    if (command.output.starts_with(kS3)) {
        const std::string rest = command.output.substr(kS3.size());
        const auto slash = rest.find('/');
        auto destination = default_destination(config);
        auto* s3 = std::get_if<storage::S3Destination>(&destination);
        if (s3 == nullptr) {
            return fail(
                Errc::InvalidArgument,
                "-o s3://…: keys are missing: set AWS_ACCESS_KEY, AWS_SECRET_KEY and AWS_BUCKET, "
                "or "
                "storage.s3"
            );
        }
        s3->bucket = rest.substr(0, slash);
        s3->prefix.clear();
        job.filepath = slash == std::string::npos ? "" : rest.substr(slash + 1);
        job.destination = std::move(destination);
        return {};
    }
    const std::filesystem::path path(command.output);
    std::filesystem::path folder = path.parent_path();
    if (folder.empty()) folder = ".";
    job.destination = storage::LocalDestination{std::filesystem::absolute(folder).string()};
    job.filepath = path.filename().string();
    return {};
}

Result<recorder::Job> make_job(const RecordCommand& command, const Config& config) {
    recorder::Job job;
    job.egress_id = new_id("EG_");
    job.room_name = command.room;
    job.access = room_access(config);
    if (job.access.ws_url.empty()) return fail(Errc::InvalidArgument, "LIVEKIT_URL is not set");
    if (job.access.api_key.empty() || job.access.api_secret.empty()) {
        return fail(Errc::InvalidArgument, "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set");
    }
    AC_CHECK_OK(apply_output(command, config, job));
    const bool ogg = command.file_type == "ogg" ||
                     (command.file_type.empty() && command.output.ends_with(".ogg"));
    job.mixing = to_recorder(command.mixing);
    job.encoding = control::default_encoding(
        recording_defaults(config),
        job.mixing,
        ogg ? recorder::Container::Ogg : recorder::Container::Mp4
    );
    job.end.media_timeout = std::max(command.wait, Nanoseconds(5s));
    job.requested_at = wall_now();
    return job;
}

/// The room, once it exists; joining one that does not would make it.
Result<std::string> find_room(
    const RecordCommand& command, const recorder::Job& job, net::HttpClient& http
) {
    const control::RoomService rooms(job.access, http);
    const Instant until = monotonic_now() + command.wait;
    while (true) {
        AC_TRY(const auto answer, rooms.list_rooms({command.room}));
        if (answer.rooms_size() > 0) return answer.rooms(0).sid();
        if (monotonic_now() >= until) {
            return fail(
                Errc::NotFound,
                "there is no room '" + command.room + "' at " + job.access.ws_url + " (waited " +
                    std::to_string(
                        std::chrono::duration_cast<std::chrono::seconds>(command.wait).count()
                    ) +
                    " s; --wait sets how long)"
            );
        }
        std::this_thread::sleep_for(500ms);
    }
}

/// Asks before the call starts what would otherwise fail at its end.
Result<> check_bucket(const recorder::Job& job, net::HttpClient& http) {
    const auto* s3 = std::get_if<storage::S3Destination>(&job.destination);
    if (s3 == nullptr) return {};
    AC_TRY(auto client, storage::S3Client::create(*s3, http));
    return client.head_bucket();
}

class Progress {
public:
    explicit Progress(const std::string& room) : room_(room), shown_(isatty(STDERR_FILENO) == 1) {}

    void show(const recorder::Snapshot& now) {
        if (!shown_) return;
        const auto seconds = static_cast<int>(
            now.file.started_at ? to_seconds(wall_now() - *now.file.started_at) : 0
        );
        std::fprintf(
            stderr,
            "\r\033[K%s %s  %02d:%02d:%02d  %zu track%s",
            now.status == recorder::Status::Active ? "● recording" : "○ joining",
            room_.c_str(),
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            now.tracks.size(),
            now.tracks.size() == 1 ? "" : "s"
        );
    }
    void clear() const {
        if (shown_) std::fprintf(stderr, "\r\033[K");
    }

private:
    std::string room_;
    bool shown_;
};

ExitCode tell(const recorder::Snapshot& end) {
    const bool good =
        end.status == recorder::Status::Complete || end.status == recorder::Status::LimitReached;
    if (!end.file.location.empty()) {
        std::printf(
            "%s  %.2f s  %llu bytes\n",
            end.file.location.c_str(),
            to_seconds(end.file.duration),
            static_cast<unsigned long long>(end.file.size_bytes)
        );
    }
    if (good) return ExitCode::Done;
    complain(end.error.empty() ? "the recording failed" : end.error);
    return ExitCode::Failed;
}

}  // namespace

ExitCode run_record(const Config& config, const RecordCommand& command) {
    auto job = make_job(command, config);
    if (!job) {
        complain(job.error());
        return ExitCode::Usage;
    }
    net::HttpClient http;
    auto room = find_room(command, *job, http);
    auto bucket = room ? check_bucket(*job, http) : Result<>{};
    if (!room || !bucket) {
        complain(room ? bucket.error() : room.error());
        return ExitCode::Failed;
    }
    job->room_sid = *room;

    net::Loop loop;
    recorder::Recorder::Options options;
    options.data_dir = config.data_dir;
    options.journal_keep = config.journal_keep;
    options.media_threads = 1;
    options.upload_threads = 2;
    options.min_free_bytes = kMinFreeBytes;
    options.upload_patience = 60s;
    auto recorder = recorder::Recorder::create(loop, std::move(options));
    if (!recorder) {
        complain(recorder.error());
        return ExitCode::Failed;
    }
    recorder::Snapshot last;
    Progress progress(command.room);
    const std::string egress_id = job->egress_id;
    const auto started = (*recorder)->start(*std::move(job), [&](const recorder::Snapshot& now) {
        last = now;
        if (recorder::is_final(now.status))
            loop.stop();
        else
            progress.show(last);
    });
    if (!started) {
        complain(started.error());
        return ExitCode::Failed;
    }
    net::Timer second(loop);
    std::function<void()> show = [&] {
        progress.show(last);
        second.after(1s, show);
    };
    second.after(1s, show);
    Interrupts interrupts;
    net::SignalWatch signals(loop, {SIGINT, SIGTERM}, [&](int) {
        const auto meaning = interrupts.take(monotonic_now());
        if (meaning == Interrupts::Meaning::Echo) return;
        if (meaning == Interrupts::Meaning::Second) {
            progress.clear();
            complain(
                "left at once; what was received is in " + config.data_dir + "/spool/" + egress_id
            );
            std::_Exit(static_cast<int>(ExitCode::Interrupted));
        }
        (*recorder)->stop(egress_id, recorder::EndReason::StopRequested);
    });
    loop.run("aircheck");
    progress.clear();
    recorder->reset();
    return tell(last);
}

}  // namespace aircheck::app
