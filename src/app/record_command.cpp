#include "app/commands.hpp"
#include "app/interrupts.hpp"
#include "app/options_of.hpp"
#include "app/progress.hpp"
#include "control/recording_links.hpp"
#include "control/recording_request.hpp"
#include "control/room_service.hpp"
#include "core/id.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "proto/livekit_room.pb.h"
#include "recorder/recorder.hpp"
#include "storage/object_store.hpp"
#include "storage/upload.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
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

/// A store's address in `-o`: "s3://", "gs://", "azure://".
struct StoreAddress {
    std::string_view scheme;
    std::string place;  ///< Bucket or container.
    std::string key;
};

std::optional<StoreAddress> store_address(const std::string& output) {
    for (const std::string_view scheme : {"s3://", "gs://", "azure://"}) {
        if (!output.starts_with(scheme)) continue;
        const std::string rest = output.substr(scheme.size());
        const auto slash = rest.find('/');
        return StoreAddress{
            scheme,
            rest.substr(0, slash),
            slash == std::string::npos ? "" : rest.substr(slash + 1)};
    }
    return {};
}

/// The configured store's credentials, for another of its buckets.
Result<storage::Destination> destination_of(const StoreAddress& address, const Config& config) {
    auto destination = default_destination(config);
    if (auto* s3 = std::get_if<storage::S3Destination>(&destination); address.scheme == "s3://") {
        if (s3 == nullptr) {
            return fail(
                Errc::InvalidArgument,
                "-o s3://…: keys are missing: set AWS_ACCESS_KEY, AWS_SECRET_KEY and AWS_BUCKET, "
                "or storage.s3"
            );
        }
        s3->bucket = address.place;
        s3->prefix.clear();
        return destination;
    }
    if (auto* gcs = std::get_if<storage::GcsDestination>(&destination); address.scheme == "gs://") {
        if (gcs == nullptr) {
            return fail(
                Errc::InvalidArgument,
                "-o gs://…: credentials are missing: set GCP_CREDENTIALS_JSON and GCP_BUCKET, or "
                "storage.gcp"
            );
        }
        gcs->bucket = address.place;
        gcs->prefix.clear();
        return destination;
    }
    auto* azure = std::get_if<storage::AzureDestination>(&destination);
    if (azure == nullptr) {
        return fail(
            Errc::InvalidArgument,
            "-o azure://…: the account is missing: set AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY "
            "and AZURE_STORAGE_CONTAINER, or storage.azure"
        );
    }
    azure->container = address.place;
    azure->prefix.clear();
    return destination;
}

/// Where `-o` points: s3://bucket/key or azure://container/key with the configured credentials, or
/// a local path.
Result<> apply_output(const RecordCommand& command, const Config& config, recorder::Job& job) {
    if (command.output.empty()) {
        if (config.disallow_local_storage && !config.storage.has_store()) {
            return fail(
                Errc::InvalidArgument,
                "disallow_local_storage: no bucket is configured: set storage.s3, storage.gcp or "
                "storage.azure, or say where with -o"
            );
        }
        job.destination = default_destination(config);
        return {};
    }
    if (const auto address = store_address(command.output)) {
        AC_TRY(job.destination, destination_of(*address, config));
        job.filepath = address->key;
        return {};
    }
    const std::filesystem::path path(command.output);
    std::filesystem::path folder = path.parent_path();
    if (folder.empty()) folder = ".";
    job.destination = storage::LocalDestination{std::filesystem::absolute(folder).string()};
    job.filepath = path.filename().string();
    return {};
}

