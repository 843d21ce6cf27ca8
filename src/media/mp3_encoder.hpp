#pragma once

#include "media/audio_encoder.hpp"

#include <memory>

namespace aircheck::media {

/// MP3 (MPEG-1, 2 and 2.5 layer III) at a constant bit rate, by LAME through libavcodec. The bit
/// rate becomes the nearest that the standard has at the sample rate; `format().bitrate_bps` says
/// which. LAME makes the sound up to 5 % quieter (0.45 dB), by bit rate, against clipping.
[[nodiscard]] Result<std::unique_ptr<AudioEncoder>> make_mp3_encoder(const EncoderSettings& settings
);

}  // namespace aircheck::media
