#pragma once

#include "mux/plain_writer.hpp"

namespace aircheck::mux {

/// WAV (RIFF; RF64 of EBU Tech 3306 from 4 GiB on) of 16-bit PCM.
///
/// While it grows both sizes are 0xffffffff, which ffmpeg, sox and their like read as "to the end
/// of the file". Finished, they are right; a JUNK chunk has kept the room for RF64's own.
class WavWriter final : public PlainWriter {
public:
    /// `format` must have passed make_muxer's checks.
    WavWriter(media::StreamFormat format, Tags tags)
        : PlainWriter(std::move(format), std::move(tags)) {}

private:
    [[nodiscard]] Bytes head(State state) const override;
    void note(media::EncodedSample& sample) override;
};

/// The head of a WAV file with `data_bytes` of sound; what WavWriter replaces its growing head by.
[[nodiscard]] Bytes finished_wav_head(
    const media::StreamFormat& format, const Tags& tags, std::uint64_t data_bytes
);

}  // namespace aircheck::mux
