#include "mux/mp4_boxes.hpp"

#include "mux/mp4_sample_entry.hpp"
#include "mux/mp4_tags.hpp"

#include <algorithm>

namespace aircheck::mux {
namespace {

constexpr std::uint32_t kTrack = 1;
constexpr std::size_t kMdatHeader = 16;
constexpr std::uint64_t kMax32 = 0xffffffff;

/// Seconds since 1904-01-01 UTC (§8.2.2.3); 0 when unknown.
std::uint64_t mac_time(WallTime time) {
    constexpr std::int64_t k1904To1970 = 2082844800;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
    return seconds <= 0 ? 0 : static_cast<std::uint64_t>(seconds + k1904To1970);
}

void write_matrix(ByteWriter& writer) {
    for (const std::uint32_t value : {0x10000u, 0u, 0u, 0u, 0x10000u, 0u, 0u, 0u, 0x40000000u}) {
        writer.u32(value);
    }
}

void write_zeros(ByteWriter& writer, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) writer.u8(0);
}

void write_ftyp(Bytes& out) {
    const Box box(out, "ftyp");
    ByteWriter writer(out);
    writer.text("isom");
    writer.u32(0x200);
    writer.text("isomiso6mp41");  // iso6: fragments with tfdt and default-base-is-moof
}

void write_mvhd(
    Bytes& out, const media::StreamFormat& format, const Tags& tags, std::uint64_t duration
) {
    const Box box(out, "mvhd", 1, 0);
    ByteWriter writer(out);
    writer.u64(mac_time(tags.created));
    writer.u64(mac_time(tags.created));
    writer.u32(format.sample_rate_hz);  // a movie's unit is a sample, so that its duration is exact
    writer.u64(duration);
    writer.u32(0x10000);
    writer.u16(0x100);
    write_zeros(writer, 10);
    write_matrix(writer);
    write_zeros(writer, 24);
    writer.u32(kTrack + 1);
}

void write_tkhd(Bytes& out, const Tags& tags, std::uint64_t duration) {
    const Box box(out, "tkhd", 1, 0x3);  // enabled, in the movie
    ByteWriter writer(out);
    writer.u64(mac_time(tags.created));
    writer.u64(mac_time(tags.created));
    writer.u32(kTrack);
    writer.u32(0);
    writer.u64(duration);
    write_zeros(writer, 12);  // reserved, layer, alternate group
    writer.u16(0x100);        // volume
    writer.u16(0);
    write_matrix(writer);
    write_zeros(writer, 8);  // width and height
}

/// Plays the media from `start` on; a duration of 0 means all there is (fragments, §8.6.6.1).
void write_edit(Bytes& out, std::uint64_t duration, std::uint32_t start) {
    const Box edts(out, "edts");
    const Box elst(out, "elst", 1, 0);
    ByteWriter writer(out);
    writer.u32(1);
    writer.u64(duration);
    writer.u64(start);
    writer.u32(0x10000);
}

void write_media_header(
    Bytes& out, const media::StreamFormat& format, const Tags& tags, std::uint64_t duration
) {
    {
        const Box mdhd(out, "mdhd", 1, 0);
        ByteWriter writer(out);
        writer.u64(mac_time(tags.created));
        writer.u64(mac_time(tags.created));
        writer.u32(format.sample_rate_hz);
        writer.u64(duration);
        writer.u16(0x55c4);  // language "und"
        writer.u16(0);
    }
    const Box hdlr(out, "hdlr", 0, 0);
    ByteWriter writer(out);
    writer.u32(0);
    writer.text("soun");
    write_zeros(writer, 12);
    writer.text("Audio");
    writer.u8(0);
}

void write_media_information_header(Bytes& out) {
    {
        const Box smhd(out, "smhd", 0, 0);
        ByteWriter(out).u32(0);
    }
    const Box dinf(out, "dinf");
    const Box dref(out, "dref", 0, 0);
    ByteWriter(out).u32(1);
    const Box url(out, "url ", 0, 0x1);  // the samples are in this file
}

void write_durations(Bytes& out, const SampleTables& tables) {
    const Box box(out, "stts", 0, 0);
    ByteWriter writer(out);
    writer.u32(static_cast<std::uint32_t>(tables.durations().size()));
    for (const SampleTables::Run& run : tables.durations()) {
        writer.u32(run.count);
        writer.u32(run.duration);
    }
}

void write_chunk_sizes(Bytes& out, const SampleTables& tables) {
    const Box box(out, "stsc", 0, 0);
    ByteWriter writer(out);
    const std::size_t count_at = out.size();
    writer.u32(0);
    std::uint32_t runs = 0;
    std::uint32_t number = 0;
    std::uint32_t samples = 0;
    for (const SampleTables::Chunk& chunk : tables.chunks()) {
        ++number;
        if (chunk.samples == samples) continue;
        samples = chunk.samples;
        ++runs;
        writer.u32(number);
        writer.u32(samples);
        writer.u32(1);
    }
    writer.patch_u32(count_at, runs);
}

void write_sizes(Bytes& out, const SampleTables& tables) {
    const Box box(out, "stsz", 0, 0);
    ByteWriter writer(out);
    writer.u32(0);
    writer.u32(tables.sample_count());
    tables.each_size([&](std::uint32_t size) { writer.u32(size); });
}

enum class OffsetWidth { Bits32, Bits64 };

void write_chunk_offsets(
    Bytes& out, const SampleTables& tables, std::uint64_t body_offset, OffsetWidth width
) {
    const Box box(out, width == OffsetWidth::Bits64 ? "co64" : "stco", 0, 0);
    ByteWriter writer(out);
    writer.u32(static_cast<std::uint32_t>(tables.chunks().size()));
    for (const SampleTables::Chunk& chunk : tables.chunks()) {
        const std::uint64_t offset = body_offset + chunk.offset;
        if (width == OffsetWidth::Bits64) {
            writer.u64(offset);
        } else {
            writer.u32(static_cast<std::uint32_t>(offset));
        }
    }
}

/// How much a decoder has to hear before a seek's target (§10.1 'roll'): one AAC frame, 80 ms of
/// Opus.
void write_roll_group(Bytes& out, const media::StreamFormat& format, const SampleTables& tables) {
    std::uint32_t samples_before = 1;
    if (format.codec == media::Codec::Opus) {
        const std::uint32_t duration = std::max(1u, tables.durations().front().duration);
        samples_before = std::max(1u, (3840 + duration - 1) / duration);
    }
    {
        const Box sgpd(out, "sgpd", 1, 0);
        ByteWriter writer(out);
        writer.text("roll");
        writer.u32(2);
        writer.u32(1);
        writer.u16(static_cast<std::uint16_t>(-static_cast<std::int32_t>(samples_before)));
    }
    const Box sbgp(out, "sbgp", 0, 0);
    ByteWriter writer(out);
    writer.text("roll");
    writer.u32(1);
    writer.u32(tables.sample_count());
    writer.u32(1);
}

/// What a `moov` is made from; the last four are the finished file's.
struct Movie {
    const media::StreamFormat& format;
    const Tags& tags;
    const SampleTables& tables;
    std::uint64_t duration = 0;
    std::uint64_t body_offset = 0;
    OffsetWidth width = OffsetWidth::Bits32;
    enum class Kind { Growing, Finished } kind = Kind::Growing;
};

void write_sample_table(Bytes& out, const Movie& movie) {
    const Box stbl(out, "stbl");
    {
        const Box stsd(out, "stsd", 0, 0);
        ByteWriter(out).u32(1);
        write_sample_entry(out, movie.format);
    }
    write_durations(out, movie.tables);
    write_chunk_sizes(out, movie.tables);
    write_sizes(out, movie.tables);
    write_chunk_offsets(out, movie.tables, movie.body_offset, movie.width);
    if (movie.tables.sample_count() > 0) write_roll_group(out, movie.format, movie.tables);
}

void write_track(Bytes& out, const Movie& movie) {
    const Box trak(out, "trak");
    write_tkhd(out, movie.tags, movie.duration);
    if (movie.kind == Movie::Kind::Growing || movie.duration > 0) {
        write_edit(out, movie.duration, movie.format.priming_samples);
    }
    const Box mdia(out, "mdia");
    write_media_header(out, movie.format, movie.tags, movie.tables.total_duration());
    const Box minf(out, "minf");
    write_media_information_header(out);
    write_sample_table(out, movie);
}

void write_moov(Bytes& out, const Movie& movie) {
    const Box moov(out, "moov");
    write_mvhd(out, movie.format, movie.tags, movie.duration);
    write_track(out, movie);
    if (movie.kind == Movie::Kind::Growing) {
        const Box mvex(out, "mvex");
        const Box trex(out, "trex", 0, 0);
        ByteWriter writer(out);
        writer.u32(kTrack);
        writer.u32(1);
        write_zeros(writer, 12);
    }
    // FFmpeg cuts the priming of a fragmented AAC file by Apple's gapless record, not by the edit
    // list.
    const bool needs_gapless =
        movie.kind == Movie::Kind::Growing && movie.format.codec == media::Codec::Aac;
    write_tags(out, movie.tags, needs_gapless ? movie.format.priming_samples : 0);
}

}  // namespace

