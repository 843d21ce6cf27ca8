#include "recorder/kept_segments.hpp"

#include "core/bytes.hpp"
#include "mux/playlist.hpp"
#include "storage/spool.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <utility>

namespace aircheck::recorder {
namespace {

using Json = nlohmann::ordered_json;
using Segment = KeptSegments::Segment;

Json to_json(const Segment& segment) {
    Json json;
    json["name"] = segment.name;
    json["start"] = unix_nanoseconds(segment.start);
    json["duration"] = segment.duration.count();
    json["size"] = segment.size_bytes;
    json["spool_name"] = segment.spool_name;
    json["filename"] = segment.stored.filename;
    json["location"] = segment.stored.location;
    return json;
}

Segment segment_of(const Json& json) {
    Segment segment;
    json.at("name").get_to(segment.name);
    segment.start = WallTime(Nanoseconds(json.at("start").get<std::int64_t>()));
    segment.duration = Nanoseconds(json.at("duration").get<std::int64_t>());
    json.at("size").get_to(segment.size_bytes);
    json.at("spool_name").get_to(segment.spool_name);
    json.at("filename").get_to(segment.stored.filename);
    json.at("location").get_to(segment.stored.location);
    return segment;
}

Result<std::string> read_all(const std::string& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) return fail(Errc::NotFound, "no kept segments at '" + path + "'");
    return storage::read_range(path, 0, size);
}

/// Sends one output's objects, one after the other.
class Sender {
public:
    Sender(
        const storage::Destination& destination, const std::string& egress_id, net::HttpClient& http
    )
        : destination_(destination), egress_id_(egress_id), http_(http) {}

    [[nodiscard]] Result<StoredName> segment(const std::string& key, const std::string& path) {
        std::error_code error;
        const auto size = std::filesystem::file_size(path, error);
        if (error) return fail(Errc::NotFound, "no kept segment at '" + path + "'");
        auto spec = segment_spec(key, std::string(kSegmentType), egress_id_);
        spec.body_path = path;
        return send(std::move(spec), {}, size);
    }
    [[nodiscard]] Result<StoredName> playlist(const std::string& key, const mux::Playlist& list) {
        const std::string text = list.text();
        return send(segment_spec(key, std::string(kPlaylistType), egress_id_), as_bytes(text), 0);
    }

private:
    [[nodiscard]] Result<StoredName> send(
        storage::UploadSpec spec, BytesView head, std::uint64_t body_bytes
    ) {
        AC_TRY(auto session, storage::UploadSession::create(destination_, std::move(spec), http_));
        AC_TRY(auto stored, session->complete(head, body_bytes));
        return StoredName{std::move(stored.key), std::move(stored.location)};
    }

    const storage::Destination& destination_;
    const std::string& egress_id_;
    net::HttpClient& http_;
};

void note(const Segment& segment, SegmentsResult& result) {
    if (!result.started_at) result.started_at = segment.start;
    ++result.count;
    result.size_bytes += segment.size_bytes;
    result.duration += segment.duration;
    result.ended_at = segment.start + segment.duration;
}

}  // namespace

std::string KeptSegments::to_json() const {
    Json json;
    json["folder"] = names.folder;
    json["playlist"] = names.playlist;
    json["live_playlist"] = names.live_playlist;
    json["segment_duration"] = segment_duration.count();
    json["lost"] = lost;
    json["segments"] = Json::array();
    for (const Segment& segment : segments) {
        json["segments"].push_back(recorder::to_json(segment));
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<KeptSegments> KeptSegments::parse(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        KeptSegments kept;
        json.at("folder").get_to(kept.names.folder);
        json.at("playlist").get_to(kept.names.playlist);
        json.at("live_playlist").get_to(kept.names.live_playlist);
        kept.segment_duration = Nanoseconds(json.at("segment_duration").get<std::int64_t>());
        json.at("lost").get_to(kept.lost);
        for (const Json& segment : json.at("segments")) {
            kept.segments.push_back(segment_of(segment));
        }
        return kept;
    } catch (const Json::exception& error) {
        return fail(Errc::Malformed, std::string("the kept segments: ") + error.what());
    }
}

storage::UploadSpec segment_spec(
    std::string key, std::string content_type, const std::string& egress_id
) {
    storage::UploadSpec spec;
    spec.key = std::move(key);
    spec.content_type = std::move(content_type);
    spec.egress_id = egress_id;
    spec.if_taken = storage::UploadSpec::IfTaken::Replace;
    return spec;
}

Result<LateSegments> upload_kept_segments(
    const storage::Destination& destination,
    const std::string& egress_id,
    const std::string& path,
    net::HttpClient& http
) {
    AC_TRY(const auto text, read_all(path));
    AC_TRY(const auto kept, KeptSegments::parse(text));
    const std::string spool = path.substr(0, path.rfind('/') + 1);
    Sender sender(destination, egress_id, http);
    mux::Playlist event(mux::Playlist::Kind::Event, kept.segment_duration);
    mux::Playlist live(mux::Playlist::Kind::Live, kept.segment_duration);
    LateSegments late;
    for (const Segment& segment : kept.segments) {
        StoredName stored = segment.stored;
        if (!segment.spool_name.empty()) {
            const std::string file = spool + segment.spool_name;
            AC_TRY(stored, sender.segment(kept.names.folder + segment.name, file));
        }
        late.stored.push_back(std::move(stored));
        note(segment, late.result);
        const mux::PlaylistEntry entry{segment.name, segment.start, segment.duration};
        event.append(entry);
        live.append(entry);
    }
    event.finish();
    live.finish();
    AC_TRY(const auto all, sender.playlist(kept.names.folder + kept.names.playlist, event));
    late.result.playlist_name = all.filename;
    late.result.playlist_location = all.location;
    if (!kept.names.live_playlist.empty()) {
        AC_TRY(
            const auto newest, sender.playlist(kept.names.folder + kept.names.live_playlist, live)
        );
        late.result.live_playlist_name = newest.filename;
        late.result.live_playlist_location = newest.location;
    }
    late.result.is_whole = kept.lost == 0;
    if (kept.lost > 0) {
        late.result.error = std::to_string(kept.lost) + " segments are lost: the disk took none";
    }
    std::error_code ignored;  // A leftover costs room; the folder goes with the recording's.
    std::filesystem::remove_all(spool, ignored);
    return late;
}

}  // namespace aircheck::recorder
