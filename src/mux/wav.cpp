#include "mux/wav.hpp"

#include "mux/little_endian.hpp"
#include "mux/tag_text.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

namespace aircheck::mux {
namespace {

constexpr std::uint64_t kUnknown = 0xffffffff;  // also: look into ds64
constexpr unsigned kBytesPerSample = 2;
constexpr unsigned kDs64Bytes = 28;
constexpr std::uint64_t kChunkHeadBytes = 8;

std::uint64_t block_bytes(const media::StreamFormat& format) {
    return std::uint64_t{format.channels} * kBytesPerSample;
}

void put_chunk(Bytes& out, std::string_view type, BytesView body) {
    ByteWriter(out).text(type);
    put_little_endian(out, body.size(), 4);
    ByteWriter(out).bytes(body);
    if (body.size() % 2 != 0) out.push_back(0);
}

Bytes format_chunk(const media::StreamFormat& format) {
    constexpr unsigned kPcm = 1;
    Bytes body;
    put_little_endian(body, kPcm, 2);
    put_little_endian(body, format.channels, 2);
    put_little_endian(body, format.sample_rate_hz, 4);
    put_little_endian(body, format.sample_rate_hz * block_bytes(format), 4);
    put_little_endian(body, block_bytes(format), 2);
    put_little_endian(body, kBytesPerSample * 8, 2);
    return body;
}

/// RIFF's INFO list. It has no names of one's own: the room is the subject, the egress the source.
Bytes info_chunk(const Tags& tags) {
    const std::pair<std::string_view, std::string> items[] = {
        {"INAM", tag_text(tags.title)},
        {"ISBJ", tag_text(tags.room)},
        {"ISRC", tag_text(tags.egress_id)},
        {"ICMT", tag_text(tags.comment)},
        {"ICRD", created_text(tags)},
        {"ISFT", "aircheck"},
    };
    Bytes body;
    ByteWriter(body).text("INFO");
    for (const auto& [type, text] : items) {
        if (text.empty()) continue;
        Bytes item(text.begin(), text.end());
        item.push_back(0);
        put_chunk(body, type, item);
    }
    return body;
}

struct Sizes {
    std::string_view type = "RIFF";
    std::uint64_t riff = kUnknown;
    std::uint64_t data = kUnknown;
    std::string_view reserved_type = "JUNK";
    Bytes reserved = Bytes(kDs64Bytes, 0);
};

Bytes head_of(const media::StreamFormat& format, const Tags& tags, const Sizes& sizes) {
    Bytes out;
    ByteWriter(out).text(sizes.type);
    put_little_endian(out, sizes.riff, 4);
    ByteWriter(out).text("WAVE");
    put_chunk(out, sizes.reserved_type, sizes.reserved);
    put_chunk(out, "fmt ", format_chunk(format));
    put_chunk(out, "LIST", info_chunk(tags));
    ByteWriter(out).text("data");
    put_little_endian(out, sizes.data, 4);
    return out;
}

}  // namespace

Bytes finished_wav_head(
    const media::StreamFormat& format, const Tags& tags, std::uint64_t data_bytes
) {
    const std::uint64_t head_bytes = head_of(format, tags, {}).size();
    const std::uint64_t riff_bytes = head_bytes - kChunkHeadBytes + data_bytes;
    Sizes sizes;
    if (riff_bytes < kUnknown) {
        sizes.riff = riff_bytes;
        sizes.data = data_bytes;
        return head_of(format, tags, sizes);
    }
    sizes.type = "RF64";
    sizes.reserved_type = "ds64";
    sizes.reserved.clear();
    put_little_endian(sizes.reserved, riff_bytes, 8);
    put_little_endian(sizes.reserved, data_bytes, 8);
    put_little_endian(sizes.reserved, data_bytes / block_bytes(format), 8);
    put_little_endian(sizes.reserved, 0, 4);  // no table of other chunks' sizes
    return head_of(format, tags, sizes);
}

Bytes WavWriter::head(State state) const {
    return state == State::Growing ? head_of(format(), tags(), {})
                                   : finished_wav_head(format(), tags(), body_bytes());
}

void WavWriter::note(media::EncodedSample& sample) {
    const std::uint64_t block = block_bytes(format());
    const std::uint64_t blocks =
        std::min<std::uint64_t>(sample.duration, sample.data.size() / block);
    sample.duration = static_cast<std::uint32_t>(blocks);
    sample.data.resize(blocks * block);
}

}  // namespace aircheck::mux
