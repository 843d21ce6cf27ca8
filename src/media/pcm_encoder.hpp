#pragma once

#include "media/audio_encoder.hpp"

#include <memory>

namespace aircheck::media {

/// PCM of 16 bit, little-endian, in pieces of 20 ms (the last one shorter), rounded as to_pcm16
/// says.
[[nodiscard]] Result<std::unique_ptr<AudioEncoder>> make_pcm_encoder(const EncoderSettings& settings
);

}  // namespace aircheck::media
