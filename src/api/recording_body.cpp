#include "api/recording_body.hpp"

#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

#include <nlohmann/json.hpp>

#include <set>

namespace aircheck::api {
namespace {

using control::Answer;
using control::invalid;
using nlohmann::json;

Answer<void> refuse_unknown(
    const json& object, const std::set<std::string>& known, const std::string& where
) {
    for (const auto& [key, value] : object.items()) {
        if (!known.contains(key)) return invalid("unknown field '" + where + key + "'");
    }
    return {};
}

Answer<std::string> text_of(const json& object, const std::string& key) {
    if (!object.contains(key)) return std::string();
    if (!object[key].is_string()) return invalid("'" + key + "' is no text");
    return object[key].get<std::string>();
}

Answer<std::optional<Nanoseconds>> duration_of(const json& object, const std::string& key) {
    if (!object.contains(key)) return std::optional<Nanoseconds>();
    const json& value = object[key];
    const std::string text = value.is_number()   ? value.dump()
                             : value.is_string() ? value.get<std::string>()
                                                 : "";
    const auto duration = parse_duration(text);
    if (!duration || duration->count() <= 0)
        return invalid("'" + key + "' is no duration like 30s or 4h");
    return std::optional<Nanoseconds>(*duration);
}

Answer<std::optional<int>> number_of(json& object, const std::string& key) {
    if (!object.contains(key)) return std::optional<int>();
    const json value = object[key];
    object.erase(key);
    if (value.is_number_integer() && value >= 1 && value <= 1'000'000) {
        return std::optional<int>(value.get<int>());
    }
    return invalid("'outputs[0]." + key + "' is no whole number above 0");
}

/// What was said of LiveKit's message, through which the body goes, in the body's own names.
tl::unexpected<control::TwirpError> in_body_names(control::TwirpError error) {
    constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"file_outputs[0].", "outputs[0]."},
        {"advanced.audio_frequency", "outputs[0].sample_rate"},
        {"advanced.audio_bitrate", "outputs[0].bitrate"},
    };
    for (const auto& [theirs, ours] : kNames) {
        const auto at = error.message.find(theirs);
        if (at != std::string::npos) error.message.replace(at, theirs.size(), ours);
    }
    return tl::unexpected(std::move(error));
}

/// LiveKit's messages have no WAV and no FLAC: the file's name says it.
void name_by_type(json& output, recorder::Container container) {
    output.erase("file_type");
    std::string path;
    if (output.contains("filepath") && output["filepath"].is_string()) path = output["filepath"];
    if (path.empty() || path.ends_with('/')) path += "{room_name}-{time}";
    const auto named = recorder::container_of(path);
    if (named && named != container) {
        path.resize(path.size() - recorder::extension_of(*named).size());
    }
    if (named != container) path += recorder::extension_of(container);
    output["filepath"] = path;
}

/// `file_type` in LiveKit's words. Where it is left out the name says it, else it is MP4.
Answer<void> put_type(json& output) {
    auto type = text_of(output, "file_type");
    if (!type) return invalid("'outputs[0].file_type' is no text");
    std::optional<recorder::Container> container;
    if (output.contains("file_type")) {
        container = recorder::container_of("." + *type);
        if (!container || type->find('.') != std::string::npos) {
            return invalid(
                "'outputs[0].file_type' '" + *type + "' is none of mp4, ogg, mp3, wav, flac"
            );
        }
    } else {
        const json name = output.value("filepath", json());
        if (name.is_string()) container = recorder::container_of(name.get<std::string>());
    }
    switch (container.value_or(recorder::Container::Mp4)) {
        case recorder::Container::Mp4:
            output["file_type"] = "MP4";
            break;
        case recorder::Container::Ogg:
            output["file_type"] = "OGG";
            break;
        case recorder::Container::Mp3:
            output["file_type"] = "MP3";
            break;
        case recorder::Container::Wav:
            name_by_type(output, recorder::Container::Wav);
            break;
        case recorder::Container::Flac:
            name_by_type(output, recorder::Container::Flac);
            break;
    }
    return {};
}

/// What is LiveKit's EncodingOptions.
Answer<void> put_options(json& output, json& message) {
    auto rate = number_of(output, "sample_rate");
    if (!rate) return tl::unexpected(rate.error());
    if (*rate) message["advanced"]["audio_frequency"] = **rate;
    auto bitrate = number_of(output, "bitrate");
    if (!bitrate) return tl::unexpected(bitrate.error());
    if (*bitrate) message["advanced"]["audio_bitrate"] = **bitrate;
    return {};
}

