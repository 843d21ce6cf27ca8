#include "rtp/rtcp.hpp"

#include <algorithm>
#include <span>

namespace aircheck::rtp {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kMaxCount = 31;  // five bits

enum PacketType : std::uint8_t {
    kSenderReport = 200,
    kReceiverReport = 201,
    kSourceDescription = 202,
    kBye = 203,
    kTransportFeedback = 205,
    kPayloadFeedback = 206,
};
constexpr std::uint8_t kFormatNack = 1;
constexpr std::uint8_t kFormatPli = 1;
constexpr std::uint8_t kItemCname = 1;

ReportBlock read_block(ByteReader& reader) {
    ReportBlock block;
    block.ssrc = reader.u32();
    block.fraction_lost = reader.u8();
    const std::uint32_t lost = reader.u24();
    block.cumulative_lost = static_cast<std::int32_t>(lost << 8) >> 8;  // extends the sign
    block.highest_sequence = reader.u32();
    block.jitter = reader.u32();
    block.last_sender_report = reader.u32();
    block.delay_since_last_sr = reader.u32();
    return block;
}

void read_blocks(ByteReader& reader, unsigned count, std::vector<ReportBlock>& blocks) {
    for (unsigned i = 0; i < count && reader.ok(); ++i) blocks.push_back(read_block(reader));
}

SenderReport read_sender_report(ByteReader& reader, unsigned count) {
    SenderReport report;
    report.ssrc = reader.u32();
    report.ntp = NtpTime(reader.u64());
    report.rtp_timestamp = RtpTimestamp(reader.u32());
    report.packet_count = reader.u32();
    report.octet_count = reader.u32();
    read_blocks(reader, count, report.blocks);
    return report;
}

ReceiverReport read_receiver_report(ByteReader& reader, unsigned count) {
    ReceiverReport report;
    report.ssrc = reader.u32();
    read_blocks(reader, count, report.blocks);
    return report;
}

/// A chunk is padded to 32 bits, with at least one zero that ends its items; `chunk_start` is how
/// much was left of the packet when it began.
SourceDescription read_chunk(ByteReader& reader) {
    SourceDescription chunk;
    const std::size_t chunk_start = reader.remaining();
    chunk.ssrc = reader.u32();
    while (reader.ok()) {
        const std::uint8_t item = reader.u8();
        if (item == 0) break;
        const BytesView text = reader.bytes(reader.u8());
        if (item == kItemCname) chunk.cname = as_text(text);
    }
    while (reader.ok() && (chunk_start - reader.remaining()) % 4 != 0) reader.skip(1);
    return chunk;
}

Bye read_bye(ByteReader& reader, unsigned count) {
    Bye bye;
    for (unsigned i = 0; i < count && reader.ok(); ++i) bye.ssrcs.push_back(reader.u32());
    if (reader.ok() && reader.remaining() > 0) bye.reason = as_text(reader.bytes(reader.u8()));
    return bye;
}

Nack read_nack(ByteReader& reader) {
    Nack nack;
    nack.sender_ssrc = reader.u32();
    nack.media_ssrc = reader.u32();
    while (reader.ok() && reader.remaining() >= 4) {
        const SequenceNumber first(reader.u16());
        const unsigned following = reader.u16();
        nack.lost.push_back(first);
        for (int bit = 0; bit < 16; ++bit) {
            if ((following >> bit & 1) != 0) nack.lost.push_back(first.plus(bit + 1));
        }
    }
    return nack;
}

Pli read_pli(ByteReader& reader) {
    Pli pli;
    pli.sender_ssrc = reader.u32();
    pli.media_ssrc = reader.u32();
    return pli;
}

/// Reads one packet's body; false when its counts do not fit it.
bool read_packet(std::uint8_t type, std::uint8_t count, BytesView body, std::vector<Rtcp>& out) {
    ByteReader reader(body);
    switch (type) {
        case kSenderReport:
            out.emplace_back(read_sender_report(reader, count));
            break;
        case kReceiverReport:
            out.emplace_back(read_receiver_report(reader, count));
            break;
        case kSourceDescription:
            for (unsigned i = 0; i < count && reader.ok(); ++i)
                out.emplace_back(read_chunk(reader));
            break;
        case kBye:
            out.emplace_back(read_bye(reader, count));
            break;
        case kTransportFeedback:
            if (count != kFormatNack) return out.emplace_back(OtherRtcp{type, count}), true;
            out.emplace_back(read_nack(reader));
            break;
        case kPayloadFeedback:
            if (count != kFormatPli) return out.emplace_back(OtherRtcp{type, count}), true;
            out.emplace_back(read_pli(reader));
            break;
        default:
            out.emplace_back(OtherRtcp{type, count});
    }
    return reader.ok();
}

/// Writes the header with its length left open; finish() fills it in.
class PacketWriter {
public:
    PacketWriter(std::uint8_t type, std::size_t count, Bytes& out)
        : writer_(out), start_(out.size()) {
        writer_.u8(static_cast<std::uint8_t>(kVersion << 6 | count));
        writer_.u8(type);
        writer_.u16(0);
    }
    ByteWriter& body() { return writer_; }
    void finish(Bytes& out) {
        while ((out.size() - start_) % 4 != 0) writer_.u8(0);
        const std::size_t words = (out.size() - start_) / 4 - 1;
        out[start_ + 2] = static_cast<std::uint8_t>(words >> 8);
        out[start_ + 3] = static_cast<std::uint8_t>(words);
    }

private:
    ByteWriter writer_;
    std::size_t start_;
};

void write_blocks(std::span<const ReportBlock> blocks, ByteWriter& writer) {
    constexpr std::int32_t kMost = 0x7fffff;
    for (const ReportBlock& block : blocks) {
        const std::int32_t lost = std::clamp(block.cumulative_lost, -kMost - 1, kMost);
        writer.u32(block.ssrc);
        writer.u8(block.fraction_lost);
        writer.u24(static_cast<std::uint32_t>(lost) & 0xffffff);
        writer.u32(block.highest_sequence);
        writer.u32(block.jitter);
        writer.u32(block.last_sender_report);
        writer.u32(block.delay_since_last_sr);
    }
}

template <typename T>
std::span<const T> at_most(const std::vector<T>& all, std::size_t count) {
    return std::span(all).first(std::min(all.size(), count));
}

}  // namespace

