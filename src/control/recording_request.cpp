#include "control/plain_request.hpp"
#include "control/stream_requests.hpp"
#include "net/url.hpp"
#include "proto/redact.hpp"
#include "recorder/segment_names.hpp"
#include "recorder/track_names.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

constexpr std::size_t kMaxWebhooks = 16;

Answer<void> apply_webhooks(
    const std::vector<livekit::WebhookConfig>& webhooks, RecordingRequest& out
) {
    if (webhooks.size() > kMaxWebhooks) {
        return invalid("request has more than 16 webhooks");
    }
    for (const livekit::WebhookConfig& webhook : webhooks) {
        const auto url = net::Url::parse(webhook.url());
        if (!url || (url->scheme != "http" && url->scheme != "https")) {
            return invalid("webhooks: '" + net::redact_url(webhook.url()) + "' is no http(s) URL");
        }
        notify::Receiver receiver;
        receiver.url = webhook.url();
        receiver.signing_key = webhook.signing_key();
        for (const auto& event : webhook.filter_params().include_events()) {
            receiver.include_events.push_back(event);
        }
        for (const auto& event : webhook.filter_params().exclude_events()) {
            receiver.exclude_events.push_back(event);
        }
        out.receivers.push_back(std::move(receiver));
    }
    return {};
}

/// The outputs by kind, one of each at most; what else LiveKit can do is refused by name.
struct Outputs {
    const livekit::Output* file = nullptr;
    const livekit::Output* segments = nullptr;
    const livekit::Output* stream = nullptr;
};

Answer<Outputs> sorted(const PlainRequest& plain) {
    constexpr std::string_view kInvalid = "request has missing or invalid field: ";
    Outputs outputs;
    for (const livekit::Output& output : plain.outputs) {
        if (output.has_images()) return beyond_us("image_outputs");
        const livekit::Output** place = nullptr;
        std::string_view kind;
        if (output.has_file()) {
            place = &outputs.file;
            kind = "file outputs";
        } else if (output.has_segments()) {
            place = &outputs.segments;
            kind = "segmented file outputs";
        } else if (output.has_stream()) {
            place = &outputs.stream;
            kind = "stream outputs";
        } else {
            return invalid(std::string(kInvalid) + "output");
        }
        if (*place != nullptr)
            return invalid(std::string(kInvalid) + "multiple " + std::string(kind));
        *place = &output;
    }
    if (plain.outputs.empty()) return invalid(std::string(kInvalid) + "output");
    return outputs;
}

/// The smallest limit of the kinds that are made (egress-survey, section 2).
std::optional<Nanoseconds> session_limit_of(
    const Outputs& outputs, const RecordingDefaults& defaults
) {
    const std::pair<const livekit::Output*, std::optional<Nanoseconds>> limits[] = {
        {outputs.file, defaults.session_limit},
        {outputs.segments, defaults.segment_session_limit},
        {outputs.stream, defaults.stream_session_limit}};
    std::optional<Nanoseconds> smallest;
    for (const auto& [output, limit] : limits) {
        if (output == nullptr || !limit) continue;
        smallest = std::min(smallest.value_or(*limit), *limit);
    }
    return smallest;
}

const livekit::StorageConfig& storage_of(const PlainRequest& plain, const livekit::Output& output) {
    const bool has_own =
        output.storage().provider_case() != livekit::StorageConfig::PROVIDER_NOT_SET;
    return has_own ? output.storage() : plain.storage;
}

Answer<void> take_file(
    const PlainRequest& plain,
    const Outputs& outputs,
    const RecordingDefaults& defaults,
    RecordingRequest& out
) {
    livekit::FileOutput file = outputs.file->file();
    const bool is_open = file.file_type() == livekit::DEFAULT_FILETYPE &&
                         plain.options.audio_codec() == livekit::DEFAULT_AC &&
                         !recorder::container_of(file.filepath());
    // What is encoded for the others does for the file.
    const bool is_beside = outputs.segments != nullptr || outputs.stream != nullptr;
    if (is_beside && is_open) file.set_file_type(livekit::MP4);
    auto encoding = encoding_of(plain, file, defaults, out.warnings);
    if (!encoding) return tl::unexpected(encoding.error());
    out.encoding = *encoding;
    out.filepath = file.filepath();
    out.writes_manifest = !file.disable_manifest();
    auto destination = destination_of(storage_of(plain, *outputs.file), defaults);
    if (!destination) return tl::unexpected(destination.error());
    out.destination = *std::move(destination);
    return {};
}

