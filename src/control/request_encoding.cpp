// What an output is encoded with, and into which kind of file.
#include "control/plain_request.hpp"

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>

namespace aircheck::control {
namespace {

using recorder::AudioCodec;
using recorder::Container;

/// "MP4" …
std::string name_of(Container container) {
    std::string name(recorder::extension_of(container).substr(1));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return name;
}

std::string_view name_of(AudioCodec codec) {
    switch (codec) {
        case AudioCodec::Aac:
            return "AAC";
        case AudioCodec::Opus:
        case AudioCodec::OpusPassthrough:
            return "Opus";
        case AudioCodec::Mp3:
            return "MP3";
        case AudioCodec::Pcm:
            return "WAV";
        case AudioCodec::Flac:
            return "FLAC";
    }
    return "";
}

/// Empty when the container cannot hold it.
std::optional<AudioCodec> codec_of(livekit::AudioCodec asked, Container container) {
    switch (asked) {
        case livekit::OPUS:
            if (container != Container::Mp4 && container != Container::Ogg) return std::nullopt;
            return AudioCodec::Opus;
        case livekit::AAC:
            if (container != Container::Mp4) return std::nullopt;
            return AudioCodec::Aac;
        case livekit::AC_MP3:
            if (container != Container::Mp3) return std::nullopt;
            return AudioCodec::Mp3;
        default:
            return recorder::codec_for(container);
    }
}

/// DEFAULT_FILETYPE is OGG for audio unless another codec was asked for (egress-survey 1.3); a name
/// that ends in a known extension says it as well, and is what people mean.
Container container_of(const livekit::FileOutput& file, livekit::AudioCodec codec) {
    switch (file.file_type()) {
        case livekit::MP4:
            return Container::Mp4;
        case livekit::OGG:
            return Container::Ogg;
        case livekit::MP3:
            return Container::Mp3;
        default:
            break;
    }
    if (const auto named = recorder::container_of(file.filepath())) return *named;
    if (codec == livekit::AAC) return Container::Mp4;
    if (codec == livekit::AC_MP3) return Container::Mp3;
    return Container::Ogg;
}

Answer<void> apply_options(
    const livekit::EncodingOptions& options,
    recorder::Encoding& encoding,
    std::vector<std::string>& warnings
) {
    const auto codec = codec_of(options.audio_codec(), encoding.container);
    if (!codec) {
        return invalid(
            "audio codec " + livekit::AudioCodec_Name(options.audio_codec()) +
            " is incompatible with file type " + name_of(encoding.container)
        );
    }
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
        if (set) warnings.emplace_back(name);
    }
    return {};
}

Answer<void> check_encoding(const recorder::Encoding& encoding) {
    constexpr std::uint32_t kOpus[] = {48000};
    constexpr std::uint32_t kAac[] = {8000, 16000, 22050, 24000, 32000, 44100, 48000};
    constexpr std::uint32_t kOthers[] = {
        8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    std::span<const std::uint32_t> rates = kOthers;
    if (encoding.codec == AudioCodec::Opus) rates = kOpus;
    if (encoding.codec == AudioCodec::Aac) rates = kAac;
    if (std::find(rates.begin(), rates.end(), encoding.sample_rate_hz) != rates.end()) return {};
    std::string known;
    for (const std::uint32_t rate : rates) {
        if (!known.empty()) known += ", ";
        known += std::to_string(rate);
    }
    return invalid(
        "advanced.audio_frequency " + std::to_string(encoding.sample_rate_hz) + ": " +
        std::string(name_of(encoding.codec)) + " takes " + known
    );
}

/// One track's Opus as it came: OGG, unless the name says MP4.
Answer<recorder::Encoding> kept_encoding(const livekit::FileOutput& file) {
    recorder::Encoding encoding;
    encoding.container = container_of(file, livekit::OPUS);
    encoding.codec = recorder::AudioCodec::OpusPassthrough;
    if (encoding.container == recorder::Container::Ogg ||
        encoding.container == recorder::Container::Mp4) {
        return encoding;
    }
    return invalid(
        "filepath '" + file.filepath() +
        "': a track is kept as it is in a file that ends in .ogg or .mp4"
    );
}

bool needs_two_channels(const PlainRequest& plain) {
    return plain.mixing != recorder::Mixing::Default ||
           std::any_of(
               plain.source.routes.begin(),
               plain.source.routes.end(),
               [](const auto& route) {
                   return route.channel != recorder::AudioRoute::Channel::Both;
               }
           );
}

}  // namespace

recorder::Encoding default_encoding(
    const RecordingDefaults& defaults, recorder::Mixing mixing, recorder::Container container
) {
    recorder::Encoding encoding;
    encoding.container = container;
    encoding.codec = recorder::codec_for(container);
    const bool dual = mixing != recorder::Mixing::Default;
    encoding.channels = dual ? std::uint16_t{2} : defaults.channels;
    encoding.bitrate_bps = defaults.bitrate_bps;
    if (dual && defaults.channels == 1) encoding.bitrate_bps = defaults.stereo_bitrate_bps;
    return encoding;
}

Answer<recorder::Encoding> encoding_of(
    const PlainRequest& plain,
    const livekit::FileOutput& file,
    const RecordingDefaults& defaults,
    std::vector<std::string>& warnings
) {
    if (plain.keeps_codec) return kept_encoding(file);
    const auto container = container_of(file, plain.options.audio_codec());
    recorder::Encoding encoding = default_encoding(
        defaults,
        needs_two_channels(plain) ? recorder::Mixing::DualChannelAgent : recorder::Mixing::Default,
        container
    );
    if (plain.has_preset) {
        warnings.emplace_back("preset (it says nothing of sound)");
    } else if (auto done = apply_options(plain.options, encoding, warnings); !done) {
        return tl::unexpected(done.error());
    }
    if (auto ok = check_encoding(encoding); !ok) return tl::unexpected(ok.error());
    return encoding;
}

}  // namespace aircheck::control
