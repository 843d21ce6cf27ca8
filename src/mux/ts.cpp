#include "mux/ts.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::mux {
namespace {

constexpr std::size_t kPacketBytes = 188;
constexpr std::size_t kHeaderBytes = 4;
constexpr std::uint16_t kTablePid = 0;
constexpr std::uint16_t kMapPid = 0x1000;
constexpr std::uint16_t kAudioPid = 0x100;
constexpr std::uint16_t kProgram = 1;
constexpr std::uint8_t kAdtsStream = 0x0f;  // stream_type, table 2-34
constexpr std::uint8_t kAudioStreamId = 0xc0;

constexpr std::int64_t kClockHz = 90'000;
constexpr std::int64_t kStartClock = kClockHz;  // PTS of pts 0: the priming comes before it
constexpr std::int64_t kPesClocks = kClockHz * 60 / 1000;
/// How long before its PTS the first byte of a PES packet is sent: the packet's own length, so that
/// it is there in time, and a little more. Little enough for the decoder's 3584 bytes (§2.4.2.3).
constexpr std::int64_t kLeadClocks = kClockHz * 16 / 1000;
constexpr std::int64_t kMaxClockGap = kClockHz / 10;  // PCRs come every 100 ms (§2.7.2) …
constexpr std::int64_t kMaxFilledGap = kClockHz / 5;  // … unless nothing is sent at all
constexpr std::int64_t kTablesClocks = kClockHz * 400 / 1000;

constexpr std::size_t kAdtsHeaderBytes = 7;
constexpr std::size_t kMaxAdtsBytes = 8191;  // 13 bits

constexpr std::int64_t floor_division(std::int64_t a, std::int64_t b) {
    return a / b - static_cast<std::int64_t>(a % b < 0);
}

std::int64_t clock_at(std::int64_t pts, std::uint32_t rate_hz) {
    return kStartClock + floor_division(pts * kClockHz, rate_hz);
}

/// CRC-32 of §2.4.4 and annex A: polynomial 0x04c11db7, not reflected, all ones at first.
std::uint32_t section_crc(BytesView bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const std::uint8_t byte : bytes) {
        crc ^= std::uint32_t{byte} << 24;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x80000000u) != 0 ? crc << 1 ^ 0x04c11db7u : crc << 1;
        }
    }
    return crc;
}

/// A section of `table_id` (§2.4.4.3): its length and checksum are put around `body`.
Bytes section(std::uint8_t table_id, std::uint16_t id, BytesView body) {
    Bytes out;
    ByteWriter writer(out);
    writer.u8(table_id);
    writer.u16(static_cast<std::uint16_t>(0xb000u | (body.size() + 5 + 4)));
    writer.u16(id);
    writer.u8(0xc1);  // version 0, current
    writer.u16(0);    // section 0 of 0
    writer.bytes(body);
    writer.u32(section_crc(out));
    return out;
}

Bytes association_section() {
    Bytes body;
    ByteWriter writer(body);
    writer.u16(kProgram);
    writer.u16(0xe000 | kMapPid);
    return section(0x00, 1, body);
}

Bytes map_section() {
    Bytes body;
    ByteWriter writer(body);
    writer.u16(0xe000 | kAudioPid);  // PCR
    writer.u16(0xf000);              // no descriptors
    writer.u8(kAdtsStream);
    writer.u16(0xe000 | kAudioPid);
    writer.u16(0xf000);
    return section(0x02, kProgram, body);
}

void write_packet_header(
    ByteWriter& writer, std::uint16_t pid, unsigned flags, std::uint8_t& counter
) {
    writer.u8(0x47);
    writer.u16(pid);
    writer.u8(static_cast<std::uint8_t>(flags | counter));
    counter = (counter + 1) & 0xf;
}
constexpr unsigned kPayload = 0x10;
constexpr unsigned kAdaptation = 0x20;
constexpr std::uint16_t kUnitStart = 0x4000;

/// Adaptation field with a PCR (§2.4.3.4), 8 bytes, of which the first says how many follow.
void write_pcr_field(ByteWriter& writer, std::size_t length, std::int64_t clock) {
    constexpr std::uint8_t kRandomAccess = 0x40, kHasPcr = 0x10;
    const auto base = static_cast<std::uint64_t>(clock) & 0x1ffffffff;
    writer.u8(static_cast<std::uint8_t>(length));
    writer.u8(kRandomAccess | kHasPcr);
    writer.u32(static_cast<std::uint32_t>(base >> 1));
    writer.u16(static_cast<std::uint16_t>((base & 1) << 15 | 0x7e00));  // extension 0
}
constexpr std::size_t kPcrFieldBytes = 8;

