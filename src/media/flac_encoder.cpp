#include "media/flac_encoder.hpp"

#include "media/frame_encoder.hpp"
#include "media/libav_encoder.hpp"
#include "media/sample_rates.hpp"

#include <string>
#include <utility>

namespace aircheck::media {
namespace {

constexpr std::size_t kStreamInfoBytes = 34;  // RFC 9639 §8.2

class FlacFrameEncoder final : public FrameEncoder {
public:
    FlacFrameEncoder(StreamFormat format, LibavEncoder encoder)
        : FrameEncoder(std::move(format), encoder.frame_samples(), LastFrame::Short),
          encoder_(std::move(encoder)) {}

private:
    Result<Bytes> encode_frame(std::span<const float> samples) override {
        AC_TRY(Bytes packet, encoder_.encode(samples));
        if (packet.empty()) return fail(Errc::Failed, "FLAC encoder: gives no packet for a frame");
        return std::exchange(held_, std::move(packet));
    }

    Result<Rest> encode_rest() override {
        AC_CHECK_OK(encoder_.finish());
        return Rest{.packet = std::move(held_), .final_config = encoder_.config()};
    }

    LibavEncoder encoder_;
    Bytes held_;
};

}  // namespace

Result<std::unique_ptr<AudioEncoder>> make_flac_encoder(const EncoderSettings& settings) {
    AC_CHECK_OK(check_common_rate("FLAC", settings.sample_rate_hz));
    LibavEncoder::Options options{
        .codec = "flac",
        .name = "FLAC encoder",
        .sample_rate_hz = settings.sample_rate_hz,
        .channels = settings.channels,
        .bitrate_bps = 0,
        .sample_format = AV_SAMPLE_FMT_S16,
        .options = {},
    };
    AC_TRY(LibavEncoder encoder, LibavEncoder::open(std::move(options)));
    StreamFormat format;
    format.codec = Codec::Flac;
    format.sample_rate_hz = settings.sample_rate_hz;
    format.channels = settings.channels;
    format.codec_config = encoder.config();
    if (format.codec_config.size() != kStreamInfoBytes) {
        return fail(Errc::Failed, "FLAC encoder: gives no STREAMINFO");
    }
    return std::make_unique<FlacFrameEncoder>(std::move(format), std::move(encoder));
}

}  // namespace aircheck::media
