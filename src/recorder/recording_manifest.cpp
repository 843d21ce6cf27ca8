// The manifest of a recording, once all its outputs are over.
#include "recorder/recording.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

std::string folder_of(const std::string& key) { return key.substr(0, key.rfind('/') + 1); }

}  // namespace

/// Beside each output that wants one.
std::vector<ManifestPlace> Recording::manifest_places() const {
    std::vector<ManifestPlace> places;
    if (job_.makes_file && job_.writes_manifest && !file_key_.empty()) {
        places.push_back({0, folder_of(file_key_)});
    }
    if (segments_ && job_.segments->writes_manifest) {
        places.push_back({job_.makes_file ? 1 : 0, segments_->name_folder()});
    }
    return places;
}

/// It is sent to where its output is. Where something waits to be sent, it waits, too, for it has
/// to tell where that will be.
void Recording::finish_manifest() {
    auto places = manifest_places();
    if (places.empty() || is_anothers()) return conclude(final_status_);
    Snapshot now = snapshot();
    now.file = file_;
    if (!now.ended_at) now.ended_at = wall_now();
    const NameParts parts = name_parts();
    ManifestFacts facts;
    facts.publisher_identity = parts.publisher_identity.value_or("");
    facts.track_source = track_source_;
    if (segments_) facts.segments = segments_->stored();
    std::string text = manifest_text(job_, now, facts);

    const auto waits = [](const FileResult& file) { return !file.spool_path.empty(); };
    const bool has_waiting =
        waits(file_) || (segments_ && !segments_->result().spool_path.empty()) ||
        std::any_of(now.track_files.begin(), now.track_files.end(), [&](const auto& track) {
            return waits(track.file);
        });
    std::vector<ManifestSink::Target> targets;
    for (const ManifestPlace& place : places) {
        const bool of_file = job_.makes_file && place.output == 0;
        if (of_file && !file_.location.empty()) {
            targets.push_back({job_.destination, place.folder});
        } else if (!of_file && segments_->result().count > 0) {
            targets.push_back({job_.segments->destination, place.folder});
        }
    }
    if (targets.empty()) {
        if (has_waiting) return keep_manifest(std::move(text), std::move(places));
        return conclude(final_status_);
    }
    manifest_ = std::make_unique<ManifestSink>(sink_context(folder_), std::move(targets), text);
    manifest_->send([this, text, places = std::move(places), has_waiting](
                        const std::string& location, const std::string& trouble
                    ) {
        manifest_location_ = location;
        if (has_waiting || !trouble.empty()) return keep_manifest(text, places);
        conclude(final_status_);
    });
}

void Recording::keep_manifest(std::string text, std::vector<ManifestPlace> places) {
    const std::string path = folder_ + "/" + std::string(kKeptManifest);
    on_disk<Result<>>(
        [kept = KeptManifest{std::move(text), std::move(places)}, path]() -> Result<> {
            return storage::assemble_file({as_bytes(kept.to_json()), {}, 0, 0}, path);
        },
        [this, path](const Result<>& kept) {
            if (kept) {
                manifest_spool_path_ = path;
            } else {
                log_.error("manifest.not_kept", {{"error", kept.error().to_string()}});
            }
            conclude(final_status_);
        }
    );
}

}  // namespace aircheck::recorder
