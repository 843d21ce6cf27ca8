#pragma once

#include "recorder/job.hpp"
#include "recorder/kept_track.hpp"
#include "recorder/segment_sink.hpp"
#include "recorder/upload_task.hpp"
#include "storage/spool.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// Brings the tracks' own files to their destination, each while it grows and each on its own: what
/// happens to one touches no other, nor the mix.
///
/// A file lies in the spool until it is stored. One that the disk does not take is kept in memory
/// up to 1 MiB, then given up: it is in the journal. One that cannot be sent, with the patience of
/// all uploads, stays in the spool. Lives on the recording's thread.
class TrackFileSink {
public:
    /// The key of a file that appears now; `before`: how many this very track had already.
    using NameOf = std::function<std::string(const TrackPiece& piece, std::size_t before)>;

    /// `on_change`: a file has appeared, or is over.
    TrackFileSink(
        SinkContext context,
        storage::Destination destination,
        NameOf name_of,
        std::function<void()> on_change
    );
    ~TrackFileSink();

    void add(TrackPiece piece);
    /// No piece follows. `on_over` once, when all is stored or never will be.
    void finish(std::function<void()> on_over);
    /// Nothing is sent any more, what is there stays in the spool: `why`.
    void keep(const std::string& why);

    /// In order of appearance.
    [[nodiscard]] const std::vector<TrackFileResult>& results() const { return results_; }
    [[nodiscard]] std::uint64_t sent_bytes() const;
    [[nodiscard]] std::uint64_t written_bytes() const;

private:
    struct File {
        std::string path;
        std::optional<storage::AppendFile> file;
        Bytes pending;
        std::uint64_t size = 0;  ///< On disk.
        std::unique_ptr<UploadTask> upload;
        bool is_opening = false;
        bool is_last = false;  ///< Nothing follows.
        bool is_over = false;
    };

    [[nodiscard]] std::size_t index_of(const TrackPiece& piece);
    void open(std::size_t index);
    void on_opened(std::size_t index, Result<storage::AppendFile> opened);
    void write(std::size_t index);
    [[nodiscard]] Result<> start_upload(std::size_t index);
    void complete(std::size_t index);
    void on_stored(std::size_t index, const Result<storage::StoredObject>& stored);
    void give_up(std::size_t index, std::string words);
    void file_over(std::size_t index);
    void conclude();

    SinkContext context_;
    storage::Destination destination_;
    NameOf name_of_;
    std::function<void()> on_change_;
    std::function<void()> on_over_;
    std::map<std::size_t, std::size_t> by_number_;  ///< TrackPiece::number to index.
    std::vector<std::unique_ptr<File>> files_;
    std::vector<TrackFileResult> results_;  ///< Of `files_`.
    bool is_finishing_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::recorder
