#include "media/pcm_encoder.hpp"

#include "media/frame_encoder.hpp"
#include "media/pcm16.hpp"
#include "media/sample_rates.hpp"

#include <utility>

namespace aircheck::media {
namespace {

constexpr std::uint32_t kPiecesPerSecond = 50;

class PcmFrameEncoder final : public FrameEncoder {
public:
    explicit PcmFrameEncoder(const StreamFormat& format)
        : FrameEncoder(format, format.sample_rate_hz / kPiecesPerSecond, LastFrame::Short) {}

private:
    Result<Bytes> encode_frame(std::span<const float> samples) override {
        Bytes bytes(samples.size() * 2);
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const auto value = static_cast<std::uint16_t>(to_pcm16(samples[i]));
            bytes[2 * i] = static_cast<std::uint8_t>(value & 0xff);
            bytes[2 * i + 1] = static_cast<std::uint8_t>(value >> 8);
        }
        return bytes;
    }
};

}  // namespace

Result<std::unique_ptr<AudioEncoder>> make_pcm_encoder(const EncoderSettings& settings) {
    AC_CHECK_OK(check_common_rate("PCM", settings.sample_rate_hz));
    StreamFormat format;
    format.codec = Codec::Pcm;
    format.sample_rate_hz = settings.sample_rate_hz;
    format.channels = settings.channels;
    format.bitrate_bps = settings.sample_rate_hz * settings.channels * 16;
    return std::make_unique<PcmFrameEncoder>(format);
}

}  // namespace aircheck::media
