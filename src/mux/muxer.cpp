#include "mux/muxer.hpp"

#include "mux/mp4.hpp"
#include "mux/ogg.hpp"
#include "mux/opus_head.hpp"
#include "mux/tag_text.hpp"

namespace aircheck::mux {
namespace {

Result<> check(Container container, const media::StreamFormat& format) {
    const auto bad = [](std::string why) {
        return fail(make_error_code(Errc::InvalidArgument), "muxer: " + std::move(why));
    };
    if (format.channels < 1 || format.channels > 2) {
        return bad("cannot hold " + std::to_string(format.channels) + " channels");
    }
    if (format.codec == media::Codec::Aac) {
        if (container == Container::Ogg) return bad("OGG cannot hold AAC");
        if (format.codec_config.size() < 2 || format.codec_config.size() > 64) {
            return bad(
                "AAC's AudioSpecificConfig has " + std::to_string(format.codec_config.size()) +
                " bytes"
            );
        }
        if (format.sample_rate_hz < 7350 || format.sample_rate_hz > 96000) {
            return bad("AAC at " + std::to_string(format.sample_rate_hz) + " Hz");
        }
        return {};
    }
    const auto head = parse_opus_head(format.codec_config);
    if (!head) return bad("codec_config is no OpusHead with mapping family 0");
    if (head->channels != format.channels) return bad("OpusHead has another number of channels");
    if (format.sample_rate_hz != 48000) return bad("Opus is counted at 48000 Hz");
    if (format.priming_samples > 0xffff) return bad("a pre-skip above 65535");
    return {};
}

}  // namespace

Result<std::unique_ptr<Muxer>> make_muxer(
    Container container, const media::StreamFormat& format, const Tags& tags
) {
    AC_CHECK_OK(check(container, format));
    if (container == Container::Ogg) return std::make_unique<OggWriter>(format, tags);
    return std::make_unique<Mp4Writer>(format, tags);
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