/// The output as livekit.EncodedFileOutput reads it: the same names, the same checks.
Answer<void> put_output(const json& body, json& message, std::optional<int>& channels) {
    if (!body.contains("outputs")) return {};
    const json& outputs = body["outputs"];
    if (!outputs.is_array() || outputs.empty()) return invalid("'outputs' is no list of outputs");
    if (outputs.size() > 1) {
        return invalid("several outputs are not supported by this recorder yet");
    }
    json output = outputs[0];
    if (!output.is_object()) return invalid("'outputs[0]' is no object");
    auto known = refuse_unknown(
        output,
        {"file_type",
         "filepath",
         "s3",
         "azure",
         "gcp",
         "channels",
         "bitrate",
         "sample_rate",
         "disable_manifest"},
        "outputs[0]."
    );
    if (!known) return known;
    auto asked = number_of(output, "channels");
    if (!asked) return tl::unexpected(asked.error());
    channels = *asked;
    if (channels && *channels > 2) return invalid("'outputs[0].channels' is neither 1 nor 2");
    if (auto put = put_options(output, message); !put) return put;
    if (auto put = put_type(output); !put) return put;
    message["file_outputs"] = json::array({output});
    return {};
}

Answer<void> put_track_files(const json& body, control::RecordingRequest& request) {
    const json wanted = body.value("track_files", json(false));
    if (!wanted.is_boolean()) return invalid("'track_files' is neither true nor false");
    auto filepath = text_of(body, "track_filepath");
    if (!filepath) return tl::unexpected(filepath.error());
    if (wanted == false) {
        if (filepath->empty()) return {};
        return invalid("'track_filepath' without 'track_files': true names nothing");
    }
    auto files = control::track_files_of(*std::move(filepath));
    if (!files) return tl::unexpected(files.error());
    request.track_files = *std::move(files);
    return {};
}

Answer<void> put_end(const json& body, control::RecordingRequest& request) {
    auto end_when = text_of(body, "end_when");
    if (!end_when) return tl::unexpected(end_when.error());
    if (*end_when == "last_human_left")
        request.end.last_human_left = true;
    else if (!end_when->empty() && *end_when != "room_finished") {
        return invalid("'end_when' is neither room_finished nor last_human_left");
    }
    auto grace = duration_of(body, "end_grace");
    if (!grace) return tl::unexpected(grace.error());
    if (*grace) request.end.end_grace = **grace;
    auto longest = duration_of(body, "max_duration");
    if (!longest) return tl::unexpected(longest.error());
    if (*longest && (!request.end.max_duration || **longest < *request.end.max_duration)) {
        request.end.max_duration = **longest;
    }
    return {};
}

}  // namespace

Answer<control::RecordingRequest> parse_recording_body(
    const std::string& body, const control::RecordingDefaults& defaults
) {
    const json given = json::parse(body, nullptr, false);
    if (!given.is_object()) return invalid("the body is no JSON object");
    auto known = refuse_unknown(
        given,
        {"room_name",
         "audio_only",
         "outputs",
         "audio_mixing",
         "track_files",
         "track_filepath",
         "end_when",
         "end_grace",
         "max_duration",
         "metadata"},
        ""
    );
    if (!known) return tl::unexpected(known.error());
    if (given.contains("audio_only") && given["audio_only"] != true) {
        return invalid("video is not supported by this recorder yet: set audio_only");
    }
    if (given.contains("metadata") && !given["metadata"].is_object()) {
        return invalid("'metadata' is no object");
    }
    json message{{"audio_only", true}};
    if (given.contains("room_name")) message["room_name"] = given["room_name"];
    auto mixing = text_of(given, "audio_mixing");
    if (!mixing) return tl::unexpected(mixing.error());
    if (*mixing == "dual_channel_agent")
        message["audio_mixing"] = "DUAL_CHANNEL_AGENT";
    else if (*mixing == "dual_channel_alternate")
        message["audio_mixing"] = "DUAL_CHANNEL_ALTERNATE";
    else if (!mixing->empty() && *mixing != "default") {
        return invalid(
            "'audio_mixing' is none of default, dual_channel_agent, dual_channel_alternate"
        );
    }
    std::optional<int> channels;
    if (auto put = put_output(given, message, channels); !put) return tl::unexpected(put.error());
    if (!message.contains("file_outputs")) {
        message["file_outputs"] = json::array({{{"file_type", "MP4"}}});
    }
    livekit::RoomCompositeEgressRequest request;
    const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
    proto::JsonLeftovers leftovers;
    if (auto read = proto::from_json(text, request, &leftovers); !read) {
        return in_body_names({"invalid_argument", read.error().context});
    }
    if (!leftovers.unknown_fields.empty()) {
        const std::string& field = leftovers.unknown_fields.front();
        return in_body_names({"invalid_argument", "unknown field '" + field + "'"});
    }
    auto checked = control::check_request(request, defaults);
    if (!checked) return in_body_names(std::move(checked.error()));
    if (auto put = put_end(given, *checked); !put) return tl::unexpected(put.error());
    if (auto put = put_track_files(given, *checked); !put) return tl::unexpected(put.error());
    if (channels) {
        if (*channels == 1 && checked->mixing != recorder::Mixing::Default) {
            return invalid("'audio_mixing' puts voices on two channels, 'channels' is 1");
        }
        checked->encoding.channels = static_cast<std::uint16_t>(*channels);
    }
    if (given.contains("metadata")) {
        checked->metadata_json =
            given["metadata"].dump(-1, ' ', false, json::error_handler_t::replace);
    }
    return checked;
}

}  // namespace aircheck::api
