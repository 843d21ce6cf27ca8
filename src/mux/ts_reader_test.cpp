#include "mux/ts_reader_test.hpp"

#include <gtest/gtest.h>

namespace aircheck::mux::testing {
namespace {

/// Annex A, bit by bit; a section with its checksum gives 0.
std::uint32_t slow_crc(BytesView bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const std::uint8_t byte : bytes) {
        for (unsigned bit = 8; bit-- > 0;) {
            const bool flip = ((crc >> 31) ^ (static_cast<unsigned>(byte) >> bit & 1u)) != 0;
            crc <<= 1;
            if (flip) crc ^= 0x04c11db7;
        }
    }
    return crc;
}

}  // namespace

void TsReader::read(BytesView stream) {
    EXPECT_EQ(stream.size() % 188, 0u);
    for (; stream.size() >= 188; stream = stream.subspan(188)) {
        read_packet(stream.first(188));
        ++packets_;
    }
}

void TsReader::read_packet(BytesView packet) {
    ByteReader reader(packet);
    EXPECT_EQ(reader.u8(), 0x47);
    const std::uint16_t word = reader.u16();
    const std::uint16_t pid = word & 0x1fff;
    const bool begins = (word & 0x4000) != 0;
    EXPECT_EQ(word & 0xa000, 0) << "no error, no priority";
    const std::uint8_t last = reader.u8();
    const bool has_payload = (last & 0x10) != 0;
    if (const auto counter = counters_.find(pid); counter != counters_.end()) {
        EXPECT_EQ(last & 0xfu, has_payload ? (counter->second + 1) & 0xf : counter->second)
            << "packet " << packets_ << " of PID " << pid;
    }
    counters_[pid] = last & 0xf;
    if ((last & 0x20) != 0) {
        ByteReader field(reader.bytes(reader.u8()));
        const std::size_t length = field.remaining();
        if (!has_payload) {
            EXPECT_EQ(length, 183u);
        }
        const std::uint8_t flags = field.u8();
        if (length > 0 && (flags & 0x10) != 0) {
            const std::uint32_t high = field.u32();
            const std::uint16_t low = field.u16();
            EXPECT_EQ(low & 0x1ff, 0) << "extension";
            const auto base = static_cast<std::int64_t>(high) << 1 | low >> 15;
            clocks.push_back({packets_, base, !has_payload});
        }
        for (const std::uint8_t stuffing : field.rest()) EXPECT_EQ(stuffing, 0xff);
        EXPECT_TRUE(length == 0 || field.ok());
    }
    EXPECT_TRUE(reader.ok());
    if (!has_payload) return;
    if (pid == 0 && begins) tables.push_back(packets_);
    if (pid == 0 || pid == map_pid_) {
        EXPECT_TRUE(begins);
        read_section(pid, reader.rest());
    } else {
        ASSERT_EQ(pid, audio_pid_.value_or(0)) << "a stream that no table tells of";
        read_audio(reader.rest(), begins);
    }
}

void TsReader::read_section(std::uint16_t pid, BytesView payload) {
    ByteReader reader(payload);
    EXPECT_EQ(reader.u8(), 0) << "pointer_field";
    const BytesView section = reader.rest();
    const std::uint8_t table = reader.u8();
    const std::uint16_t length = reader.u16() & 0xfff;
    ASSERT_LE(length + 3u, section.size());
    EXPECT_EQ(slow_crc(section.first(length + 3u)), 0u);
    reader.skip(5);
    if (pid == 0) {
        EXPECT_EQ(table, 0);
        EXPECT_EQ(length, 13);
        EXPECT_EQ(reader.u16(), 1);
        map_pid_ = reader.u16() & 0x1fff;
        return;
    }
    EXPECT_EQ(table, 2);
    EXPECT_EQ(length, 18);
    const std::uint16_t clock_pid = reader.u16() & 0x1fff;
    EXPECT_EQ(reader.u16() & 0xfff, 0) << "program descriptors";
    stream_type = reader.u8();
    audio_pid_ = reader.u16() & 0x1fff;
    EXPECT_EQ(clock_pid, *audio_pid_);
}

void TsReader::read_audio(BytesView payload, bool begins) {
    if (!begins) {
        ASSERT_FALSE(pes.empty());
        pes.back().payload.insert(pes.back().payload.end(), payload.begin(), payload.end());
        EXPECT_LE(pes.back().payload.size(), announced_);
        return;
    }
    if (!pes.empty()) {
        EXPECT_EQ(pes.back().payload.size(), announced_);
    }
    ByteReader reader(payload);
    EXPECT_EQ(reader.u32(), 0x1c0u) << "start code and the first audio stream";
    announced_ = reader.u16() - 8u;
    EXPECT_EQ(reader.u8() & 0xc0, 0x80);
    EXPECT_EQ(reader.u8(), 0x80) << "PTS and nothing else";
    EXPECT_EQ(reader.u8(), 5);
    const std::uint8_t high = reader.u8();
    const std::uint16_t middle = reader.u16();
    const std::uint16_t low = reader.u16();
    EXPECT_EQ(high & 0xf1, 0x21);
    EXPECT_EQ(middle & 1, 1);
    EXPECT_EQ(low & 1, 1);
    const std::int64_t pts =
        std::int64_t{high & 0x0e} << 29 | std::int64_t{middle >> 1} << 15 | std::int64_t{low >> 1};
    const BytesView rest = reader.rest();
    pes.push_back({pts, Bytes(rest.begin(), rest.end())});
}

std::vector<AdtsFrame> read_adts(BytesView bytes) {
    std::vector<AdtsFrame> frames;
    while (bytes.size() >= 7) {
        EXPECT_EQ(bytes[0], 0xff);
        EXPECT_EQ(bytes[1], 0xf1);
        const unsigned fixed = bytes[2];
        const unsigned shared = bytes[3];
        const std::size_t length = (shared & 3) << 11 | unsigned{bytes[4]} << 3 | bytes[5] >> 5;
        EXPECT_LE(length, bytes.size());
        if (length < 7 || length > bytes.size()) break;
        AdtsFrame frame;
        frame.profile = fixed >> 6;
        frame.frequency_index = fixed >> 2 & 0xf;
        frame.channels = (fixed & 1) << 2 | shared >> 6;
        const BytesView payload = bytes.subspan(7, length - 7);
        frame.payload.assign(payload.begin(), payload.end());
        frames.push_back(std::move(frame));
        bytes = bytes.subspan(length);
    }
    EXPECT_TRUE(bytes.empty());
    return frames;
}

}  // namespace aircheck::mux::testing
