#include "control/plain_request.hpp"
#include "net/url.hpp"
#include "proto/redact.hpp"

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

/// The one output, for now: what else LiveKit can do is refused by name.
Answer<livekit::Output> only_file(const PlainRequest& plain) {
    const auto refuse = [](std::string_view what) {
        return invalid(std::string(what) + " is not supported by this recorder yet");
    };
    for (const livekit::Output& output : plain.outputs) {
        if (output.has_stream()) return refuse("stream_outputs");
        if (output.has_segments()) return refuse("segment_outputs");
        if (output.has_images()) return refuse("image_outputs");
        if (!output.has_file()) return invalid("request has missing or invalid field: output");
    }
    if (plain.outputs.size() > 1) {
        return invalid("request has missing or invalid field: multiple file outputs");
    }
    if (plain.outputs.empty()) return invalid("request has missing or invalid field: output");
    return plain.outputs.front();
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
    auto output = only_file(plain);
    if (!output) return tl::unexpected(output.error());
    RecordingRequest out;
    out.origin = "api";
    out.room_name = plain.room_name;
    out.source = plain.source;
    out.mixing = plain.mixing;
    out.filepath = output->file().filepath();
    out.end.session_limit = defaults.session_limit;
    out.end.max_bytes = defaults.max_bytes;
    out.warnings = plain.warnings;
    auto encoding = encoding_of(plain, output->file(), defaults, out.warnings);
    if (!encoding) return tl::unexpected(encoding.error());
    out.encoding = *encoding;
    const livekit::StorageConfig& own =
        output->storage().provider_case() == livekit::StorageConfig::PROVIDER_NOT_SET
            ? plain.storage
            : output->storage();
    auto stored = apply_storage(own, defaults, out.destination);
    if (!stored) return tl::unexpected(stored.error());
    out.own_destination = *stored;
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
    if (const auto* s3 = std::get_if<storage::S3Destination>(&request.destination)) {
        file->mutable_s3()->set_bucket(s3->bucket);
        file->mutable_s3()->set_region(s3->region);
        file->mutable_s3()->set_endpoint(s3->endpoint);
        file->mutable_s3()->set_access_key("{access_key}");
        file->mutable_s3()->set_secret("{secret}");
    }
    *echo.mutable_file() = *file;
    return info.SerializeAsString();
}

}  // namespace aircheck::control
