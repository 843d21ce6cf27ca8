#include "control/kept_job.hpp"

#include "control/announcement.hpp"
#include "control/secrets.hpp"
#include "net/crypto.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>

namespace aircheck::control {
namespace {

using nlohmann::json;

constexpr std::string_view kPurpose = "job ";

// Numbers of enums and of nanoseconds are kept as they are: they mean the same in all versions.
template <typename Enum>
int number(Enum value) {
    return static_cast<int>(value);
}
/// What no version has written: a store's text is anybody's.
struct OutOfRange {};

template <typename Enum>
void read(const json& from, Enum& value, Enum last) {
    const int number = from.get<int>();
    if (number < 0 || number > static_cast<int>(last)) throw OutOfRange();
    value = static_cast<Enum>(number);
}
template <typename Number>
void read_between(const json& from, Number& value, Number least, Number most) {
    const auto number = from.get<std::int64_t>();
    if (number < std::int64_t{least} || number > std::int64_t{most}) throw OutOfRange();
    value = static_cast<Number>(number);
}

json to_json(const std::optional<Nanoseconds>& time) {
    return time ? json(time->count()) : json(nullptr);
}
std::optional<Nanoseconds> time_of(const json& from) {
    if (from.is_null()) return std::nullopt;
    return Nanoseconds(from.get<std::int64_t>());
}

json to_json(const recorder::Encoding& encoding) {
    return {
        {"container", number(encoding.container)},
        {"codec", number(encoding.codec)},
        {"channels", encoding.channels},
        {"bitrate_bps", encoding.bitrate_bps},
        {"sample_rate_hz", encoding.sample_rate_hz}};
}
recorder::Encoding encoding_of(const json& from) {
    recorder::Encoding encoding;
    read(from.at("container"), encoding.container, recorder::Container::Flac);
    read(from.at("codec"), encoding.codec, recorder::AudioCodec::Flac);
    read_between<std::uint16_t>(from.at("channels"), encoding.channels, 1, 2);
    read_between<std::uint32_t>(from.at("bitrate_bps"), encoding.bitrate_bps, 0, 10'000'000);
    read_between<std::uint32_t>(from.at("sample_rate_hz"), encoding.sample_rate_hz, 1, 384'000);
    return encoding;
}

json to_json(const recorder::Source& source) {
    json routes = json::array();
    for (const recorder::AudioRoute& route : source.routes) {
        routes.push_back(
            {{"match", number(route.match)},
             {"value", route.value},
             {"kind", number(route.kind)},
             {"channel", number(route.channel)}}
        );
    }
    return {
        {"kind", number(source.kind)},
        {"identity", source.identity},
        {"screen_share", source.screen_share},
        {"track_sid", source.track_sid},
        {"routes", routes},
        {"capture_all", source.capture_all}};
}
recorder::Source source_of(const json& from) {
    recorder::Source source;
    read(from.at("kind"), source.kind, recorder::Source::Kind::Media);
    source.identity = from.at("identity");
    source.screen_share = from.at("screen_share");
    source.track_sid = from.at("track_sid");
    source.capture_all = from.at("capture_all");
    for (const json& kept : from.at("routes")) {
        recorder::AudioRoute route;
        read(kept.at("match"), route.match, recorder::AudioRoute::Match::Kind);
        route.value = kept.at("value");
        read(kept.at("kind"), route.kind, recorder::ParticipantKind::Bridge);
        read(kept.at("channel"), route.channel, recorder::AudioRoute::Channel::Right);
        source.routes.push_back(std::move(route));
    }
    return source;
}

json to_json(const recorder::EndRule& end) {
    return {
        {"last_human_left", end.last_human_left},
        {"end_grace", end.end_grace.count()},
        {"max_duration", to_json(end.max_duration)},
        {"session_limit", to_json(end.session_limit)},
        {"max_bytes", end.max_bytes ? json(*end.max_bytes) : json(nullptr)},
        {"media_timeout", to_json(end.media_timeout)}};
}
recorder::EndRule end_of(const json& from) {
    recorder::EndRule end;
    end.last_human_left = from.at("last_human_left");
    end.end_grace = Nanoseconds(from.at("end_grace").get<std::int64_t>());
    end.max_duration = time_of(from.at("max_duration"));
    end.session_limit = time_of(from.at("session_limit"));
    if (!from.at("max_bytes").is_null()) end.max_bytes = from.at("max_bytes").get<std::uint64_t>();
    end.media_timeout = time_of(from.at("media_timeout"));
    return end;
}

/// What is kept of a destination, and the reverse.
using Keep = std::function<json(const storage::Destination& destination)>;
using Open = std::function<Result<storage::Destination>(const json& kept)>;

Keep sealed_with(BytesView key) {
    return [key](const storage::Destination& destination) -> json {
        const KeptDestination kept = keep_destination(destination, key);
        return {{"open", kept.json}, {"sealed", to_base64(kept.sealed)}};
    };
}
Open opened_with(BytesView key) {
    return [key](const json& from) {
        KeptDestination kept;
        kept.json = from.at("open");
        kept.sealed = from_base64(from.at("sealed").get<std::string>()).value_or(Bytes{});
        return open_destination(kept, key);
    };
}
json keep_none(const storage::Destination& /*destination*/) { return nullptr; }
Result<storage::Destination> open_none(const json& /*kept*/) { return storage::Destination(); }

json to_json(const recorder::SegmentOutput& segments, const Keep& keep) {
    return {
        {"prefix", segments.prefix},
        {"playlist_name", segments.playlist_name},
        {"live_playlist_name", segments.live_playlist_name},
        {"suffix", number(segments.suffix)},
        {"duration", segments.duration.count()},
        {"encoding", to_json(segments.encoding)},
        {"destination", keep(segments.destination)},
        {"writes_manifest", segments.writes_manifest}};
}
Result<recorder::SegmentOutput> segments_of(const json& from, const Open& open) {
    recorder::SegmentOutput segments;
    segments.prefix = from.at("prefix");
    segments.playlist_name = from.at("playlist_name");
    segments.live_playlist_name = from.at("live_playlist_name");
    read(from.at("suffix"), segments.suffix, recorder::SegmentOutput::Suffix::Timestamp);
    segments.duration = Nanoseconds(from.at("duration").get<std::int64_t>());
    segments.encoding = encoding_of(from.at("encoding"));
    AC_TRY(segments.destination, open(from.at("destination")));
    segments.writes_manifest = from.at("writes_manifest");
    return segments;
}

json to_json(const recorder::StreamOutput& stream) {
    json targets = json::array();
    for (const streams::Target& target : stream.targets) {
        targets.push_back({{"url", target.url}, {"shown", target.shown}, {"id", target.id}});
    }
    return {
        {"protocol", number(stream.protocol)},
        {"targets", targets},
        {"encoding", to_json(stream.encoding)},
        {"allow", stream.allow},
        {"ca_file", stream.ca_file}};
}
recorder::StreamOutput stream_of(const json& from) {
    recorder::StreamOutput stream;
    read(from.at("protocol"), stream.protocol, streams::Protocol::WebSocket);
    for (const json& target : from.at("targets")) {
        stream.targets.push_back({target.at("url"), target.at("shown"), target.at("id")});
    }
    stream.encoding = encoding_of(from.at("encoding"));
    stream.allow = from.at("allow").get<std::vector<std::string>>();
    stream.ca_file = from.at("ca_file");
    return stream;
}

Result<recorder::Job> job_of(const json& from, const Open& open) {
    recorder::Job job;
    job.room_name = from.at("room_name");
    job.room_sid = from.at("room_sid");
    job.source = source_of(from.at("source"));
    read(from.at("mixing"), job.mixing, recorder::Mixing::DualChannelAlternate);
    job.makes_file = from.at("makes_file");
    job.encoding = encoding_of(from.at("encoding"));
    AC_TRY(job.destination, open(from.at("destination")));
    job.filepath = from.at("filepath");
    job.writes_manifest = from.at("writes_manifest");
    if (const json& files = from.at("track_files"); !files.is_null()) {
        job.track_files = recorder::TrackFiles{files.get<std::string>()};
    }
    if (const json& kept = from.at("segments"); !kept.is_null()) {
        AC_TRY(job.segments, segments_of(kept, open));
    }
    if (const json& kept = from.at("stream"); !kept.is_null()) job.stream = stream_of(kept);
    job.end = end_of(from.at("end"));
    job.requested_at = WallTime(Nanoseconds(from.at("requested_at").get<std::int64_t>()));
    return job;
}

json to_json(const recorder::Job& job, const Keep& keep) {
    return {
        {"room_name", job.room_name},
        {"room_sid", job.room_sid},
        {"source", to_json(job.source)},
        {"mixing", number(job.mixing)},
        {"makes_file", job.makes_file},
        {"encoding", to_json(job.encoding)},
        {"destination", keep(job.destination)},
        {"filepath", job.filepath},
        {"writes_manifest", job.writes_manifest},
        {"track_files", job.track_files ? json(job.track_files->filepath) : json(nullptr)},
        {"segments", job.segments ? to_json(*job.segments, keep) : json(nullptr)},
        {"stream", job.stream ? to_json(*job.stream) : json(nullptr)},
        {"end", to_json(job.end)},
        {"requested_at", unix_nanoseconds(job.requested_at)}};
}

/// Paths and names need not be UTF-8, and JSON has to be.
std::string dump(const json& kept) {
    return kept.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// For parsing: no number of ours is a fraction, and one that is far out of range is no number.
bool without_fractions(int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::value && parsed.is_number_float()) parsed = nullptr;
    return true;
}

Result<recorder::Job> read_job(
    std::string_view text, const std::string& egress_id, const Open& open
) {
    try {
        AC_TRY(auto job, job_of(json::parse(text, without_fractions), open));
        job.egress_id = egress_id;
        return job;
    } catch (const json::exception&) {
        return fail(Errc::Malformed, "kept job of " + egress_id);
    } catch (const OutOfRange&) {
        return fail(Errc::Malformed, "kept job of " + egress_id + ": a value is out of range");
    }
}

}  // namespace

recorder::Job job_of(const RecordingRequest& request, const records::Recording& recording) {
    recorder::Job job;
    job.egress_id = recording.egress_id;
    job.room_name = request.room_name;
    job.room_sid = recording.room_sid;
    job.source = request.source;
    job.mixing = request.mixing;
    job.makes_file = request.makes_file;
    job.writes_manifest = request.writes_manifest;
    job.track_files = request.track_files;
    job.segments = request.segments;
    job.stream = request.stream;
    job.encoding = request.encoding;
    job.destination = request.destination;
    job.filepath = request.filepath;
    job.end = request.end;
    job.requested_at = recording.started_at;
    return job;
}

Bytes keep_job(const recorder::Job& job, BytesView secrets_key) {
    const std::string text = dump(to_json(job, sealed_with(secrets_key)));
    return net::seal(secrets_key, text, std::string(kPurpose) + job.egress_id);
}

std::string show_job(const recorder::Job& job) {
    recorder::Job shown = job;
    shown.stream.reset();  // Their URLs hold keys.
    return dump(to_json(shown, keep_none));
}

Result<recorder::Job> read_shown_job(std::string_view text, const std::string& egress_id) {
    AC_TRY(auto job, read_job(text, egress_id, open_none));
    job.stream.reset();
    return job;
}

RecordingRequest request_of(
    const recorder::Job& job, const records::Recording& recording, BytesView secrets_key
) {
    RecordingRequest request;
    request.room_name = job.room_name;
    request.source = job.source;
    request.mixing = job.mixing;
    request.makes_file = job.makes_file;
    request.encoding = job.encoding;
    request.destination = job.destination;
    request.filepath = job.filepath;
    request.writes_manifest = job.writes_manifest;
    request.track_files = job.track_files;
    request.segments = job.segments;
    request.stream = job.stream;
    request.end = job.end;
    request.receivers = kept_receivers_of(recording, secrets_key);
    request.metadata_json = recording.metadata_json;
    request.origin = recording.origin;
    return request;
}

Result<recorder::Job> open_job(
    BytesView sealed, const std::string& egress_id, BytesView secrets_key
) {
    AC_TRY(
        const auto text, net::open_sealed(secrets_key, sealed, std::string(kPurpose) + egress_id)
    );
    return read_job(text, egress_id, opened_with(secrets_key));
}

}  // namespace aircheck::control
