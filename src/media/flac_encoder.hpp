#pragma once

#include "media/audio_encoder.hpp"

#include <memory>

namespace aircheck::media {

/// FLAC (RFC 9639) of 16 bit by libavcodec, rounded as to_pcm16 says. All frames but the last have
/// the same number of samples; each is given when the next one is ready, so that the last one
/// carries the final STREAMINFO.
[[nodiscard]] Result<std::unique_ptr<AudioEncoder>> make_flac_encoder(
    const EncoderSettings& settings
);

}  // namespace aircheck::media
