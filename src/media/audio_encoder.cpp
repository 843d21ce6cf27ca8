#include "media/audio_encoder.hpp"

#include "media/aac_encoder.hpp"
#include "media/opus_encoder.hpp"

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
    if (settings.bitrate_bps < kMinBitrate || settings.bitrate_bps > kMaxBitrate) {
        return fail(
            Errc::InvalidArgument,
            "audio bitrate must be 6 to 512 kbit/s, not " + std::to_string(settings.bitrate_bps) +
                " bit/s"
        );
    }
    return settings.codec == Codec::Aac ? make_aac_encoder(settings) : make_opus_encoder(settings);
}

}  // namespace aircheck::media