/// The container that `--file-type` and the name in `-o` ask for, where both may be silent.
Result<recorder::Container> container_of(const RecordCommand& command) {
    const auto address = store_address(command.output);
    const std::string path = address ? address->key : command.output;
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::string extension = std::filesystem::path(name).extension().string();
    const auto named = recorder::container_of(extension);
    if (!extension.empty() && !named) {
        return fail(
            Errc::InvalidArgument,
            "-o '" + command.output +
                "': a name that ends in .mp4, .ogg, .mp3, .wav or .flac is expected, not in '" +
                extension + "'"
        );
    }
    const auto asked = recorder::container_of("." + command.file_type);
    if (named && asked && named != asked) {
        return fail(
            Errc::InvalidArgument,
            "-o '" + command.output + "' contradicts --file-type " + command.file_type
        );
    }
    return named.value_or(asked.value_or(recorder::Container::Mp4));
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
    AC_TRY(const auto container, container_of(command));
    AC_CHECK_OK(apply_output(command, config, job));
    const auto defaults = recording_defaults(config);
    job.mixing = to_recorder(command.mixing);
    job.encoding = control::default_encoding(defaults, job.mixing, container);
    job.writes_manifest = command.track_files;
    if (command.track_files) job.track_files.emplace();
    job.end.session_limit = defaults.session_limit;
    job.end.max_bytes = defaults.max_bytes;
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

/// Asks before the call starts what would otherwise fail at its end. Keys that may only write are
/// enough.
Result<> check_bucket(const recorder::Job& job, net::HttpClient& http) {
    if (std::holds_alternative<storage::LocalDestination>(job.destination)) return {};
    AC_TRY(const auto store, storage::ObjectStore::create(job.destination, http));
    return store->check_access();
}

/// "● recording my-room  00:01:02  2 tracks".
std::string progress_of(const std::string& room, const recorder::Snapshot& now) {
    const std::string_view state = now.status == recorder::Status::Starting ? "○ joining "
                                   : now.status == recorder::Status::Active ? "● recording "
                                                                            : "○ finishing ";
    const std::size_t tracks = now.tracks.size();
    return std::string(state) + room + "  " +
           clock_text(now.file.started_at ? wall_now() - *now.file.started_at : Nanoseconds(0)) +
           "  " + std::to_string(tracks) + (tracks == 1 ? " track" : " tracks");
}

/// What is printed of where the file is: a link that opens, where the configuration asks for one.
std::string shown_location(
    const Config& config, const storage::Destination& destination, const recorder::FileResult& file
) {
    if (!config.storage.generate_presigned_url) return file.location;
    return storage::presign_get(
               destination, file.filename, control::kSignedLinkLife, {}, wall_now()
    )
        .value_or(file.location);
}

/// False when one is not where it belongs.
bool tell_tracks(const recorder::Snapshot& end) {
    bool all_good = true;
    for (const recorder::TrackFileResult& track : end.track_files) {
        if (!track.error.empty()) {
            complain("track " + track.track_sid + ": " + track.error);
            all_good = false;
            continue;
        }
        std::printf(
            "%s  %.2f s  %llu bytes  from sample %lld\n",
            track.file.location.c_str(),
            to_seconds(track.file.duration),
            static_cast<unsigned long long>(track.file.size_bytes),
            static_cast<long long>(track.offset_samples)
        );
    }
    return all_good;
}

ExitCode tell(const recorder::Snapshot& end, const std::string& location) {
    const bool good =
        end.status == recorder::Status::Complete || end.status == recorder::Status::LimitReached;
    if (!end.file.location.empty()) {
        std::printf(
            "%s  %.2f s  %llu bytes\n",
            location.c_str(),
            to_seconds(end.file.duration),
            static_cast<unsigned long long>(end.file.size_bytes)
        );
    }
    if (!tell_tracks(end) && good) return ExitCode::Failed;
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
    options.ice_transport = ice_transport(config);
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
    const ProgressLine progress;
    const auto show_progress = [&] { progress.show(progress_of(command.room, last)); };
    const std::string egress_id = job->egress_id;
    const storage::Destination destination = job->destination;
    const auto started = (*recorder)->start(*std::move(job), [&](const recorder::Snapshot& now) {
        last = now;
        if (recorder::is_final(now.status))
            loop.stop();
        else
            show_progress();
    });
    if (!started) {
        complain(started.error());
        return ExitCode::Failed;
    }
    net::Timer second(loop);
    std::function<void()> show = [&] {
        show_progress();
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
    return tell(last, shown_location(config, destination, last.file));
}

}  // namespace aircheck::app
