#pragma once

#include "mux/mp4_boxes.hpp"
#include "mux/mp4_tables.hpp"
#include "mux/muxer.hpp"

#include <vector>

namespace aircheck::mux {

/// MP4 (ISO/IEC 14496-12) of one AAC (14496-14) or Opus ("Encapsulation of Opus in ISOBMFF")
/// stream.
///
/// While it grows: `ftyp`, `moov` with `mvex`, then a `moof` and `mdat` for each second: every
/// player of fragmented MP4 plays what is there. Finished: `ftyp`, `moov` with full tables, then
/// one `mdat` with a 64-bit size whose payload are those fragments as they were written, their
/// headers inert inside. So only the head is written anew, and the tables take about 1.2 bytes of
/// memory a sample until then.
///
/// An edit list cuts the priming and gives the duration to the sample; media and movie time are
/// counted in samples.
class Mp4Writer final : public Muxer {
public:
    /// `format` must have passed make_muxer's checks.
    Mp4Writer(media::StreamFormat format, Tags tags);

    [[nodiscard]] Bytes header() override;
    void add(media::EncodedSample sample) override;
    void flush(Bytes& out) override;
    [[nodiscard]] Finished finish() override;
    [[nodiscard]] Nanoseconds duration() const override;
    [[nodiscard]] std::int64_t duration_samples() const override;
    [[nodiscard]] std::uint64_t dropped_samples() const override { return dropped_; }

private:
    void close_last(std::int64_t next_pts);
    void write_fragment(Bytes& out);

    media::StreamFormat format_;
    Tags tags_;
    SampleTables tables_;
    std::vector<FragmentSample> waiting_;  ///< Samples of the next fragment.
    Bytes payload_;                        ///< Their bytes.
    std::int64_t fragment_pts_ = 0;
    std::int64_t last_pts_ = 0;
    FragmentSample last_;  ///< The newest sample, whose duration the next one decides.
    std::uint64_t body_bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint32_t fragments_ = 0;
    bool started_ = false;
};

}  // namespace aircheck::mux
