#pragma once

#include "media/audio_encoder.hpp"

#include <memory>

namespace aircheck::media {

/// Opus in packets of 20 ms, as OGG carries it (RFC 7845).
[[nodiscard]] Result<std::unique_ptr<AudioEncoder>> make_opus_encoder(
    const EncoderSettings& settings
);

}  // namespace aircheck::media
