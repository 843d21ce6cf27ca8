#pragma once

#include "core/result.hpp"
#include "media/audio_encoder.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace aircheck::recorder {

/// What the mix plays of one track, as one stream of mono Opus without holes, for a track whose own
/// codec a file of Opus cannot hold.
///
/// Positions are samples at 48 kHz on the timeline. Lives on the recording's thread; reads no
/// clock.
class TrackEncoder {
public:
    /// Takes [count × channels] interleaved float, in order; what lies between two calls is silent.
    void hear(std::int64_t from, std::span<const float> samples, std::uint16_t channels);
    /// The first position that was heard and is not encoded; empty when all is.
    [[nodiscard]] std::optional<std::int64_t> next_position() const;

    /// The stream's format, before anything is encoded. Errors: the codec's.
    [[nodiscard]] Result<media::StreamFormat> open();
    /// Encodes all that was heard; the stream begins at `first`, what lies before it is left out.
    [[nodiscard]] Result<> encode(std::int64_t first, std::vector<media::EncodedSample>& out);
    /// Encodes the rest. No call may follow.
    [[nodiscard]] Result<> finish(std::vector<media::EncodedSample>& out);

    /// Samples since the stream's first.
    [[nodiscard]] std::int64_t written() const { return written_; }

private:
    struct Heard {
        std::int64_t from = 0;
        std::vector<float> samples;  ///< Mono.
    };

    [[nodiscard]] Result<> add(
        std::span<const float> samples, std::vector<media::EncodedSample>& out
    );

    std::unique_ptr<media::AudioEncoder> encoder_;  ///< Once open.
    std::deque<Heard> heard_;  ///< Of one step of the mix: half a second, a second at its start.
    std::int64_t written_ = 0;
};

}  // namespace aircheck::recorder
