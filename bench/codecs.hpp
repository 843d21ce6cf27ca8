#pragma once

#include "core/result.hpp"
#include "sim/room.hpp"

#include <string>
#include <vector>

namespace aircheck::bench {

/// CPU seconds for a minute of a call of two speakers, when nothing but the codecs works.
struct CodecCost {
    double libraries = 0;    ///< libopus decodes both, libavcodec encodes their sum to AAC.
    double ffmpeg = 0;       ///< The ffmpeg program on files, with the decoder that it prefers.
    double ffmpeg_opus = 0;  ///< The same with libopus.
    double kept = 0;         ///< One track that is kept as it is: libsrtp decrypts its packets.
};

/// The best of a few runs each. Encoding as the recorder does it by default: AAC, 48 kHz, mono, 48
/// kbit/s, fast coder.
[[nodiscard]] Result<CodecCost> measure_codecs(
    const std::vector<sim::Caller>& speakers, const std::string& folder
);

}  // namespace aircheck::bench
