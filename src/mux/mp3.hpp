#pragma once

#include "mux/plain_writer.hpp"

#include <cstdint>

namespace aircheck::mux {

/// MP3 at a constant bit rate: an ID3v2.4 tag, an "Info" frame (see mp3_info_frame), then the
/// encoder's frames. While it grows the Info frame knows the encoder's delay only; finished, also
/// the length, the places for seeking and the padding at the end, so that players tell the duration
/// and play without a gap.
class Mp3Writer final : public PlainWriter {
public:
    /// `format` must have passed make_muxer's checks.
    Mp3Writer(media::StreamFormat format, Tags tags)
        : PlainWriter(std::move(format), std::move(tags)) {}

private:
    [[nodiscard]] Bytes head(State state) const override;
    void note(media::EncodedSample& sample) override;

    std::uint64_t frames_ = 0;
    std::uint16_t crc_ = 0;
};

}  // namespace aircheck::mux