Answer<void> take_segments(
    const PlainRequest& plain,
    const livekit::Output& output,
    const RecordingDefaults& defaults,
    RecordingRequest& out
) {
    constexpr std::uint32_t kLongestSeconds = 300;
    const livekit::SegmentedFileOutput& asked = output.segments();
    const auto codec = plain.options.audio_codec();
    if (codec != livekit::DEFAULT_AC && codec != livekit::AAC) {
        return invalid(
            "audio codec " + livekit::AudioCodec_Name(codec) + " is incompatible with HLS segments"
        );
    }
    if (asked.segment_duration() > kLongestSeconds) {
        return invalid(
            "segment_duration " + std::to_string(asked.segment_duration()) +
            " s is longer than 300 s"
        );
    }
    recorder::SegmentOutput segments;
    segments.prefix = asked.filename_prefix();
    segments.playlist_name = asked.playlist_name();
    segments.live_playlist_name = asked.live_playlist_name();
    segments.writes_manifest = !asked.disable_manifest();
    if (asked.filename_suffix() == livekit::TIMESTAMP) {
        segments.suffix = recorder::SegmentOutput::Suffix::Timestamp;
    }
    if (asked.segment_duration() != 0) {
        segments.duration = std::chrono::seconds(asked.segment_duration());
    }
    const auto names =
        recorder::segment_names(segments, {out.room_name, "RM", wall_now(), {}, {}, {}});
    if (!names) return invalid("request has missing or invalid field: " + names.error().context);
    livekit::FileOutput as_file;  // AAC is what MP4 holds, too.
    as_file.set_file_type(livekit::MP4);
    std::vector<std::string> warnings;
    auto encoding = encoding_of(plain, as_file, defaults, warnings);
    if (!encoding) return tl::unexpected(encoding.error());
    segments.encoding = *encoding;
    auto destination = destination_of(storage_of(plain, output), defaults);
    if (!destination) return tl::unexpected(destination.error());
    segments.destination = *std::move(destination);
    if (!out.makes_file) {
        out.encoding = segments.encoding;
        out.destination = segments.destination;
        out.warnings.insert(out.warnings.end(), warnings.begin(), warnings.end());
    }
    out.segments = std::move(segments);
    return {};
}

/// WAV and FLAC are no types of LiveKit's: their names say it.
livekit::EncodedFileType file_type_of(recorder::Container container) {
    switch (container) {
        case recorder::Container::Mp4:
            return livekit::MP4;
        case recorder::Container::Ogg:
            return livekit::OGG;
        case recorder::Container::Mp3:
            return livekit::MP3;
        case recorder::Container::Wav:
        case recorder::Container::Flac:
            break;
    }
    return livekit::DEFAULT_FILETYPE;
}

std::string redacted(livekit::EgressInfo echo) {
    proto::redact(echo);
    return echo.SerializeAsString();
}

}  // namespace

Answer<RecordingRequest> check_plain(PlainRequest plain, const RecordingDefaults& defaults) {
    const auto outputs = sorted(plain);
    if (!outputs) return tl::unexpected(outputs.error());
    RecordingRequest out;
    out.origin = "api";
    out.room_name = plain.room_name;
    out.source = plain.source;
    out.mixing = plain.mixing;
    out.end.max_bytes = defaults.max_bytes;
    out.warnings = plain.warnings;
    out.makes_file = outputs->file != nullptr;
    out.end.session_limit = session_limit_of(*outputs, defaults);
    if (out.makes_file) {
        const auto taken = take_file(plain, *outputs, defaults, out);
        if (!taken) return tl::unexpected(taken.error());
    }
    if (outputs->segments != nullptr) {
        const auto taken = take_segments(plain, *outputs->segments, defaults, out);
        if (!taken) return tl::unexpected(taken.error());
    }
    if (outputs->stream != nullptr) {
        const bool is_alone = plain.outputs.size() == 1;
        auto taken = take_stream(plain, outputs->stream->stream(), is_alone, defaults);
        if (!taken) return tl::unexpected(taken.error());
        if (is_alone) {
            out.encoding = taken->stream.encoding;
            out.warnings.insert(out.warnings.end(), taken->warnings.begin(), taken->warnings.end());
        }
        out.stream = std::move(taken->stream);
    }
    if (auto done = apply_webhooks(plain.webhooks, out); !done) return tl::unexpected(done.error());
    out.echo = redacted(std::move(plain.echo));
    return out;
}

std::string make_echo(const RecordingRequest& request) {
    livekit::EgressInfo info;
    livekit::RoomCompositeEgressRequest& echo = *info.mutable_room_composite();
    echo.set_room_name(request.room_name);
    echo.set_audio_only(true);
    switch (request.mixing) {
        case recorder::Mixing::Default:
            break;
        case recorder::Mixing::DualChannelAgent:
            echo.set_audio_mixing(livekit::DUAL_CHANNEL_AGENT);
            break;
        case recorder::Mixing::DualChannelAlternate:
            echo.set_audio_mixing(livekit::DUAL_CHANNEL_ALTERNATE);
            break;
    }
    livekit::EncodedFileOutput* file = echo.add_file_outputs();
    file->set_file_type(file_type_of(request.encoding.container));
    file->set_filepath(request.filepath);
    file->set_disable_manifest(!request.writes_manifest);
    if (const auto* s3 = std::get_if<storage::S3Destination>(&request.destination)) {
        file->mutable_s3()->set_bucket(s3->bucket);
        file->mutable_s3()->set_region(s3->region);
        file->mutable_s3()->set_endpoint(s3->endpoint);
        file->mutable_s3()->set_access_key("{access_key}");
        file->mutable_s3()->set_secret("{secret}");
    } else if (const auto* azure = std::get_if<storage::AzureDestination>(&request.destination)) {
        file->mutable_azure()->set_account_name("{account_name}");
        file->mutable_azure()->set_account_key("{account_key}");
        file->mutable_azure()->set_container_name(azure->container);
    } else if (const auto* gcs = std::get_if<storage::GcsDestination>(&request.destination)) {
        file->mutable_gcp()->set_bucket(gcs->bucket);
        file->mutable_gcp()->set_credentials("{credentials}");
    }
    *echo.mutable_file() = *file;
    return info.SerializeAsString();
}

Answer<recorder::TrackFiles> track_files_of(std::string filepath) {
    if (auto good = recorder::check_track_filepath(filepath); !good) {
        return invalid(good.error().context);
    }
    return recorder::TrackFiles{std::move(filepath)};
}

}  // namespace aircheck::control
