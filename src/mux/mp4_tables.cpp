#include "mux/mp4_tables.hpp"

namespace aircheck::mux {

void SampleTables::add_sample(std::uint32_t size_bytes, std::uint32_t duration) {
    const auto difference =
        static_cast<std::int64_t>(size_bytes) - static_cast<std::int64_t>(last_size_);
    // Zigzag: small differences of either sign become small numbers, so mostly one byte.
    auto packed = static_cast<std::uint64_t>(difference < 0 ? -2 * difference - 1 : 2 * difference);
    for (; packed >= 0x80; packed >>= 7) {
        sizes_.push_back(static_cast<std::uint8_t>(0x80 | (packed & 0x7f)));
    }
    sizes_.push_back(static_cast<std::uint8_t>(packed));
    last_size_ = size_bytes;

    if (durations_.empty() || durations_.back().duration != duration) {
        durations_.push_back({0, duration});
    }
    ++durations_.back().count;
    ++sample_count_;
    total_duration_ += duration;
}

void SampleTables::add_chunk(std::uint64_t offset, std::uint32_t samples) {
    chunks_.push_back({offset, samples});
}

void SampleTables::each_size(const std::function<void(std::uint32_t)>& visit) const {
    std::int64_t size = 0;
    std::uint64_t packed = 0;
    unsigned shift = 0;
    for (const std::uint8_t byte : sizes_) {
        packed |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        shift += 7;
        if ((byte & 0x80) != 0) continue;
        const auto half = static_cast<std::int64_t>(packed >> 1);
        size += (packed & 1) != 0 ? -half - 1 : half;
        visit(static_cast<std::uint32_t>(size));
        packed = 0;
        shift = 0;
    }
}

}  // namespace aircheck::mux
