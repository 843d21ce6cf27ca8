#pragma once

#include "mux/muxer.hpp"

#include <optional>

namespace aircheck::mux {

/// OGG (RFC 3533) of one Opus stream (RFC 7845): pages of a second or less, granule positions that
/// count the pre-skip in and end where the recording ends. The newest packet is always held back,
/// so that the last page can say that it is the last.
class OggWriter final : public Muxer {
public:
    /// `format` must have passed make_muxer's checks.
    OggWriter(media::StreamFormat format, Tags tags);

    [[nodiscard]] Bytes header() override;
    void add(media::EncodedSample sample) override;
    void flush(Bytes& out) override;
    /// The tail is the last page, with the end-of-stream flag; no head replacement.
    [[nodiscard]] Finished finish() override;
    [[nodiscard]] Nanoseconds duration() const override;
    [[nodiscard]] std::int64_t duration_samples() const override;
    [[nodiscard]] std::uint64_t dropped_samples() const override { return dropped_; }

private:
    struct Page {
        Bytes lacing;
        Bytes payload;
        std::int64_t end_pts = 0;
        std::int64_t first_pts = 0;
    };
    enum class Position { First, Middle, Last };

    void write_page(Bytes& out, const Page& page, std::uint64_t granule, Position position);
    [[nodiscard]] std::uint64_t granule_at(std::int64_t pts) const;
    void append_packet(const media::EncodedSample& packet);

    media::StreamFormat format_;
    Tags tags_;
    std::uint32_t serial_ = 0;
    std::uint32_t sequence_ = 0;
    Page page_;
    Bytes due_;  ///< Pages that were full before flush() was called.
    std::optional<media::EncodedSample> newest_;
    std::uint64_t dropped_ = 0;
};

/// CRC-32 of RFC 3533 §6: polynomial 0x04c11db7, not reflected, no initial or final inversion.
[[nodiscard]] std::uint32_t ogg_crc(BytesView bytes);

}  // namespace aircheck::mux