Box::Box(Bytes& out, std::string_view type) : out_(out), start_(out.size()) {
    ByteWriter writer(out_);
    writer.u32(0);
    writer.text(type);
}

Box::Box(Bytes& out, std::string_view type, std::uint8_t version, std::uint32_t flags)
    : Box(out, type) {
    ByteWriter writer(out_);
    writer.u8(version);
    writer.u24(flags);
}

Box::~Box() {
    ByteWriter(out_).patch_u32(start_, static_cast<std::uint32_t>(out_.size() - start_));
}

Bytes growing_head(const media::StreamFormat& format, const Tags& tags) {
    Bytes out;
    write_ftyp(out);
    write_moov(out, {format, tags, SampleTables{}});
    return out;
}

Bytes finished_head(const media::StreamFormat& format, const Tags& tags, const FinishedBody& body) {
    Movie movie{format, tags, body.tables};
    movie.duration = static_cast<std::uint64_t>(std::max<std::int64_t>(0, body.duration_samples));
    movie.kind = Movie::Kind::Finished;
    const auto write = [&] {
        Bytes out;
        write_ftyp(out);
        write_moov(out, movie);
        return out;
    };
    // The offsets count from the file's start, so the head's own size is needed first; it depends
    // on their width only.
    Bytes out = write();
    if (out.size() + kMdatHeader + body.bytes > kMax32) {
        movie.width = OffsetWidth::Bits64;
        out = write();
    }
    movie.body_offset = out.size() + kMdatHeader;
    out = write();
    ByteWriter writer(out);
    writer.u32(1);
    writer.text("mdat");
    writer.u64(kMdatHeader + body.bytes);
    return out;
}