/// PES packet header (§2.4.3.6) with a PTS only.
Bytes pes_packet(BytesView payload, std::int64_t clock) {
    const auto pts = static_cast<std::uint64_t>(clock) & 0x1ffffffff;
    const std::size_t length = payload.size() + 8;
    Bytes out;
    ByteWriter writer(out);
    writer.u24(1);
    writer.u8(kAudioStreamId);
    writer.u16(static_cast<std::uint16_t>(length <= 0xffff ? length : 0));
    writer.u8(0x84);  // data_alignment_indicator: an ADTS frame begins the payload
    writer.u8(0x80);  // PTS
    writer.u8(5);
    writer.u8(static_cast<std::uint8_t>(0x21 | (pts >> 30 & 7) << 1));
    writer.u16(static_cast<std::uint16_t>((pts >> 15 & 0x7fff) << 1 | 1));
    writer.u16(static_cast<std::uint16_t>((pts & 0x7fff) << 1 | 1));
    writer.bytes(payload);
    return out;
}

/// What ADTS repeats of the AudioSpecificConfig (ISO 14496-3 §1.6.2.1).
struct AdtsFields {
    unsigned profile = 0;  ///< Audio object type - 1.
    unsigned frequency_index = 0;
    unsigned channels = 0;
};

AdtsFields adts_fields(BytesView config) {
    const unsigned bits = static_cast<unsigned>(config[0]) << 8 | config[1];
    return {(bits >> 11) - 1, bits >> 7 & 0xf, bits >> 3 & 0xf};
}

/// ISO 14496-3 §1.A.3.2: fixed and variable header, without checksum, one block.
void write_adts_header(Bytes& out, const AdtsFields& fields, std::size_t payload_bytes) {
    const auto length = static_cast<unsigned>(payload_bytes + kAdtsHeaderBytes);
    ByteWriter writer(out);
    writer.u16(0xfff1);
    writer.u8(static_cast<std::uint8_t>(
        fields.profile << 6 | fields.frequency_index << 2 | fields.channels >> 2
    ));
    writer.u8(static_cast<std::uint8_t>((fields.channels & 3) << 6 | length >> 11));
    writer.u8(static_cast<std::uint8_t>(length >> 3 & 0xff));
    writer.u8(static_cast<std::uint8_t>((length & 7) << 5 | 0x1f));  // buffer fullness: variable
    writer.u8(0xfc);
}

Result<> check(const media::StreamFormat& format) {
    const auto bad = [](std::string why) {
        return fail(Errc::InvalidArgument, "transport stream: " + std::move(why));
    };
    if (format.codec != media::Codec::Aac) return bad("holds AAC only");
    if (format.codec_config.size() < 2) return bad("AAC's AudioSpecificConfig is missing");
    if (format.sample_rate_hz == 0) return bad("AAC at 0 Hz");
    const AdtsFields fields = adts_fields(format.codec_config);
    constexpr std::array<std::uint32_t, 13> kRates = {
        96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
    if (fields.profile != 1) return bad("AAC is not of the low complexity profile");
    if (fields.frequency_index >= kRates.size() ||
        kRates[fields.frequency_index] != format.sample_rate_hz) {
        return bad("AAC at " + std::to_string(format.sample_rate_hz) + " Hz");
    }
    if (fields.channels != format.channels || format.channels < 1 || format.channels > 2) {
        return bad("cannot hold " + std::to_string(format.channels) + " channels");
    }
    return {};
}

}  // namespace

Result<TsWriter> TsWriter::create(const media::StreamFormat& format) {
    AC_CHECK_OK(check(format));
    return TsWriter(format);
}

void TsWriter::write_section(
    Bytes& out, std::uint16_t pid, std::uint8_t& counter, BytesView section
) {
    const std::size_t start = out.size();
    ByteWriter writer(out);
    write_packet_header(writer, pid | kUnitStart, kPayload, counter);
    writer.u8(0);  // pointer_field
    writer.bytes(section);
    out.resize(start + kPacketBytes, 0xff);
}

