#include "mux/muxer.hpp"

#include "mux/flac.hpp"
#include "mux/mp3.hpp"
#include "mux/mp3_frame.hpp"
#include "mux/mp4.hpp"
#include "mux/ogg.hpp"
#include "mux/opus_head.hpp"
#include "mux/tag_text.hpp"
#include "mux/wav.hpp"

#include <utility>

namespace aircheck::mux {
namespace {

constexpr std::size_t kFlacInfoBytes = 34;

tl::unexpected<Error> bad(std::string why) {
    return fail(Errc::InvalidArgument, "muxer: " + std::move(why));
}

const char* name_of(Container container) {
    switch (container) {
        case Container::Mp4:
            return "MP4";
        case Container::Ogg:
            return "OGG";
        case Container::Mp3:
            return "MP3";
        case Container::Wav:
            return "WAV";
        case Container::Flac:
            return "FLAC";
    }
    return "no known container";
}

const char* name_of(media::Codec codec) {
    switch (codec) {
        case media::Codec::Aac:
            return "AAC";
        case media::Codec::Opus:
            return "Opus";
        case media::Codec::Mp3:
            return "MP3";
        case media::Codec::Pcm:
            return "PCM";
        case media::Codec::Flac:
            return "FLAC";
    }
    return "no known codec";
}

bool holds(Container container, media::Codec codec) {
    switch (container) {
        case Container::Mp4:
            return codec == media::Codec::Aac || codec == media::Codec::Opus;
        case Container::Ogg:
            return codec == media::Codec::Opus;
        case Container::Mp3:
            return codec == media::Codec::Mp3;
        case Container::Wav:
            return codec == media::Codec::Pcm;
        case Container::Flac:
            return codec == media::Codec::Flac;
    }
    return false;
}

Result<> check_rate(const media::StreamFormat& format, std::uint32_t least, std::uint32_t most) {
    if (format.sample_rate_hz >= least && format.sample_rate_hz <= most) return {};
    return bad(
        std::string(name_of(format.codec)) + " at " + std::to_string(format.sample_rate_hz) + " Hz"
    );
}

Result<> check_aac(const media::StreamFormat& format) {
    if (format.codec_config.size() < 2 || format.codec_config.size() > 64) {
        return bad(
            "AAC's AudioSpecificConfig has " + std::to_string(format.codec_config.size()) + " bytes"
        );
    }
    return check_rate(format, 7350, 96000);
}

Result<> check_opus(const media::StreamFormat& format) {
    const auto head = parse_opus_head(format.codec_config);
    if (!head) return bad("codec_config is no OpusHead with mapping family 0");
    if (head->channels != format.channels) return bad("OpusHead has another number of channels");
    if (format.sample_rate_hz != 48000) return bad("Opus is counted at 48000 Hz");
    if (format.priming_samples > 0xffff) return bad("a pre-skip above 65535");
    return {};
}

Result<> check_mp3(const media::StreamFormat& format) {
    if (!mp3_has_rate(format.sample_rate_hz)) {
        return bad("MP3 at " + std::to_string(format.sample_rate_hz) + " Hz");
    }
    return {};
}

Result<> check_flac(const media::StreamFormat& format) {
    if (format.codec_config.size() != kFlacInfoBytes) {
        return bad("codec_config is no STREAMINFO of FLAC");
    }
    return check_rate(format, 1, 655350);
}

Result<> check(Container container, const media::StreamFormat& format) {
    if (format.channels < 1 || format.channels > 2) {
        return bad("cannot hold " + std::to_string(format.channels) + " channels");
    }
    if (!holds(container, format.codec)) {
        return bad(std::string(name_of(container)) + " cannot hold " + name_of(format.codec));
    }
    switch (format.codec) {
        case media::Codec::Aac:
            return check_aac(format);
        case media::Codec::Opus:
            return check_opus(format);
        case media::Codec::Mp3:
            return check_mp3(format);
        case media::Codec::Pcm:
            return check_rate(format, 1, 384000);
        case media::Codec::Flac:
            return check_flac(format);
    }
    return bad("no known codec");
}

}  // namespace

Result<std::unique_ptr<Muxer>> make_muxer(
    Container container, const media::StreamFormat& format, const Tags& tags
) {
    AC_CHECK_OK(check(container, format));
    switch (container) {
        case Container::Mp4:
            return std::make_unique<Mp4Writer>(format, tags);
        case Container::Ogg:
            return std::make_unique<OggWriter>(format, tags);
        case Container::Mp3:
            return std::make_unique<Mp3Writer>(format, tags);
        case Container::Wav:
            return std::make_unique<WavWriter>(format, tags);
        case Container::Flac:
            return std::make_unique<FlacWriter>(format, tags);
    }
    return bad("no known container");
}

std::string tag_text(std::string_view value) {
    constexpr std::size_t kMaxBytes = 1000;
    if (value.size() > kMaxBytes) {
        std::size_t end = kMaxBytes;
        while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
        value = value.substr(0, end);
    }
    std::string text(value);
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return text;
}

std::string created_text(const Tags& tags) {
    return tags.created == WallTime{} ? std::string() : to_iso8601(tags.created);
}

}  // namespace aircheck::mux
