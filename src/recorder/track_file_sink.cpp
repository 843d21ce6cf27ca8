#include "recorder/track_file_sink.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr std::size_t kMaxPending = 1024 * 1024;

Result<storage::AppendFile> open_track(const std::string& folder, const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(error, folder);
    return storage::AppendFile::open(path);
}

}  // namespace

TrackFileSink::TrackFileSink(
    SinkContext context,
    storage::Destination destination,
    NameOf name_of,
    std::function<void()> on_change
)
    : context_(std::move(context)),
      destination_(std::move(destination)),
      name_of_(std::move(name_of)),
      on_change_(std::move(on_change)) {}

TrackFileSink::~TrackFileSink() = default;

std::size_t TrackFileSink::index_of(const TrackPiece& piece) {
    const auto [at, is_new] = by_number_.emplace(piece.number, files_.size());
    if (!is_new) return at->second;
    const auto before = std::count_if(results_.begin(), results_.end(), [&](const auto& known) {
        return known.track_sid == piece.track_sid;
    });
    TrackFileResult result;
    result.track_sid = piece.track_sid;
    result.participant_identity = piece.participant_identity;
    result.source = piece.source;
    result.offset_samples = piece.offset_samples;
    result.file.filename = name_of_(piece, static_cast<std::size_t>(before));
    results_.push_back(std::move(result));
    files_.push_back(std::make_unique<File>());
    files_.back()->path =
        context_.folder + "/" + std::to_string(files_.size()) + std::string(".ogg");
    on_change_();
    return at->second;
}

void TrackFileSink::add(TrackPiece piece) {
    const std::size_t index = index_of(piece);
    File& file = *files_[index];
    results_[index].file.duration = piece.duration;
    if (file.is_over) return;
    file.pending.insert(file.pending.end(), piece.bytes.begin(), piece.bytes.end());
    file.is_last = file.is_last || piece.is_last;
    if (file.file) {
        write(index);
    } else if (!file.is_opening) {
        open(index);
    } else if (file.pending.size() > kMaxPending) {
        give_up(index, "the disk does not take it");
    }
}

/// Making files waits for the disk, so its pool does it.
void TrackFileSink::open(std::size_t index) {
    files_[index]->is_opening = true;
    context_.disk.run([&loop = context_.loop,
                       alive = std::weak_ptr<bool>(alive_),
                       this,
                       folder = context_.folder,
                       path = files_[index]->path,
                       index] {
        // Shared, as a task has to be copied and it may not be.
        auto opened = std::make_shared<Result<storage::AppendFile>>(open_track(folder, path));
        loop.post([alive, this, index, opened] {
            if (!alive.expired()) on_opened(index, std::move(*opened));
        });
    });
}

void TrackFileSink::on_opened(std::size_t index, Result<storage::AppendFile> opened) {
    File& file = *files_[index];
    if (file.is_over) return;
    if (!opened) return give_up(index, opened.error().to_string());
    file.file = *std::move(opened);
    write(index);
}

void TrackFileSink::write(std::size_t index) {
    File& file = *files_[index];
    if (!file.pending.empty()) {
        const auto appended = file.file->append(file.pending);
        if (!appended && (file.is_last || file.pending.size() > kMaxPending)) {
            return give_up(index, appended.error().to_string());
        }
        if (!appended) return;  // There may be room again in a moment.
        file.size += file.pending.size();
        file.pending = Bytes();
    }
    if (auto begun = start_upload(index); !begun) {
        return on_stored(index, tl::unexpected<Error>(begun.error()));
    }
    if (file.is_last) return complete(index);
    file.upload->grown(file.size);
}

Result<> TrackFileSink::start_upload(std::size_t index) {
    File& file = *files_[index];
    if (file.upload) return {};
    UploadTask::Options options;
    options.destination = destination_;
    options.spec.key = results_[index].file.filename;
    options.spec.content_type = std::string(content_type_of(Container::Ogg));
    options.spec.egress_id = context_.egress_id;
    options.spec.body_path = file.path;
    options.patience = context_.patience;
    const auto on_trouble = [log = context_.log,
                             key = options.spec.key](const Error& error, Nanoseconds pause) {
        log.warn(
            "upload.retrying",
            {{"key", key}, {"error", error.to_string()}, {"pause_s", to_seconds(pause)}}
        );
    };
    AC_TRY(
        file.upload,
        UploadTask::create(
            context_.loop, context_.uploads, context_.http, std::move(options), on_trouble
        )
    );
    return {};
}

void TrackFileSink::complete(std::size_t index) {
    File& file = *files_[index];
    file.file.reset();
    file.upload->complete({}, file.size, [this, index](const auto& stored) {
        on_stored(index, stored);
    });
}

void TrackFileSink::on_stored(std::size_t index, const Result<storage::StoredObject>& stored) {
    File& file = *files_[index];
    FileResult& result = results_[index].file;
    if (!stored) {
        result.spool_path = file.path;
        result.size_bytes = file.size;
        give_up(index, stored.error().to_string() + "; it is kept in " + file.path);
        return;
    }
    result.filename = stored->key;
    result.location = stored->location;
    result.size_bytes = stored->size;
    result.sha256 = stored->sha256;
    context_.disk.run([path = file.path] {
        std::error_code ignored;  // A leftover costs room; the folder goes in the end.
        std::filesystem::remove(path, ignored);
    });
    file_over(index);
}

void TrackFileSink::give_up(std::size_t index, std::string words) {
    File& file = *files_[index];
    if (file.upload) file.upload->abandon();
    results_[index].error = std::move(words);
    context_.log.error(
        "track_file.failed",
        {{"track", results_[index].track_sid}, {"error", results_[index].error}}
    );
    file_over(index);
}

void TrackFileSink::file_over(std::size_t index) {
    File& file = *files_[index];
    file.is_over = true;
    file.pending = Bytes();
    file.file.reset();
    on_change_();
    conclude();
}

void TrackFileSink::finish(std::function<void()> on_over) {
    on_over_ = std::move(on_over);
    is_finishing_ = true;
    for (std::size_t index = 0; index < files_.size(); ++index) {
        File& file = *files_[index];
        if (file.is_over || file.is_last) continue;
        file.is_last = true;  // The pipeline broke off.
        if (file.file) write(index);
    }
    conclude();
}

void TrackFileSink::keep(const std::string& why) {
    for (std::size_t index = 0; index < files_.size(); ++index) {
        File& file = *files_[index];
        if (file.is_over) continue;
        if (file.file && !file.pending.empty() && file.file->append(file.pending)) {
            file.size += file.pending.size();
        }
        results_[index].file.spool_path = file.path;
        results_[index].file.size_bytes = file.size;
        give_up(index, why + "; it is kept in " + file.path);
    }
}

void TrackFileSink::conclude() {
    const auto is_over = [](const auto& file) { return file->is_over; };
    if (!is_finishing_ || !on_over_ || !std::all_of(files_.begin(), files_.end(), is_over)) return;
    std::exchange(on_over_, nullptr)();
}

std::uint64_t TrackFileSink::sent_bytes() const {
    std::uint64_t sent = 0;
    for (const auto& file : files_) sent += file->upload ? file->upload->sent_bytes() : 0;
    return sent;
}

std::uint64_t TrackFileSink::written_bytes() const {
    std::uint64_t written = 0;
    for (const auto& file : files_) written += file->size;
    return written;
}

}  // namespace aircheck::recorder
