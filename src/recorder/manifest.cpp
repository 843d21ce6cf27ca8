#include "recorder/manifest.hpp"

#include "media/timeline.hpp"
#include "recorder/pipeline_time.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

using Json = nlohmann::ordered_json;

constexpr Nanoseconds kPatience = std::chrono::minutes(1);

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// As livekit/egress: what is empty is left out.
void put(Json& json, const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
}

void put(Json& json, const char* name, const std::optional<WallTime>& time) {
    if (time) json[name] = unix_nanoseconds(*time);
}

void put_stored(Json& json, const FileResult& file) {
    put(json, "filename", file.filename);
    put(json, "location", file.location);
    json["size"] = file.size_bytes;
    json["duration"] = file.duration.count();
    put(json, "sha256", file.sha256);
}

Json to_json(const TrackFileResult& track) {
    Json json;
    json["kind"] = "track";
    put_stored(json, track.file);
    put(json, "publisher_identity", track.participant_identity);
    put(json, "track_id", track.track_sid);
    put(json, "track_source", track.source);
    json["offset_samples"] = track.offset_samples;
    json["offset"] = time_of(track.offset_samples).count();
    json["duration_samples"] = position_of(track.file.duration);
    put(json, "error", track.error);
    return json;
}

Json files_of(const Snapshot& snapshot) {
    Json files = Json::array();
    if (snapshot.makes_file) {
        Json mix;
        mix["kind"] = "mix";
        put_stored(mix, snapshot.file);
        put(mix, "started_at", snapshot.file.started_at);
        put(mix, "ended_at", snapshot.file.ended_at);
        files.push_back(std::move(mix));
    }
    for (const TrackFileResult& track : snapshot.track_files) files.push_back(to_json(track));
    return files;
}

Json to_json(const SegmentsResult& segments, const std::vector<StoredName>& stored) {
    Json json;
    put(json, "filename", segments.playlist_name);
    put(json, "location", segments.playlist_location);
    put(json, "live_filename", segments.live_playlist_name);
    put(json, "live_location", segments.live_playlist_location);
    json["segments"] = Json::array();
    for (const StoredName& segment : stored) {
        json["segments"].push_back({{"filename", segment.filename}, {"location", segment.location}}
        );
    }
    return json;
}

Json participants_of(const Snapshot& snapshot) {
    Json all = Json::array();
    for (const ParticipantSummary& who : snapshot.participants) {
        Json json;
        json["identity"] = who.identity;
        put(json, "name", who.name);
        json["kind"] = to_string(who.kind);
        json["sid"] = who.sid;
        put(json, "joined_at", std::optional(who.joined_at));
        put(json, "left_at", who.left_at);
        all.push_back(std::move(json));
    }
    return all;
}

Json tracks_of(const Job& job, const Snapshot& snapshot) {
    Json all = Json::array();
    const auto has_file = [&snapshot](const TrackSummary& track) {
        const auto& files = snapshot.track_files;
        return std::any_of(files.begin(), files.end(), [&track](const TrackFileResult& file) {
            return file.track_sid == track.sid;
        });
    };
    for (const TrackSummary& track : snapshot.tracks) {
        Json json;
        json["track_id"] = track.sid;
        json["publisher_identity"] = track.participant_identity;
        put(json, "track_source", track.source);
        if (track.encrypted) {
            json["left_out"] = "end-to-end encrypted";
        } else if (!track.unknown_codec.empty()) {
            json["left_out"] = track.unknown_codec + " is not supported";
        } else {
            json["packets_received"] = track.packets_received;
            json["packets_lost"] = track.packets_lost;
            if (job.track_files && track.packets_received > 0 && !has_file(track)) {
                json["file_left_out"] =
                    "nothing of it could be kept: 1000 tracks have files, or it is not in the mix";
            }
        }
        all.push_back(std::move(json));
    }
    return all;
}

Json gaps_of(const Snapshot& snapshot) {
    Json all = Json::array();
    for (const Gap& gap : snapshot.gaps) {
        all.push_back(
            {{"start", unix_nanoseconds(gap.start)},
             {"end", unix_nanoseconds(gap.end)},
             {"reason", gap.reason}}
        );
    }
    return all;
}

/// What the job is about, where that is one participant or one track.
void put_source(const Job& job, const ManifestFacts& facts, Json& json) {
    put(json, "publisher_identity", facts.publisher_identity);
    if (job.source.kind != Source::Kind::Track) return;
    if (job.encoding.codec != AudioCodec::OpusPassthrough) {
        json["audio_track_id"] = job.source.track_sid;
        return;
    }
    json["track_id"] = job.source.track_sid;
    json["track_kind"] = "audio";
    put(json, "track_source", facts.track_source);
}

}  // namespace

