#pragma once

#include "media/audio_encoder.hpp"

#include <memory>

namespace aircheck::media {

/// AAC-LC by libavcodec's own encoder (its fast coder). Bit rates beyond what AAC allows at the
/// rate (6 bits a sample and channel) are lowered to that; `format().bitrate_bps` says so.
[[nodiscard]] Result<std::unique_ptr<AudioEncoder>> make_aac_encoder(const EncoderSettings& settings
);

}  // namespace aircheck::media
