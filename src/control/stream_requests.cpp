#include "control/stream_requests.hpp"

#include "streams/stream_url.hpp"

#include "control/plain_request.hpp"
#include "proto/redact.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

constexpr std::string_view kInvalid = "request has missing or invalid field: ";
constexpr int kMostUrls = 32;

Answer<streams::Target> target_of(
    const std::string& url, const std::string& id, streams::Protocol protocol
) {
    auto canonical = streams::canonical_url(url, protocol);
    if (!canonical) {
        return invalid(
            "invalid url " + proto::redact_stream_url(url) + ": " + canonical.error().context
        );
    }
    streams::Target target;
    target.shown = proto::redact_stream_url(*canonical);
    target.url = *std::move(canonical);
    target.id = id;
    return target;
}

/// What was asked for by name, or by the first URL's scheme.
Answer<streams::Protocol> protocol_of(
    const livekit::StreamOutput& asked, const std::string& first_url
) {
    switch (asked.protocol()) {
        case livekit::RTMP:
            return streams::Protocol::Rtmp;
        case livekit::SRT:
            return streams::Protocol::Srt;
        case livekit::WEBSOCKET:
            return streams::Protocol::WebSocket;
        default:
            break;
    }
    const auto protocol =
        first_url.empty() ? streams::Protocol::Rtmp : streams::protocol_of(first_url);
    if (protocol) return *protocol;
    return invalid("invalid url " + proto::redact_stream_url(first_url) + ": invalid scheme");
}

template <typename Destinations>
std::vector<std::pair<std::string, std::string>> urls_of(
    const google::protobuf::RepeatedPtrField<std::string>& urls, const Destinations& destinations
) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const std::string& url : urls) all.emplace_back(url, "");
    for (const auto& destination : destinations) {
        all.emplace_back(destination.url(), destination.id());
    }
    return all;
}

Answer<recorder::Encoding> aac_encoding(
    const PlainRequest& plain, const RecordingDefaults& defaults, std::vector<std::string>& warnings
) {
    const auto codec = plain.options.audio_codec();
    if (codec != livekit::DEFAULT_AC && codec != livekit::AAC) {
        return invalid(
            "audio codec " + livekit::AudioCodec_Name(codec) + " is incompatible with streams"
        );
    }
    livekit::FileOutput as_file;  // AAC is what MP4 holds, too.
    as_file.set_file_type(livekit::MP4);
    return encoding_of(plain, as_file, defaults, warnings);
}

/// What a WebSocket is sent: 48 kHz, and two channels where nothing else shares the mix. `advanced`
/// is about the other outputs then.
Answer<recorder::Encoding> pcm_encoding(
    const PlainRequest& plain,
    bool is_alone,
    const RecordingDefaults& defaults,
    std::vector<std::string>& warnings
) {
    livekit::FileOutput as_file;
    as_file.set_filepath("x.wav");
    PlainRequest asked = plain;
    if (!is_alone) asked.options.clear_audio_codec();
    auto encoding = encoding_of(asked, as_file, defaults, warnings);
    if (!encoding) return encoding;
    const std::uint32_t rate =
        plain.options.audio_frequency() == 0 ? 48'000 : encoding->sample_rate_hz;
    if (is_alone && rate != 48'000) {
        return invalid(
            "advanced.audio_frequency " + std::to_string(rate) + ": a WebSocket is sent 48000"
        );
    }
    encoding->sample_rate_hz = 48'000;
    if (is_alone) encoding->channels = 2;
    return encoding;
}

}  // namespace

Answer<TakenStream> take_stream(
    const PlainRequest& plain,
    const livekit::StreamOutput& asked,
    bool is_alone,
    const RecordingDefaults& defaults
) {
    const auto urls = urls_of(asked.urls(), asked.destinations());
    if (urls.empty() && is_alone) return invalid(std::string(kInvalid) + "stream url");
    if (urls.size() > static_cast<std::size_t>(kMostUrls)) {
        return invalid("stream_outputs: an egress has at most 32 streams at a time");
    }
    TakenStream taken;
    auto protocol = protocol_of(asked, urls.empty() ? "" : urls.front().first);
    if (!protocol) return tl::unexpected(protocol.error());
    taken.stream.protocol = *protocol;
    for (const auto& [url, id] : urls) {
        auto target = target_of(url, id, *protocol);
        if (!target) return tl::unexpected(target.error());
        const auto is_same = [&](const streams::Target& other) { return other.url == target->url; };
        if (std::ranges::any_of(taken.stream.targets, is_same)) {
            return invalid("invalid url " + target->shown + ": it is there twice");
        }
        taken.stream.targets.push_back(*std::move(target));
    }
    auto encoding = *protocol == streams::Protocol::WebSocket
                        ? pcm_encoding(plain, is_alone, defaults, taken.warnings)
                        : aac_encoding(plain, defaults, taken.warnings);
    if (!encoding) return tl::unexpected(encoding.error());
    taken.stream.encoding = *encoding;
    taken.stream.allow = defaults.network_allow;
    if (defaults.request_reach == storage::S3Destination::Reach::PublicAndPrivate) {
        taken.stream.allow = {"0.0.0.0/0", "::/0"};  // Forbidden ones stay out (ADR 0009).
    }
    taken.stream.ca_file = defaults.ca_file;
    return taken;
}

Answer<recorder::StreamUpdate> stream_update_of(
    const livekit::UpdateStreamRequest& request, streams::Protocol protocol
) {
    recorder::StreamUpdate update;
    for (const auto& [url, id] : urls_of(request.add_output_urls(), request.add_destinations())) {
        auto target = target_of(url, id, protocol);
        if (!target) return tl::unexpected(target.error());
        update.add.push_back(*std::move(target));
    }
    for (const std::string& url : request.remove_output_urls()) {
        auto target = target_of(url, "", protocol);
        if (!target) return tl::unexpected(target.error());
        update.remove.push_back(*std::move(target));
    }
    return update;
}

tl::unexpected<TwirpError> cannot_be(std::string_view what, records::RecordingStatus status) {
    return refuse(
        "failed_precondition",
        "egress with status " + std::string(records::to_string(status)) + " cannot be " +
            std::string(what)
    );
}

}  // namespace aircheck::control