std::string manifest_text(const Job& job, const Snapshot& snapshot, const ManifestFacts& facts) {
    Json json;
    json["egress_id"] = job.egress_id;
    put(json, "room_id", snapshot.room_sid);
    json["room_name"] = job.room_name;
    json["started_at"] = unix_nanoseconds(snapshot.started_at);
    put(json, "ended_at", snapshot.ended_at);
    put_source(job, facts, json);
    const auto put_list = [&json](const char* name, Json list) {
        if (!list.empty()) json[name] = std::move(list);
    };
    put_list("files", files_of(snapshot));
    if (snapshot.segments && snapshot.segments->count > 0) {
        json["playlists"] = Json::array({to_json(*snapshot.segments, facts.segments)});
    }
    put_list("participants", participants_of(snapshot));
    put_list("tracks", tracks_of(job, snapshot));
    put_list("gaps", gaps_of(snapshot));
    return dump(json) + "\n";
}

std::string KeptManifest::to_json() const {
    Json json;
    json["manifest"] = text;
    json["places"] = Json::array();
    for (const ManifestPlace& place : places) {
        json["places"].push_back({{"output", place.output}, {"folder", place.folder}});
    }
    return dump(json);
}

Result<KeptManifest> KeptManifest::parse(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    const auto wrong = [] { return fail(Errc::Malformed, "the kept manifest"); };
    if (!json.is_object() || !json.contains("manifest") || !json["manifest"].is_string() ||
        !json.contains("places") || !json["places"].is_array()) {
        return wrong();
    }
    KeptManifest kept;
    kept.text = json["manifest"].get<std::string>();
    for (const Json& place : json["places"]) {
        const bool is_place = place.is_object() && place.contains("output") &&
                              place["output"].is_number_integer() && place.contains("folder") &&
                              place["folder"].is_string();
        if (!is_place) return wrong();
        kept.places.push_back({place["output"].get<int>(), place["folder"].get<std::string>()});
    }
    return kept;
}

Result<> KeptManifest::set_stored(
    const SegmentsResult& segments, const std::vector<StoredName>& stored
) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return fail(Errc::Malformed, "the kept manifest");
    json["playlists"] = Json::array({recorder::to_json(segments, stored)});
    text = dump(json) + "\n";
    return {};
}

Result<> KeptManifest::set_stored(std::string_view kept_name, const FileResult& stored) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("files") || !json["files"].is_array()) {
        return fail(Errc::Malformed, "the kept manifest lists no files");
    }
    for (Json& file : json["files"]) {
        if (!file.is_object() || file.value("filename", "") != kept_name) continue;
        file["filename"] = stored.filename;
        file["location"] = stored.location;
        file["size"] = stored.size_bytes;
        file["sha256"] = stored.sha256;
        file.erase("error");
        text = dump(json) + "\n";
        return {};
    }
    return {};  // A recording may have files that its manifest was not asked to list.
}

storage::UploadSpec manifest_spec(const std::string& folder, const std::string& egress_id) {
    storage::UploadSpec spec;
    spec.key = folder + egress_id + ".json";
    spec.content_type = "application/json";
    spec.egress_id = egress_id;
    spec.if_taken = storage::UploadSpec::IfTaken::Replace;
    return spec;
}

ManifestSink::ManifestSink(SinkContext context, std::vector<Target> targets, std::string text)
    : context_(std::move(context)), targets_(std::move(targets)), text_(std::move(text)) {}

void ManifestSink::send(OnOver on_over) {
    on_over_ = std::move(on_over);
    next();
}

void ManifestSink::next() {
    if (sent_ == targets_.size()) return on_over_(location_, trouble_);
    const Target& target = targets_[sent_++];
    UploadTask::Options options;
    options.destination = target.destination;
    options.spec = manifest_spec(target.folder, context_.egress_id);
    options.patience = std::min(context_.patience, kPatience);
    const auto on_trouble = [log = context_.log](const Error& error, Nanoseconds pause) {
        log.warn(
            "manifest.retrying", {{"error", error.to_string()}, {"pause_s", to_seconds(pause)}}
        );
    };
    auto task = UploadTask::create(
        context_.loop, context_.uploads, context_.http, std::move(options), on_trouble
    );
    if (!task) return on_sent(tl::unexpected<Error>(task.error()));
    task_ = std::move(*task);
    const BytesView bytes = as_bytes(text_);
    task_->complete(Bytes(bytes.begin(), bytes.end()), 0, [this](const auto& stored) {
        on_sent(stored);
    });
}

void ManifestSink::on_sent(const Result<storage::StoredObject>& stored) {
    if (!stored) {
        trouble_ = stored.error().to_string();
        context_.log.error("manifest.not_stored", {{"error", trouble_}});
    } else if (location_.empty()) {
        location_ = stored->location;
    }
    next();
}

}  // namespace aircheck::recorder
