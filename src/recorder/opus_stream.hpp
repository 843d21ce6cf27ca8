#pragma once

#include "core/bytes.hpp"
#include "journal/record.hpp"
#include "media/sample.hpp"

#include <cstdint>
#include <optional>

namespace aircheck::recorder {

/// Opus packets as one stream without holes: each packet as it came, without decoding, and what
/// lies between them filled with packets of one byte, which say "nothing to hear" (RFC 6716
/// §3.2.1).
///
/// Positions are samples at 48 kHz, the first packet's is 0. Lives on the recording's thread; reads
/// no clock; cannot fail.
class OpusStream {
public:
    struct Counters {
        std::uint64_t filled_samples = 0;
        std::uint64_t late = 0;  ///< Packets whose place was written already.
    };

    /// Takes the next packet, whose first sample belongs at `position`; false when it is late.
    /// Needs next() to have given all there was.
    bool place(Bytes packet, std::int64_t position);
    /// The next packet of the stream; false when place() has to be called first.
    [[nodiscard]] bool next(media::EncodedSample& sample);
    /// The next packet that fills up to `until`; false when not even the shortest one fits.
    [[nodiscard]] bool fill(std::int64_t until, media::EncodedSample& sample);

    /// Position after the last sample given.
    [[nodiscard]] std::int64_t written() const { return written_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Placed {
        Bytes packet;
        std::int64_t position = 0;
    };

    std::optional<Placed> held_;  ///< Comes after the hole before it.
    std::int64_t written_ = 0;
    std::uint8_t toc_ = 0;  ///< Of the last frame written.
    Counters counters_;
};

/// Of a track, by what was announced and by its first packet. No pre-skip: nothing was cut.
[[nodiscard]] media::StreamFormat opus_format(
    const journal::TrackStart& start, BytesView first_packet
);

}  // namespace aircheck::recorder
