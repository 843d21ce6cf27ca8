#include "recorder/segment_sink.hpp"

#include "storage/spool.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr std::size_t kMaxHeldBytes = 8 * 1024 * 1024;
/// An event playlist is sent again at least this often (egress-survey 1.7).
constexpr Nanoseconds kLongestUpdate = std::chrono::minutes(1);

Result<> write_segment(const std::string& folder, const std::string& path, BytesView bytes) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(error, folder);
    return storage::assemble_file({bytes, {}, 0, 0}, path);
}

}  // namespace

SegmentSink::SegmentSink(Context context, SegmentOutput output, SegmentNames names)
    : context_(std::move(context)),
      output_(std::move(output)),
      names_(std::move(names)),
      event_(mux::Playlist::Kind::Event, output_.duration),
      live_(mux::Playlist::Kind::Live, output_.duration) {
    kept_.names = names_;
    kept_.segment_duration = output_.duration;
    result_.playlist_name = names_.folder + names_.playlist;
    if (!names_.live_playlist.empty()) {
        result_.live_playlist_name = names_.folder + names_.live_playlist;
    }
}

SegmentSink::~SegmentSink() = default;

void SegmentSink::add(mux::TsSegment segment) {
    Item item;
    item.name = output_.suffix == SegmentOutput::Suffix::Index
                    ? mux::segment_name(names_.prefix, segment.index)
                    : mux::segment_name(names_.prefix, segment.start);
    item.path = context_.folder + "/" + mux::segment_name("segment", segment.index);
    item.size = segment.bytes.size();
    if (!result_.started_at) result_.started_at = segment.start;
    held_bytes_ += segment.bytes.size();
    item.segment = std::move(segment);
    items_.push_back(std::move(item));
    if (held_bytes_ > kMaxHeldBytes) {
        held_bytes_ -= items_.back().size;
        items_.pop_back();
        ++kept_.lost;
        if (!failed_) {
            fail_for_good(Error{
                make_error_code(Errc::NoSpace), "the disk takes no segments any more"});
        }
        return;
    }
    write(items_.back());
}

/// Making files waits for the disk, so its pool does it.
void SegmentSink::write(const Item& item) {
    context_.disk.run([&loop = context_.loop,
                       alive = std::weak_ptr<bool>(alive_),
                       this,
                       bytes = item.segment.bytes,
                       folder = context_.folder,
                       path = item.path,
                       number = first_ + items_.size() - 1] {
        auto written = write_segment(folder, path, bytes);
        loop.post([alive, this, number, written = std::move(written)] {
            if (!alive.expired()) on_written(number, written);
        });
    });
}

void SegmentSink::on_written(std::uint64_t number, const Result<>& written) {
    Item& item = items_[static_cast<std::size_t>(number - first_)];
    item.is_written = true;
    if (written) {
        item.is_on_disk = true;
        held_bytes_ -= item.size;
        item.segment.bytes = Bytes();  // Its memory too.
    } else {
        context_.log.warn("segment.not_in_spool", {{"error", written.error().to_string()}});
    }
    next();
}

void SegmentSink::finish(std::function<void()> on_over) {
    on_over_ = std::move(on_over);
    is_finishing_ = true;
    next();
}

/// Starts the next step, unless one is under way.
void SegmentSink::next() {
    if (is_sending_) return;
    if (failed_) return conclude();
    if (!items_.empty()) {
        if (items_.front().is_written) send_segment();
        return;
    }
    if (is_finishing_ && result_.count > 0 && !result_.is_whole) {
        event_.finish();
        live_.finish();
        is_event_due_ = true;
        is_live_due_ = true;
        result_.is_whole = true;  // Once these are stored, which conclude() waits for.
    }
    if (is_event_due_) {
        is_event_due_ = false;
        since_update_ = 0;
        send_playlist(names_.playlist, event_, result_.playlist_name, result_.playlist_location);
    } else if (is_live_due_ && !names_.live_playlist.empty()) {
        is_live_due_ = false;
        send_playlist(
            names_.live_playlist, live_, result_.live_playlist_name, result_.live_playlist_location
        );
    } else {
        is_live_due_ = false;
        if (is_finishing_ && (result_.is_whole || result_.count == 0)) return conclude();
        if (is_finishing_) next();
    }
}

UploadTask::Options SegmentSink::options_for(const std::string& name, std::string type) const {
    UploadTask::Options options;
    options.destination = output_.destination;
    options.spec = segment_spec(names_.folder + name, std::move(type), context_.egress_id);
    options.patience = context_.patience;
    return options;
}

void SegmentSink::send_segment() {
    Item& item = items_.front();
    auto options = options_for(item.name, std::string(kSegmentType));
    if (item.is_on_disk) options.spec.body_path = item.path;
    send(
        std::move(options),
        item.segment.bytes,
        item.is_on_disk ? item.size : 0,
        [this](const storage::StoredObject& stored) { on_segment_stored(stored); }
    );
}

