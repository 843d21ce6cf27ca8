#include "media/aac_encoder.hpp"

#include "media/frame_encoder.hpp"
#include "media/libav_encoder.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace aircheck::media {
namespace {

constexpr std::array<std::uint32_t, 7> kRates = {8000, 16000, 22050, 24000, 32000, 44100, 48000};
constexpr std::size_t kFrameSamples = 1024;     // AAC-LC
constexpr std::uint32_t kMaxBitsPerSample = 6;  // 6144 bits a frame and channel, ISO 14496-3 §4.5.3

class AacFrameEncoder final : public FrameEncoder {
public:
    AacFrameEncoder(StreamFormat format, LibavEncoder encoder)
        : FrameEncoder(std::move(format), kFrameSamples), encoder_(std::move(encoder)) {}

private:
    Result<Bytes> encode_frame(std::span<const float> samples) override {
        const bool silent =
            std::all_of(samples.begin(), samples.end(), [](float sample) { return sample == 0; });
        silent_frames_ = silent ? silent_frames_ + 1 : 0;
        // Once everything that the codec remembers is silence, its packets are all alike.
        if (silent_frames_ > kSettled && !silent_packet_.empty()) return silent_packet_;
        AC_TRY(Bytes packet, encoder_.encode(samples));
        if (silent_frames_ >= kSettled) silent_packet_ = packet;
        return packet;
    }

    static constexpr std::size_t kSettled = 4;  // frames: window, look-ahead, and one to spare

    LibavEncoder encoder_;
    std::size_t silent_frames_ = 0;
    Bytes silent_packet_;
};

}  // namespace

Result<std::unique_ptr<AudioEncoder>> make_aac_encoder(const EncoderSettings& settings) {
    if (std::find(kRates.begin(), kRates.end(), settings.sample_rate_hz) == kRates.end()) {
        return fail(
            Errc::InvalidArgument,
            "audio sample rate of AAC must be 8000, 16000, 22050, 24000, 32000, 44100 or 48000, "
            "not " +
                std::to_string(settings.sample_rate_hz)
        );
    }
    const std::uint32_t most = kMaxBitsPerSample * settings.sample_rate_hz * settings.channels;
    const std::uint32_t bitrate = std::min(settings.bitrate_bps, most);
    // The fast coder: a third of the cost of the default one, at speech's bit rates as good.
    LibavEncoder::Options options{
        .codec = "aac",
        .name = "AAC encoder",
        .sample_rate_hz = settings.sample_rate_hz,
        .channels = settings.channels,
        .bitrate_bps = bitrate,
        .sample_format = AV_SAMPLE_FMT_FLTP,
        .options = {{"aac_coder", "fast"}},
    };
    AC_TRY(LibavEncoder encoder, LibavEncoder::open(std::move(options)));
    if (encoder.frame_samples() != kFrameSamples) {
        return fail(Errc::Failed, "AAC encoder: frames are not of 1024 samples");
    }

    StreamFormat format;
    format.codec = Codec::Aac;
    format.sample_rate_hz = settings.sample_rate_hz;
    format.channels = settings.channels;
    format.bitrate_bps = bitrate;
    format.priming_samples = encoder.priming_samples();
    format.codec_config = encoder.config();
    return std::make_unique<AacFrameEncoder>(std::move(format), std::move(encoder));
}

}  // namespace aircheck::media
