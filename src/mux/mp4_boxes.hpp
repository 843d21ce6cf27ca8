#pragma once

#include "core/bytes.hpp"
#include "media/sample.hpp"
#include "mux/mp4_tables.hpp"
#include "mux/muxer.hpp"

#include <cstdint>
#include <span>

namespace aircheck::mux {

/// One box (ISO/IEC 14496-12 §4.2) being written: everything appended to `out` while the object
/// lives is its content; the destructor fills in the size. `type` has four characters.
class Box {
public:
    Box(Bytes& out, std::string_view type);
    /// A FullBox: with a version and 24 bits of flags.
    Box(Bytes& out, std::string_view type, std::uint8_t version, std::uint32_t flags);
    ~Box();
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;

private:
    Bytes& out_;
    std::size_t start_;
};

/// `ftyp` and a `moov` without samples that announces fragments.
[[nodiscard]] Bytes growing_head(const media::StreamFormat& format, const Tags& tags);

/// What lies behind the finished head.
struct FinishedBody {
    const SampleTables& tables;
    std::int64_t duration_samples = 0;  ///< Presented, without the priming.
    std::uint64_t bytes = 0;
};
/// `ftyp`, `moov` with all tables, and the header of the `mdat` that holds the body. Chunk offsets
/// have 32 bits as long as the file ends below 4 GiB, else 64.
[[nodiscard]] Bytes finished_head(
    const media::StreamFormat& format, const Tags& tags, const FinishedBody& body
);

struct FragmentSample {
    std::uint32_t size_bytes = 0;
    std::uint32_t duration = 0;
};
/// A `moof` and the header of its `mdat`; the samples' bytes come right behind. `sequence` counts
/// from 1; `decode_time` is the first sample's, in samples from the first of all.
[[nodiscard]] Bytes fragment_head(
    std::uint32_t sequence, std::uint64_t decode_time, std::span<const FragmentSample> samples
);

}  // namespace aircheck::mux