Bytes fragment_head(
    std::uint32_t sequence, std::uint64_t decode_time, std::span<const FragmentSample> samples
) {
    constexpr std::uint32_t kDefaultBaseIsMoof = 0x020000;
    constexpr std::uint32_t kDefaultFlagsPresent = 0x20;
    constexpr std::uint32_t kDataOffset = 0x1, kDurations = 0x100, kSizes = 0x200;
    Bytes out;
    std::size_t data_offset_at = 0;
    std::uint32_t payload = 0;
    {
        const Box moof(out, "moof");
        ByteWriter writer(out);
        {
            const Box mfhd(out, "mfhd", 0, 0);
            writer.u32(sequence);
        }
        const Box traf(out, "traf");
        {
            const Box tfhd(out, "tfhd", 0, kDefaultBaseIsMoof | kDefaultFlagsPresent);
            writer.u32(kTrack);
            writer.u32(0x02000000);  // depends on no other sample
        }
        {
            const Box tfdt(out, "tfdt", 1, 0);
            writer.u64(decode_time);
        }
        const Box trun(out, "trun", 0, kDataOffset | kDurations | kSizes);
        writer.u32(static_cast<std::uint32_t>(samples.size()));
        data_offset_at = out.size();
        writer.u32(0);
        for (const FragmentSample& sample : samples) {
            writer.u32(sample.duration);
            writer.u32(sample.size_bytes);
            payload += sample.size_bytes;
        }
    }
    ByteWriter writer(out);
    writer.patch_u32(data_offset_at, static_cast<std::uint32_t>(out.size() + 8));
    writer.u32(8 + payload);
    writer.text("mdat");
    return out;
}

}  // namespace aircheck::mux
