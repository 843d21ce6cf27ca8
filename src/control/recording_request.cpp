#include "control/recording_request.hpp"

#include "net/url.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/redact.hpp"

#include <utility>

namespace aircheck::control {
namespace {

using livekit::RoomCompositeEgressRequest;

constexpr std::size_t kMaxWebhooks = 16;

/// Enum numbers beyond what we know would silently mean the default: refused by name.
Answer<void> refuse_unknown_enums(const RoomCompositeEgressRequest& request) {
    const auto unknown = proto::unknown_enum_values(request);
    if (!unknown.empty()) return invalid("request has an unknown value: " + unknown.front());
    return {};
}

/// What LiveKit can do and this build cannot yet.
Answer<void> refuse_what_is_not_here(const RoomCompositeEgressRequest& request) {
    const auto later = [](std::string_view what) {
        return invalid(std::string(what) + " is not supported by this recorder yet");
    };
    if (request.video_only()) return later("video_only");
    if (!request.audio_only()) {
        return invalid("video is not supported by this recorder yet: set audio_only");
    }
    if (!request.custom_base_url().empty()) return later("custom_base_url (a web page)");
    if (request.stream_outputs_size() > 0 || request.has_stream()) return later("stream_outputs");
    if (request.segment_outputs_size() > 0 || request.has_segments())
        return later("segment_outputs");
    if (request.image_outputs_size() > 0) return later("image_outputs");
    return {};
}

/// The lists win over the deprecated oneof, which SDKs fill as well (livekit-wire 6.3).
Answer<livekit::EncodedFileOutput> file_output(const RoomCompositeEgressRequest& request) {
    if (request.file_outputs_size() > 1) {
        return invalid("request has missing or invalid field: multiple file outputs");
    }
    if (request.file_outputs_size() == 1) return request.file_outputs(0);
    if (request.has_file()) return request.file();
    return invalid("request has missing or invalid field: output");
}

Answer<recorder::AudioCodec> audio_codec(livekit::AudioCodec codec, recorder::Container container) {
    switch (codec) {
        case livekit::DEFAULT_AC:
            return container == recorder::Container::Mp4 ? recorder::AudioCodec::Aac
                                                         : recorder::AudioCodec::Opus;
        case livekit::OPUS:
            return recorder::AudioCodec::Opus;
        case livekit::AAC:
            if (container == recorder::Container::Ogg) {
                return invalid("audio codec AAC is incompatible with file type OGG");
            }
            return recorder::AudioCodec::Aac;
        default:
            return invalid(
                "audio_codec " + livekit::AudioCodec_Name(codec) +
                " is not supported by this recorder yet"
            );
    }
}

/// DEFAULT_FILETYPE is OGG for audio unless AAC was asked for (egress-survey 1.3); a name that ends
/// in a known extension says it as well, and is what people mean.
Answer<recorder::Container> container_of(
    const livekit::EncodedFileOutput& file, const RoomCompositeEgressRequest& request
) {
    switch (file.file_type()) {
        case livekit::MP4:
            return recorder::Container::Mp4;
        case livekit::OGG:
            return recorder::Container::Ogg;
        case livekit::MP3:
            return invalid("file_type MP3 is not supported by this recorder yet");
        default:
            break;
    }
    const bool aac = request.has_advanced() && request.advanced().audio_codec() == livekit::AAC;
    if (aac || file.filepath().ends_with(".mp4")) return recorder::Container::Mp4;
    return recorder::Container::Ogg;
}

Answer<void> apply_options(
    const RoomCompositeEgressRequest& request, recorder::Encoding& encoding, RecordingRequest& out
) {
    if (request.has_preset()) {
        out.warnings.push_back("preset (it says nothing of sound)");
        return {};
    }
    if (!request.has_advanced()) return {};
    const livekit::EncodingOptions& options = request.advanced();
    auto codec = audio_codec(options.audio_codec(), encoding.container);
    if (!codec) return tl::unexpected(codec.error());
    encoding.codec = *codec;
    if (options.audio_bitrate() != 0) {
        if (options.audio_bitrate() < 6 || options.audio_bitrate() > 512) {
            return invalid(
                "advanced.audio_bitrate " + std::to_string(options.audio_bitrate()) +
                " kbit/s is outside 6 to 512"
            );
        }
        encoding.bitrate_bps = static_cast<std::uint32_t>(options.audio_bitrate()) * 1000;
    }
    if (options.audio_frequency() != 0) {
        if (options.audio_frequency() < 0) return invalid("advanced.audio_frequency is negative");
        encoding.sample_rate_hz = static_cast<std::uint32_t>(options.audio_frequency());
    }
    const std::pair<std::string_view, bool> video[] = {
        {"advanced.width", options.width() != 0},
        {"advanced.height", options.height() != 0},
        {"advanced.depth", options.depth() != 0},
        {"advanced.framerate", options.framerate() != 0},
        {"advanced.video_codec", options.video_codec() != livekit::DEFAULT_VC},
        {"advanced.video_bitrate", options.video_bitrate() != 0},
        {"advanced.key_frame_interval", options.key_frame_interval() != 0},
        {"advanced.audio_quality", options.audio_quality() != 0},
        {"advanced.video_quality", options.video_quality() != 0},
    };
    for (const auto& [name, set] : video) {
        if (set) out.warnings.emplace_back(name);
    }
    return {};
}

Answer<void> check_encoding(const recorder::Encoding& encoding) {
    constexpr std::uint32_t kAacRates[] = {8000, 16000, 22050, 24000, 32000, 44100, 48000};
    if (encoding.codec == recorder::AudioCodec::Opus) {
        if (encoding.sample_rate_hz == 48000) return {};
        return invalid(
            "advanced.audio_frequency " + std::to_string(encoding.sample_rate_hz) +
            ": Opus is 48000"
        );
    }
    for (const std::uint32_t rate : kAacRates) {
        if (encoding.sample_rate_hz == rate) return {};
    }
    return invalid(
        "advanced.audio_frequency " + std::to_string(encoding.sample_rate_hz) +
        " is none of 8000, 16000, 22050, 24000, 32000, 44100, 48000"
    );
}

std::string with_credentials(const livekit::ProxyConfig& proxy) {
    if (proxy.username().empty()) return proxy.url();
    const auto scheme_end = proxy.url().find("://");
    const std::size_t at = scheme_end == std::string::npos ? 0 : scheme_end + 3;
    return proxy.url().substr(0, at) + net::percent_encode(proxy.username()) + ":" +
           net::percent_encode(proxy.password()) + "@" + proxy.url().substr(at);
}

Answer<storage::S3Destination> s3_destination(
    const livekit::S3Upload& s3, const RecordingDefaults& defaults
) {
    if (s3.bucket().empty()) return invalid("request has missing or invalid field: s3.bucket");
    if (!s3.assume_role_arn().empty() || !s3.assume_role_external_id().empty()) {
        return invalid("s3.assume_role_arn is not supported by this recorder yet");
    }
    if (s3.access_key().empty() != s3.secret().empty()) {
        return invalid("s3.access_key and s3.secret belong together");
    }
    storage::S3Destination destination;
    destination.bucket = s3.bucket();
    destination.region = s3.region();
    destination.endpoint = s3.endpoint();
    destination.access_key = s3.access_key();
    destination.secret = s3.secret();
    destination.session_token = s3.session_token();
    // A request's bucket without keys is written with the configuration's, as in livekit/egress.
    if (const auto* own = std::get_if<storage::S3Destination>(&defaults.destination);
        own != nullptr && s3.access_key().empty()) {
        destination.access_key = own->access_key;
        destination.secret = own->secret;
        destination.session_token = own->session_token;
    }
    if (destination.access_key.empty()) {
        return invalid("s3: no access_key in the request, and none is configured");
    }
    if (s3.force_path_style()) {
        destination.addressing = storage::S3Destination::Addressing::Path;
    }
    if (!s3.content_disposition().empty()) {
        destination.content_disposition = s3.content_disposition();
    }
    for (const auto& [key, value] : s3.metadata()) destination.metadata[key] = value;
    destination.tagging = s3.tagging();
    if (s3.has_proxy()) destination.proxy = with_credentials(s3.proxy());
    destination.ca_file = defaults.ca_file;
    destination.retry = defaults.retry;
    // Without either it is AWS's own address, which may be private inside its networks.
    if (!s3.endpoint().empty() || s3.has_proxy()) {
        destination.reach = storage::S3Destination::Reach::PublicOnly;
        destination.allow = defaults.network_allow;
    }
    return destination;
}

Answer<void> apply_destination(
    const livekit::EncodedFileOutput& file, const RecordingDefaults& defaults, RecordingRequest& out
) {
    switch (file.output_case()) {
        case livekit::EncodedFileOutput::kS3: {
            auto s3 = s3_destination(file.s3(), defaults);
            if (!s3) return tl::unexpected(s3.error());
            out.destination = *std::move(s3);
            out.own_destination = true;
            return {};
        }
        case livekit::EncodedFileOutput::kGcp:
            return invalid("gcp storage is not supported by this recorder yet");
        case livekit::EncodedFileOutput::kAzure:
            return invalid("azure storage is not supported by this recorder yet");
        case livekit::EncodedFileOutput::kAliOSS:
            return invalid("aliOSS storage is not supported by this recorder yet");
        case livekit::EncodedFileOutput::OUTPUT_NOT_SET:
            break;
    }
    const bool local = std::holds_alternative<storage::LocalDestination>(defaults.destination);
    if (local && !defaults.local_storage_allowed) {
        return invalid("local storage is not allowed, and the request names no store");
    }
    out.destination = defaults.destination;
    return {};
}

Answer<void> apply_webhooks(const RoomCompositeEgressRequest& request, RecordingRequest& out) {
    if (static_cast<std::size_t>(request.webhooks_size()) > kMaxWebhooks) {
        return invalid("request has more than 16 webhooks");
    }
    for (const livekit::WebhookConfig& webhook : request.webhooks()) {
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

recorder::Mixing mixing_of(livekit::AudioMixing mixing) {
    if (mixing == livekit::DUAL_CHANNEL_AGENT) return recorder::Mixing::DualChannelAgent;
    if (mixing == livekit::DUAL_CHANNEL_ALTERNATE) return recorder::Mixing::DualChannelAlternate;
    return recorder::Mixing::Default;
}

std::string redacted(const RoomCompositeEgressRequest& request) {
    RoomCompositeEgressRequest copy = request;
    proto::redact(copy);
    return copy.SerializeAsString();
}

}  // namespace

recorder::Encoding default_encoding(
    const RecordingDefaults& defaults, recorder::Mixing mixing, recorder::Container container
) {
    recorder::Encoding encoding;
    encoding.container = container;
    encoding.codec = container == recorder::Container::Mp4 ? recorder::AudioCodec::Aac
                                                           : recorder::AudioCodec::Opus;
    const bool dual = mixing != recorder::Mixing::Default;
    encoding.channels = dual ? std::uint16_t{2} : defaults.channels;
    encoding.bitrate_bps = defaults.bitrate_bps;
    if (dual && defaults.channels == 1) encoding.bitrate_bps = defaults.stereo_bitrate_bps;
    return encoding;
}

Answer<RecordingRequest> check_request(
    const RoomCompositeEgressRequest& request, const RecordingDefaults& defaults
) {
    if (request.room_name().empty()) {
        return invalid("request has missing or invalid field: room_name");
    }
    if (auto known = refuse_unknown_enums(request); !known) return tl::unexpected(known.error());
    if (auto here = refuse_what_is_not_here(request); !here) return tl::unexpected(here.error());
    auto file = file_output(request);
    if (!file) return tl::unexpected(file.error());

    RecordingRequest out;
    out.origin = "api";
    out.room_name = request.room_name();
    out.mixing = mixing_of(request.audio_mixing());
    out.filepath = file->filepath();
    out.end.session_limit = defaults.session_limit;
    out.end.max_bytes = defaults.max_bytes;
    if (!request.layout().empty()) out.warnings.emplace_back("layout (there is no picture)");
    auto container = container_of(*file, request);
    if (!container) return tl::unexpected(container.error());
    out.encoding = default_encoding(defaults, out.mixing, *container);
    if (auto done = apply_options(request, out.encoding, out); !done) {
        return tl::unexpected(done.error());
    }
    if (auto ok = check_encoding(out.encoding); !ok) return tl::unexpected(ok.error());
    if (auto done = apply_destination(*file, defaults, out); !done) {
        return tl::unexpected(done.error());
    }
    if (auto done = apply_webhooks(request, out); !done) return tl::unexpected(done.error());
    out.echo = redacted(request);
    return out;
}

std::string make_echo(const RecordingRequest& request) {
    RoomCompositeEgressRequest echo;
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
    file->set_file_type(
        request.encoding.container == recorder::Container::Mp4 ? livekit::MP4 : livekit::OGG
    );
    file->set_filepath(request.filepath);
    if (const auto* s3 = std::get_if<storage::S3Destination>(&request.destination)) {
        file->mutable_s3()->set_bucket(s3->bucket);
        file->mutable_s3()->set_region(s3->region);
        file->mutable_s3()->set_endpoint(s3->endpoint);
        file->mutable_s3()->set_access_key("{access_key}");
        file->mutable_s3()->set_secret("{secret}");
    }
    *echo.mutable_file() = *file;
    return echo.SerializeAsString();
}

}  // namespace aircheck::control