void SegmentSink::on_segment_stored(const storage::StoredObject& stored) {
    stored_.push_back({stored.key, stored.location});
    Item& item = items_.front();
    const mux::PlaylistEntry entry{item.name, item.segment.start, item.segment.duration};
    event_.append(entry);
    live_.append(entry);
    kept_.segments.push_back({item.name, entry.start, entry.duration, item.size, {}, stored_.back()}
    );
    ++result_.count;
    result_.size_bytes += item.size;
    result_.duration += item.segment.duration;
    result_.ended_at = item.segment.start + item.segment.duration;
    if (item.is_on_disk) {
        context_.disk.run([path = item.path] {
            std::error_code ignored;  // A leftover costs room; the folder goes in the end.
            std::filesystem::remove(path, ignored);
        });
    } else {
        held_bytes_ -= item.size;
    }
    items_.pop_front();
    ++first_;
    is_live_due_ = true;
    if (++since_update_ >= segments_an_update()) is_event_due_ = true;
}

std::int64_t SegmentSink::segments_an_update() const {
    const std::int64_t hours = result_.duration / std::chrono::hours(1);
    return std::min(hours + 1, std::max<std::int64_t>(1, kLongestUpdate / output_.duration));
}

void SegmentSink::send_playlist(
    const std::string& name, const mux::Playlist& playlist, std::string& key, std::string& location
) {
    const std::string text = playlist.text();
    const BytesView bytes = as_bytes(text);
    send(
        options_for(name, std::string(kPlaylistType)),
        Bytes(bytes.begin(), bytes.end()),
        0,
        [&key, &location](const storage::StoredObject& stored) {
            key = stored.key;
            location = stored.location;
        }
    );
}

void SegmentSink::send(
    UploadTask::Options options,
    Bytes head,
    std::uint64_t body_bytes,
    std::function<void(const storage::StoredObject& stored)> then
) {
    const auto on_trouble = [log = context_.log,
                             key = options.spec.key](const Error& error, Nanoseconds pause) {
        log.warn(
            "upload.retrying",
            {{"key", key}, {"error", error.to_string()}, {"pause_s", to_seconds(pause)}}
        );
    };
    auto task = UploadTask::create(
        context_.loop, context_.uploads, context_.http, std::move(options), on_trouble
    );
    if (!task) return fail_for_good(task.error());
    task_ = std::move(*task);
    is_sending_ = true;
    task_->complete(
        std::move(head),
        body_bytes,
        [this, then = std::move(then)](const Result<storage::StoredObject>& stored) {
            is_sending_ = false;
            if (!stored) return fail_for_good(stored.error());
            then(*stored);
            next();
        }
    );
}

/// The other outputs go on; what is not sent stays in the spool.
void SegmentSink::fail_for_good(const Error& why) {
    failed_ = why;
    result_.is_whole = false;
    context_.log.error("segments.failed", {{"error", why.to_string()}});
    next();
}

void SegmentSink::conclude() {
    if (!is_finishing_ || !on_over_) return;
    const auto pending = [](const Item& item) { return !item.is_written; };
    if (std::any_of(items_.begin(), items_.end(), pending)) return;  // on_written() comes back.
    const auto on_over = std::exchange(on_over_, nullptr);
    if (!failed_) return on_over();
    result_.error = failed_->to_string();
    keep(on_over);
}

/// Where all segments are stored and their playlists are not, these are made later, too.
void SegmentSink::keep(const std::function<void()>& on_over) {
    for (const Item& item : std::exchange(items_, {})) {
        if (!item.is_on_disk) {
            ++kept_.lost;
            continue;
        }
        const std::string file = item.path.substr(item.path.rfind('/') + 1);
        kept_.segments.push_back(
            {item.name, item.segment.start, item.segment.duration, item.size, file, {}}
        );
    }
    if (kept_.segments.empty()) return on_over();
    const std::string path = context_.folder + "/" + std::string(kKeptSegments);
    context_.disk.run([&loop = context_.loop,
                       alive = std::weak_ptr<bool>(alive_),
                       this,
                       folder = context_.folder,
                       path,
                       text = kept_.to_json(),
                       on_over] {
        auto written = write_segment(folder, path, as_bytes(text));
        loop.post([alive, this, path, written = std::move(written), on_over] {
            if (alive.expired()) return;
            on_kept(path, written);
            on_over();
        });
    });
}

void SegmentSink::on_kept(const std::string& path, const Result<>& written) {
    if (written) {
        result_.spool_path = path;
    } else {
        context_.log.error("segments.not_kept", {{"error", written.error().to_string()}});
    }
    result_.error += std::string(kSegmentsKept) + context_.folder;
}

}  // namespace aircheck::recorder
