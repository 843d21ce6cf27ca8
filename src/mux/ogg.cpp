#include "mux/ogg.hpp"

#include "mux/little_endian.hpp"
#include "mux/opus_head.hpp"
#include "mux/vorbis_comment.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::mux {
namespace {

constexpr std::size_t kMaxPacketBytes =
    65'000;  // 255 lacing values hold 65,024 and the end of the packet
constexpr std::size_t kMaxSegments = 255;
constexpr std::uint64_t kNoPacketEnds = ~std::uint64_t{0};

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i << 24;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x80000000u) != 0 ? crc << 1 ^ 0x04c11db7u : crc << 1;
        }
        table[i] = crc;
    }
    return table;
}
constexpr auto kCrcTable = make_crc_table();

/// A packet's lacing values (RFC 3533 §5): 255 for each whole segment, then the rest, 0 included.
std::size_t segments_of(std::size_t packet_bytes) { return packet_bytes / 255 + 1; }

void append_lacing(Bytes& lacing, std::size_t packet_bytes) {
    lacing.insert(lacing.end(), packet_bytes / 255, std::uint8_t{255});
    lacing.push_back(static_cast<std::uint8_t>(packet_bytes % 255));
}

/// RFC 7845 §5.2.
Bytes opus_tags(const Tags& tags) {
    Bytes out;
    ByteWriter(out).text("OpusTags");
    write_vorbis_comment(out, tags);
    return out;
}

}  // namespace

std::uint32_t ogg_crc(BytesView bytes) {
    std::uint32_t crc = 0;
    for (const std::uint8_t byte : bytes) crc = crc << 8 ^ kCrcTable[(crc >> 24) ^ byte];
    return crc;
}

OggWriter::OggWriter(media::StreamFormat format, Tags tags)
    : format_(std::move(format)),
      tags_(std::move(tags)),
      serial_(crc32c(as_bytes(tags_.egress_id))) {}

Bytes OggWriter::header() {
    OpusHead head = parse_opus_head(format_.codec_config).value_or(OpusHead{});
    head.pre_skip = static_cast<std::uint16_t>(format_.priming_samples);
    Bytes out;
    for (Bytes& packet : std::array{write_opus_head(head), opus_tags(tags_)}) {
        Page page;
        append_lacing(page.lacing, packet.size());
        page.payload = std::move(packet);
        write_page(out, page, 0, sequence_ == 0 ? Position::First : Position::Middle);
    }
    return out;
}

void OggWriter::add(media::EncodedSample sample) {
    if (sample.data.empty() || sample.data.size() > kMaxPacketBytes ||
        (newest_ && sample.pts <= newest_->pts)) {
        ++dropped_;
        return;
    }
    if (newest_) append_packet(*newest_);
    newest_ = std::move(sample);
}

void OggWriter::append_packet(const media::EncodedSample& packet) {
    const std::int64_t end = packet.pts + packet.duration;
    const bool too_long = end - page_.first_pts > static_cast<std::int64_t>(format_.sample_rate_hz);
    const bool too_full = page_.lacing.size() + segments_of(packet.data.size()) > kMaxSegments;
    if (!page_.lacing.empty() && (too_long || too_full)) {
        write_page(due_, page_, granule_at(page_.end_pts), Position::Middle);
        page_ = {};
    }
    if (page_.lacing.empty()) page_.first_pts = packet.pts;
    append_lacing(page_.lacing, packet.data.size());
    page_.payload.insert(page_.payload.end(), packet.data.begin(), packet.data.end());
    page_.end_pts = end;
}

void OggWriter::flush(Bytes& out) {
    out.insert(out.end(), due_.begin(), due_.end());
    due_.clear();
    if (page_.lacing.empty()) return;
    write_page(out, page_, granule_at(page_.end_pts), Position::Middle);
    page_ = {};
}

Finished OggWriter::finish() {
    if (newest_) append_packet(*newest_);
    Finished finished;
    finished.tail = std::exchange(due_, {});
    const std::uint64_t granule = page_.lacing.empty() ? kNoPacketEnds : granule_at(page_.end_pts);
    write_page(finished.tail, page_, granule, Position::Last);
    return finished;
}

/// Samples at 48 kHz up to `pts`, the pre-skip included (RFC 7845 §4).
std::uint64_t OggWriter::granule_at(std::int64_t pts) const {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, pts + static_cast<std::int64_t>(format_.priming_samples))
    );
}

/// RFC 3533 §6.
void OggWriter::write_page(Bytes& out, const Page& page, std::uint64_t granule, Position position) {
    constexpr std::uint8_t kBeginOfStream = 0x02, kEndOfStream = 0x04;
    const std::size_t start = out.size();
    ByteWriter writer(out);
    writer.text("OggS");
    writer.u8(0);
    writer.u8(
        position == Position::First  ? kBeginOfStream
        : position == Position::Last ? kEndOfStream
                                     : std::uint8_t{0}
    );
    put_little_endian(out, granule, 8);
    put_little_endian(out, serial_, 4);
    put_little_endian(out, sequence_++, 4);
    const std::size_t crc_at = out.size();
    put_little_endian(out, 0, 4);
    writer.u8(static_cast<std::uint8_t>(page.lacing.size()));
    writer.bytes(page.lacing);
    writer.bytes(page.payload);
    const std::uint32_t crc = ogg_crc(BytesView(out).subspan(start));
    for (unsigned i = 0; i < 4; ++i) out[crc_at + i] = static_cast<std::uint8_t>(crc >> 8 * i);
}

std::int64_t OggWriter::duration_samples() const {
    return newest_ ? std::max<std::int64_t>(0, newest_->pts + newest_->duration) : 0;
}

Nanoseconds OggWriter::duration() const {
    return samples_to_time(duration_samples(), format_.sample_rate_hz);
}

}  // namespace aircheck::mux
