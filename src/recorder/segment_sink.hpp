#pragma once

#include "core/log.hpp"
#include "mux/playlist.hpp"
#include "mux/ts.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "recorder/job.hpp"
#include "recorder/kept_segments.hpp"
#include "recorder/segment_names.hpp"
#include "recorder/upload_task.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// What brings outputs to their destination needs of their recording.
struct SinkContext {
    net::Loop& loop;
    net::Pool& uploads;
    net::Pool& disk;  ///< For what waits for the spool's disk.
    net::HttpClient& http;
    Nanoseconds patience;
    std::string egress_id;
    std::string folder;  ///< Of these outputs in the spool; made when missing.
    log::RecordingLog log;
};

/// Brings HLS segments to their destination, one after the other, each before the playlists that
/// name it: what a playlist names can be played.
///
/// A segment lies in the spool's folder until it is stored, or in memory where the disk refuses it
/// (up to 8 MiB). Every step is tried again with the patience of all uploads; when that is over,
/// nothing more is sent, and what was not sent stays in the spool, with what it takes to send it
/// later (KeptSegments). The playlists follow each
/// segment; after the first hour the event playlist, which grows, every second, then every third …,
/// at least once a minute; with more segments waiting they come after those. Lives on the
/// recording's thread.
class SegmentSink {
public:
    using Context = SinkContext;

    SegmentSink(Context context, SegmentOutput output, SegmentNames names);
    ~SegmentSink();

    void add(mux::TsSegment segment);
    /// No segment follows. `on_over` once, when all is stored or never will be.
    void finish(std::function<void()> on_over);
    [[nodiscard]] const SegmentsResult& result() const { return result_; }
    /// LiveKit's number for `result().error`.
    [[nodiscard]] int error_code() const { return failed_ ? code_of_upload(*failed_) : 0; }
    [[nodiscard]] std::uint64_t sent_bytes() const { return result_.size_bytes; }
    /// Every segment that is stored, in order.
    [[nodiscard]] const std::vector<StoredName>& stored() const { return stored_; }
    /// Of the names, with "/" at its end, or "".
    [[nodiscard]] const std::string& name_folder() const { return names_.folder; }

private:
    struct Item {
        mux::TsSegment segment;  ///< Without its bytes, once they are on disk.
        std::string name;
        std::string path;
        std::uint64_t size = 0;
        bool is_written = false;  ///< Or tried to.
        bool is_on_disk = false;
    };

    void write(const Item& item);
    void on_written(std::uint64_t number, const Result<>& written);
    void next();
    void send_segment();
    void send_playlist(
        const std::string& name,
        const mux::Playlist& playlist,
        std::string& key,
        std::string& location
    );
    void send(
        UploadTask::Options options,
        Bytes head,
        std::uint64_t body_bytes,
        std::function<void(const storage::StoredObject& stored)> then
    );
    void on_segment_stored(const storage::StoredObject& stored);
    void fail_for_good(const Error& why);
    void conclude();
    void keep(const std::function<void()>& on_over);
    void on_kept(const std::string& path, const Result<>& written);
    [[nodiscard]] UploadTask::Options options_for(const std::string& name, std::string type) const;
    [[nodiscard]] std::int64_t segments_an_update() const;

    Context context_;
    SegmentOutput output_;
    SegmentNames names_;
    mux::Playlist event_;
    mux::Playlist live_;
    std::deque<Item> items_;      ///< Not stored yet, in order.
    std::uint64_t first_ = 0;     ///< The number of the front one.
    std::size_t held_bytes_ = 0;  ///< In memory.
    std::unique_ptr<UploadTask> task_;
    bool is_sending_ = false;
    bool is_event_due_ = false;
    bool is_live_due_ = false;
    std::int64_t since_update_ = 0;  ///< Segments stored since the event playlist was.
    std::optional<Error> failed_;
    std::function<void()> on_over_;
    bool is_finishing_ = false;
    SegmentsResult result_;
    std::vector<StoredName> stored_;
    KeptSegments kept_;  ///< Should something have to wait: what is stored.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::recorder
