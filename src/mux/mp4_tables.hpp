#pragma once

#include "core/bytes.hpp"

#include <cstdint>
#include <deque>
#include <functional>

namespace aircheck::mux {

/// What the finished file's sample tables (ISO/IEC 14496-12 §8.6, §8.7) are made from, packed:
/// sizes as differences of one or two bytes, durations and chunks as runs. An hour of AAC takes
/// about 250 kB.
class SampleTables {
public:
    /// Appends one sample; `duration` in samples at the stream's rate.
    void add_sample(std::uint32_t size_bytes, std::uint32_t duration);
    /// Says that the `samples` samples added last lie together, the first one `offset` bytes into
    /// the body.
    void add_chunk(std::uint64_t offset, std::uint32_t samples);

    struct Run {
        std::uint32_t count = 0;
        std::uint32_t duration = 0;
    };
    struct Chunk {
        std::uint64_t offset = 0;  ///< In bytes, from the body's first one.
        std::uint32_t samples = 0;
    };
    [[nodiscard]] std::uint32_t sample_count() const { return sample_count_; }
    /// The sum of all durations.
    [[nodiscard]] std::uint64_t total_duration() const { return total_duration_; }
    [[nodiscard]] const std::deque<Run>& durations() const { return durations_; }
    [[nodiscard]] const std::deque<Chunk>& chunks() const { return chunks_; }
    void each_size(const std::function<void(std::uint32_t size_bytes)>& visit) const;

private:
    std::deque<std::uint8_t>
        sizes_;  ///< Zigzag differences, 7 bits a byte; a deque grows without copies.
    std::deque<Run> durations_;
    std::deque<Chunk> chunks_;
    std::uint32_t last_size_ = 0;
    std::uint32_t sample_count_ = 0;
    std::uint64_t total_duration_ = 0;
};

}  // namespace aircheck::mux
