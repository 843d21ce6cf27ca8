#pragma once

#include "mux/plain_writer.hpp"

#include <cstdint>

namespace aircheck::mux {

/// FLAC (RFC 9639): STREAMINFO, a Vorbis comment, then the frames.
///
/// While it grows STREAMINFO says "unknown" of the length, the frames' sizes and the checksum, as
/// §8.2 allows. Finished, all are right; the checksum of the sound comes with the last sample's
/// `final_config`, and stays unknown when a sample was dropped.
class FlacWriter final : public PlainWriter {
public:
    /// `format` must have passed make_muxer's checks.
    FlacWriter(media::StreamFormat format, Tags tags)
        : PlainWriter(std::move(format), std::move(tags)) {}

private:
    [[nodiscard]] Bytes head(State state) const override;
    void note(media::EncodedSample& sample) override;

    std::uint32_t smallest_frame_ = 0;
    std::uint32_t largest_frame_ = 0;
    Bytes checksum_;  ///< MD5 of the PCM, or empty.
};

}  // namespace aircheck::mux
