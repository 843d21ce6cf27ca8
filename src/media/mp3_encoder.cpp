#include "media/mp3_encoder.hpp"

#include "media/frame_encoder.hpp"
#include "media/libav_encoder.hpp"
#include "media/sample_rates.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>

namespace aircheck::media {
namespace {

// Layer III's bit rates: ISO 11172-3 §2.4.2.3 and ISO 13818-3 §2.4.2.3, the latter also for LAME's
// MPEG-2.5, where it goes no further than 64 kbit/s.
constexpr std::array<std::uint32_t, 14> kMpeg1Kbps = {
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
constexpr std::array<std::uint32_t, 14> kMpeg2Kbps = {
    8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
constexpr std::size_t kMpeg25Count = 8;

std::span<const std::uint32_t> bitrates_at(std::uint32_t sample_rate_hz) {
    if (sample_rate_hz >= 32000) return kMpeg1Kbps;
    if (sample_rate_hz >= 16000) return kMpeg2Kbps;
    return std::span(kMpeg2Kbps).first(kMpeg25Count);
}

std::uint32_t nearest_bitrate_bps(std::uint32_t sample_rate_hz, std::uint32_t wanted_bps) {
    const auto distance = [wanted_bps](std::uint32_t kbps) {
        return std::abs(static_cast<std::int64_t>(kbps) * 1000 - wanted_bps);
    };
    const auto rates = bitrates_at(sample_rate_hz);
    const auto nearest = std::min_element(rates.begin(), rates.end(), [&](auto a, auto b) {
        return distance(a) < distance(b);
    });
    return *nearest * 1000;
}

class Mp3FrameEncoder final : public FrameEncoder {
public:
    Mp3FrameEncoder(StreamFormat format, LibavEncoder encoder)
        : FrameEncoder(std::move(format), encoder.frame_samples()), encoder_(std::move(encoder)) {}

private:
    Result<Bytes> encode_frame(std::span<const float> samples) override {
        return encoder_.encode(samples);
    }

    LibavEncoder encoder_;
};

}  // namespace

Result<std::unique_ptr<AudioEncoder>> make_mp3_encoder(const EncoderSettings& settings) {
    AC_CHECK_OK(check_common_rate("MP3", settings.sample_rate_hz));
    StreamFormat format;
    format.codec = Codec::Mp3;
    format.sample_rate_hz = settings.sample_rate_hz;
    format.channels = settings.channels;
    format.bitrate_bps = nearest_bitrate_bps(settings.sample_rate_hz, settings.bitrate_bps);
    LibavEncoder::Options options{
        .codec = "libmp3lame",
        .name = "MP3 encoder",
        .sample_rate_hz = format.sample_rate_hz,
        .channels = format.channels,
        .bitrate_bps = format.bitrate_bps,
        .sample_format = AV_SAMPLE_FMT_FLTP,
        .options = {},
    };
    AC_TRY(LibavEncoder encoder, LibavEncoder::open(std::move(options)));
    format.priming_samples = encoder.priming_samples();
    return std::make_unique<Mp3FrameEncoder>(std::move(format), std::move(encoder));
}

}  // namespace aircheck::media
