#pragma once

#include "core/result.hpp"
#include "recorder/job.hpp"
#include "recorder/segment_sink.hpp"
#include "recorder/upload_task.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::recorder {

/// What a manifest says that neither job nor snapshot know.
struct ManifestFacts {
    std::string publisher_identity;  ///< Of the participant or the track that the job is about.
    std::string track_source;
    std::vector<StoredName> segments;
};

/// The text of a recording's manifest: livekit/egress's keys, with their meaning (egress-survey
/// 1.8), and ours beside them (docs/contracts.md). Times and durations are nanoseconds.
[[nodiscard]] std::string manifest_text(
    const Job& job, const Snapshot& snapshot, const ManifestFacts& facts
);

/// Where a manifest goes: beside an output.
struct ManifestPlace {
    int output = 0;      ///< The output's index among the recording's.
    std::string folder;  ///< Of the keys, without the destination's prefix; "" or with "/".
};

/// Its name in a recording's spool folder.
inline constexpr std::string_view kKeptManifest = "manifest.json";

/// A manifest that waits in the spool for what is sent later: its text and all its places.
struct KeptManifest {
    std::string text;
    std::vector<ManifestPlace> places;

    [[nodiscard]] std::string to_json() const;
    /// Errc::Malformed: not what to_json() gives.
    [[nodiscard]] static Result<KeptManifest> parse(std::string_view json);
    /// The segments are stored now.
    [[nodiscard]] Result<> set_stored(
        const SegmentsResult& segments, const std::vector<StoredName>& stored
    );
    /// The file that was called `kept_name` is stored now.
    [[nodiscard]] Result<> set_stored(std::string_view kept_name, const FileResult& stored);
};

/// Brings a manifest to its places, one after the other; each is tried for a minute at most, for a
/// manifest is never worth more than what it lists. Lives on the recording's thread.
class ManifestSink {
public:
    struct Target {
        storage::Destination destination;
        std::string folder;
    };
    /// `location`: of the first one stored, or "". `trouble`: why one is missing, or "".
    using OnOver = std::function<void(const std::string& location, const std::string& trouble)>;

    ManifestSink(SinkContext context, std::vector<Target> targets, std::string text);

    void send(OnOver on_over);

private:
    void next();
    void on_sent(const Result<storage::StoredObject>& stored);

    SinkContext context_;
    std::vector<Target> targets_;
    std::string text_;
    std::size_t sent_ = 0;  ///< Targets tried.
    std::unique_ptr<UploadTask> task_;
    std::string location_;
    std::string trouble_;
    OnOver on_over_;
};

/// Of a manifest at a place: replaces one of the same recording.
[[nodiscard]] storage::UploadSpec manifest_spec(
    const std::string& folder, const std::string& egress_id
);

}  // namespace aircheck::recorder
