#include "media/audio_encoder.hpp"

#include "media/aac_encoder.hpp"
#include "media/flac_encoder.hpp"
#include "media/mp3_encoder.hpp"
#include "media/opus_encoder.hpp"
#include "media/pcm_encoder.hpp"

#include <string>

namespace aircheck::media {
namespace {

constexpr std::uint32_t kMinBitrate = 6000;
constexpr std::uint32_t kMaxBitrate = 512000;

}  // namespace

Result<std::unique_ptr<AudioEncoder>> AudioEncoder::create(const EncoderSettings& settings) {
    if (settings.channels != 1 && settings.channels != 2) {
        return fail(
            Errc::InvalidArgument,
            "audio channels must be 1 or 2, not " + std::to_string(settings.channels)
        );
    }
    const bool lossless = settings.codec == Codec::Pcm || settings.codec == Codec::Flac;
    if (!lossless && (settings.bitrate_bps < kMinBitrate || settings.bitrate_bps > kMaxBitrate)) {
        return fail(
            Errc::InvalidArgument,
            "audio bitrate must be 6 to 512 kbit/s, not " + std::to_string(settings.bitrate_bps) +
                " bit/s"
        );
    }
    switch (settings.codec) {
        case Codec::Aac:
            return make_aac_encoder(settings);
        case Codec::Opus:
            return make_opus_encoder(settings);
        case Codec::Mp3:
            return make_mp3_encoder(settings);
        case Codec::Pcm:
            return make_pcm_encoder(settings);
        case Codec::Flac:
            return make_flac_encoder(settings);
    }
    return fail(Errc::InvalidArgument, "audio codec is none that is known");
}

}  // namespace aircheck::media