Result<std::vector<Rtcp>> parse_rtcp(BytesView datagram) {
    std::vector<Rtcp> packets;
    ByteReader reader(datagram);
    do {
        const std::uint8_t first = reader.u8();
        const std::uint8_t type = reader.u8();
        BytesView body = reader.bytes(reader.u16() * std::size_t{4});
        if (!reader.ok()) return fail(Errc::Truncated, "RTCP packet");
        if (first >> 6 != kVersion) return fail(Errc::Unsupported, "RTCP version");
        if ((first & 0x20) != 0) {
            const std::size_t padding = body.empty() ? 0 : body.back();
            if (padding == 0 || padding > body.size()) return fail(Errc::Malformed, "RTCP padding");
            body = body.first(body.size() - padding);
        }
        if (!read_packet(type, first & 31, body, packets)) {
            return fail(Errc::Malformed, "RTCP packet of type " + std::to_string(type));
        }
    } while (reader.remaining() > 0);
    return packets;
}

void append_rtcp(const SenderReport& report, Bytes& out) {
    const auto blocks = at_most(report.blocks, kMaxCount);
    PacketWriter packet(kSenderReport, blocks.size(), out);
    packet.body().u32(report.ssrc);
    packet.body().u64(report.ntp.value());
    packet.body().u32(report.rtp_timestamp.value());
    packet.body().u32(report.packet_count);
    packet.body().u32(report.octet_count);
    write_blocks(blocks, packet.body());
    packet.finish(out);
}

void append_rtcp(const ReceiverReport& report, Bytes& out) {
    const auto blocks = at_most(report.blocks, kMaxCount);
    PacketWriter packet(kReceiverReport, blocks.size(), out);
    packet.body().u32(report.ssrc);
    write_blocks(blocks, packet.body());
    packet.finish(out);
}

void append_rtcp(const SourceDescription& description, Bytes& out) {
    const std::string_view cname = std::string_view(description.cname).substr(0, 255);
    PacketWriter packet(kSourceDescription, 1, out);
    packet.body().u32(description.ssrc);
    packet.body().u8(kItemCname);
    packet.body().u8(static_cast<std::uint8_t>(cname.size()));
    packet.body().text(cname);
    packet.body().u8(0);  // ends the items; finish() pads further
    packet.finish(out);
}

void append_rtcp(const Bye& bye, Bytes& out) {
    const auto ssrcs = at_most(bye.ssrcs, kMaxCount);
    const std::string_view reason = std::string_view(bye.reason).substr(0, 255);
    PacketWriter packet(kBye, ssrcs.size(), out);
    for (const std::uint32_t ssrc : ssrcs) packet.body().u32(ssrc);
    if (!reason.empty()) {
        packet.body().u8(static_cast<std::uint8_t>(reason.size()));
        packet.body().text(reason);
    }
    packet.finish(out);
}

void append_rtcp(const Nack& nack, Bytes& out) {
    if (nack.lost.empty()) return;
    PacketWriter packet(kTransportFeedback, kFormatNack, out);
    packet.body().u32(nack.sender_ssrc);
    packet.body().u32(nack.media_ssrc);
    for (std::size_t i = 0; i < nack.lost.size();) {
        const SequenceNumber first = nack.lost[i++];
        std::uint16_t following = 0;
        for (; i < nack.lost.size(); ++i) {
            const int distance = nack.lost[i].distance_from(first);
            if (distance < 1 || distance > 16) break;
            following = static_cast<std::uint16_t>(following | 1u << (distance - 1));
        }
        packet.body().u16(first.value());
        packet.body().u16(following);
    }
    packet.finish(out);
}

void append_rtcp(const Pli& pli, Bytes& out) {
    PacketWriter packet(kPayloadFeedback, kFormatPli, out);
    packet.body().u32(pli.sender_ssrc);
    packet.body().u32(pli.media_ssrc);
    packet.finish(out);
}

}  // namespace aircheck::rtp