void TsWriter::write_tables(Bytes& out) {
    write_section(out, kTablePid, table_counter_, association_section());
    write_section(out, kMapPid, map_counter_, map_section());
}

bool TsWriter::drops(const media::EncodedSample& sample) const {
    const std::size_t size = sample.data.size() + kAdtsHeaderBytes;
    return sample.data.empty() || size > kMaxAdtsBytes || (last_pts_ && sample.pts <= *last_pts_);
}

void TsWriter::add(const media::EncodedSample& sample, Bytes& out) {
    if (drops(sample)) {
        ++dropped_;
        return;
    }
    last_pts_ = sample.pts;
    const std::int64_t clock = clock_at(sample.pts, format_.sample_rate_hz);
    if (!waiting_.empty() && clock - clock_at(waiting_pts_, format_.sample_rate_hz) >= kPesClocks) {
        flush(out);
    }
    if (waiting_.empty()) waiting_pts_ = sample.pts;
    write_adts_header(waiting_, adts_fields(format_.codec_config), sample.data.size());
    waiting_.insert(waiting_.end(), sample.data.begin(), sample.data.end());
}

void TsWriter::flush(Bytes& out) {
    if (waiting_.empty()) return;
    const std::int64_t pts = clock_at(waiting_pts_, format_.sample_rate_hz);
    const std::int64_t frame = 1024 * kClockHz / format_.sample_rate_hz;
    const std::int64_t clock = pts - std::max(kPesClocks, frame) - kLeadClocks;
    if (last_clock_) {
        const std::int64_t gap = clock - *last_clock_;
        if (gap > kMaxClockGap && gap <= kMaxFilledGap) write_clock(out, *last_clock_ + gap / 2);
    }
    last_clock_ = clock;
    write_pes(out, pes_packet(waiting_, pts), clock);
    waiting_.clear();
}

/// A packet with nothing but a PCR, which does not count (§2.4.3.3).
void TsWriter::write_clock(Bytes& out, std::int64_t clock) {
    const std::size_t start = out.size();
    ByteWriter writer(out);
    std::uint8_t counter = (audio_counter_ - 1) & 0xf;
    write_packet_header(writer, kAudioPid, kAdaptation, counter);
    write_pcr_field(writer, kPacketBytes - kHeaderBytes - 1, clock);
    out.resize(start + kPacketBytes, 0xff);
}

void TsWriter::write_pes(Bytes& out, BytesView pes, std::int64_t clock) {
    ByteWriter writer(out);
    for (bool first = true; !pes.empty(); first = false) {
        const std::size_t fixed = first ? kPcrFieldBytes : 0;
        const std::size_t room = kPacketBytes - kHeaderBytes - fixed;
        const std::size_t count = std::min(pes.size(), room);
        const std::size_t stuffing = room - count;
        const bool adapted = first || stuffing > 0;
        write_packet_header(
            writer,
            first ? kAudioPid | kUnitStart : kAudioPid,
            kPayload | (adapted ? kAdaptation : 0u),
            audio_counter_
        );
        if (first) {
            write_pcr_field(writer, kPcrFieldBytes - 1 + stuffing, clock);
            out.insert(out.end(), stuffing, std::uint8_t{0xff});
        } else if (adapted) {
            writer.u8(static_cast<std::uint8_t>(stuffing - 1));
            if (stuffing > 1) writer.u8(0);  // no flags
            if (stuffing > 2) out.insert(out.end(), stuffing - 2, std::uint8_t{0xff});
        }
        writer.bytes(pes.first(count));
        pes = pes.subspan(count);
    }
}

Result<TsStream> TsStream::create(const media::StreamFormat& format) {
    AC_TRY(TsWriter writer, TsWriter::create(format));
    return TsStream(std::move(writer));
}

void TsStream::add(const media::EncodedSample& sample, Bytes& out) {
    const std::int64_t clock = clock_at(sample.pts, writer_.format().sample_rate_hz);
    const bool is_time = !tables_clock_ || clock - *tables_clock_ >= kTablesClocks;
    if (is_time && !writer_.drops(sample)) {
        writer_.write_tables(out);
        tables_clock_ = clock;
    }
    writer_.add(sample, out);
}

}  // namespace aircheck::mux
