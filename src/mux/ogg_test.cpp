#include "mux/ogg.hpp"

#include "mux/encoded_audio_test.hpp"

#include <gtest/gtest.h>

namespace aircheck::mux {
namespace {

using namespace testing;

std::uint64_t little_endian(BytesView bytes, std::size_t offset, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = value * 256 + bytes[offset + i];
    return value;
}

/// The checksum bit by bit, as RFC 3533 §6 tells it.
std::uint32_t slow_crc(BytesView bytes) {
    std::uint32_t crc = 0;
    for (const std::uint8_t byte : bytes) {
        for (unsigned bit = 8; bit-- > 0;) {
            const bool flip = ((crc >> 31) ^ (static_cast<unsigned>(byte) >> bit & 1u)) != 0;
            crc <<= 1;
            if (flip) crc ^= 0x04c11db7;
        }
    }
    return crc;
}

struct ReadPage {
    std::uint8_t flags = 0;
    std::uint64_t granule = 0;
    std::uint32_t serial = 0;
    std::uint32_t sequence = 0;
    std::vector<Bytes> packets;
};

std::vector<ReadPage> read_pages(BytesView file) {
    std::vector<ReadPage> pages;
    while (file.size() >= 27 && as_text(file.first(4)) == "OggS") {
        ReadPage page;
        page.flags = file[5];
        page.granule = little_endian(file, 6, 8);
        page.serial = static_cast<std::uint32_t>(little_endian(file, 14, 4));
        page.sequence = static_cast<std::uint32_t>(little_endian(file, 18, 4));
        const std::size_t segments = file[26];
        std::size_t at = 27 + segments;
        Bytes packet;
        for (std::size_t i = 0; i < segments; ++i) {
            const std::size_t length = file[27 + i];
            packet.insert(
                packet.end(),
                file.begin() + static_cast<std::ptrdiff_t>(at),
                file.begin() + static_cast<std::ptrdiff_t>(at + length)
            );
            at += length;
            if (length < 255) page.packets.push_back(std::exchange(packet, {}));
        }
        EXPECT_TRUE(packet.empty()) << "no packet may go on in the next page";
        Bytes zeroed(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at));
        for (std::size_t i = 22; i < 26; ++i) zeroed[i] = 0;
        EXPECT_EQ(little_endian(file, 22, 4), slow_crc(zeroed));
        pages.push_back(std::move(page));
        file = file.subspan(at);
    }
    EXPECT_TRUE(file.empty());
    return pages;
}

Tags some_tags() {
    Tags tags;
    tags.title = "support";
    tags.room = "support-Zürich";
    tags.egress_id = "EG_7dKs8wXyZ3nP";
    tags.created = parse_iso8601("2026-08-20T10:15:15Z").value();
    return tags;
}

Muxed mux_ogg(const EncodedAudio& audio) {
    const auto muxer = make_muxer(Container::Ogg, audio.format, some_tags());
    return mux(**muxer, audio);
}

// The check value of CRC-32/OGG-like parameters without reflection: "123456789" gives 0x89a1897f.
TEST(Ogg, Crc) { EXPECT_EQ(ogg_crc(as_bytes("123456789")), 0x89a1897fu); }

class OggOfRealAudio : public ::testing::TestWithParam<std::int64_t> {};
INSTANTIATE_TEST_SUITE_P(
    Lengths, OggOfRealAudio, ::testing::Values(1, 960, 47'999, 48'000, 100'003, 480'000)
);

TEST_P(OggOfRealAudio, PagesHoldEveryPacketAndCountSamples) {
    const EncodedAudio audio = encode_opus(GetParam());
    const Muxed muxed = mux_ogg(audio);
    EXPECT_TRUE(muxed.finished.head_replacement.empty());
    const std::vector<ReadPage> pages = read_pages(muxed.whole());
    ASSERT_GE(pages.size(), 3u);
    EXPECT_EQ(pages[0].flags, 0x02);
    ASSERT_EQ(pages[0].packets.size(), 1u);
    EXPECT_EQ(pages[0].packets[0], audio.format.codec_config);
    EXPECT_EQ(as_text(BytesView(pages[1].packets.at(0)).first(8)), "OpusTags");

    std::vector<Bytes> packets;
    std::uint64_t samples = 0;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        EXPECT_EQ(pages[i].sequence, i);
        EXPECT_EQ(pages[i].serial, pages[0].serial);
        if (i < 2) {
            EXPECT_EQ(pages[i].granule, 0u);
            continue;
        }
        const bool last = i + 1 == pages.size();
        EXPECT_EQ(pages[i].flags, last ? 0x04 : 0x00);
        EXPECT_LE(pages[i].packets.size(), 50u) << "a page has a second at most";
        samples += 960 * pages[i].packets.size();
        if (last) {
            EXPECT_EQ(
                pages[i].granule,
                static_cast<std::uint64_t>(audio.length) + audio.format.priming_samples
            );
        } else {
            EXPECT_EQ(pages[i].granule, samples);
        }
        packets.insert(packets.end(), pages[i].packets.begin(), pages[i].packets.end());
    }
    ASSERT_EQ(packets.size(), audio.samples.size());
    for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(packets[i], audio.samples[i].data);
}

TEST_P(OggOfRealAudio, PlaysToTheSample) {
    const EncodedAudio audio = encode_opus(GetParam());
    const Muxed muxed = mux_ogg(audio);
    EXPECT_EQ(muxed.duration.count(), audio.length * 1'000'000'000 / 48000);
    const TempFile ogg(muxed.whole(), "a.ogg");
    const std::vector<float> expected = decode_directly(audio);
    const std::vector<float> decoded = decode_file(ogg.path());
    EXPECT_EQ(decoded.size(), expected.size());
    EXPECT_LT(difference(decoded, expected, expected.size()), 1e-6);
    EXPECT_EQ(probe(ogg.path(), "format=start_time"), "0.000000");
    // libavformat 5.1 counts the pre-skip into an OGG file's duration, whoever wrote it.
    const std::int64_t counted = audio.length + audio.format.priming_samples;
    const double seconds = std::stod(probe(ogg.path(), "format=duration"));
    EXPECT_NEAR(seconds, static_cast<double>(counted) / 48000.0, 1e-5);
}

TEST(Ogg, TagsAreVisible) {
    const TempFile ogg(mux_ogg(encode_opus(48'000)).whole(), "a.ogg");
    EXPECT_EQ(probe(ogg.path(), "stream_tags=title"), "support");
    EXPECT_EQ(probe(ogg.path(), "stream_tags=ROOM"), "support-Zürich");
    EXPECT_EQ(probe(ogg.path(), "stream_tags=EGRESS_ID"), "EG_7dKs8wXyZ3nP");
    EXPECT_EQ(probe(ogg.path(), "stream_tags=date"), "2026-08-20T10:15:15.000Z");
}

TEST(Ogg, PlaysUpToTheLastWholePageWhereverItIsCut) {
    const EncodedAudio audio = encode_opus(5 * 48'000);
    const Muxed muxed = mux_ogg(audio);
    const std::vector<float> expected = decode_directly(audio);
    const Bytes file = muxed.growing();
    std::size_t end = muxed.header.size();
    std::size_t pages = 0;
    for (const Bytes& page : muxed.fragments) {
        for (const std::size_t cut : {end, end + 5, end + 40, end + page.size() - 1}) {
            if (pages == 0) continue;
            const TempFile ogg(BytesView(file).first(cut), "a.ogg");
            const std::size_t heard = pages * 48'000 - audio.format.priming_samples;
            EXPECT_LT(difference(decode_file(ogg.path()), expected, heard), 1e-6) << cut;
        }
        end += page.size();
        ++pages;
    }
    EXPECT_GE(pages, 5u);
}

TEST(Ogg, Seeks) {
    const TempFile ogg(mux_ogg(encode_opus(480'000)).whole(), "a.ogg");
    std::vector<float> all = decode_file(ogg.path());
    const std::vector<float> part = decode_file(ogg.path(), "-ss 6.25");
    all.erase(all.begin(), all.begin() + 300'000);
    EXPECT_EQ(part.size(), all.size());
    EXPECT_LT(difference(all, part, 150'000), 1e-3);
}

TEST(Ogg, WithoutPacketsEndsWithAnEmptyPage) {
    EncodedAudio nothing = encode_opus(960);
    nothing.samples.clear();
    const std::vector<ReadPage> pages = read_pages(mux_ogg(nothing).whole());
    ASSERT_EQ(pages.size(), 3u);
    EXPECT_EQ(pages[2].flags, 0x04);
    EXPECT_TRUE(pages[2].packets.empty());
    EXPECT_EQ(pages[2].granule, ~std::uint64_t{0}) << "no packet ends on it (RFC 3533 §6)";
}

TEST(Ogg, LongPacketsGetPagesThatHoldThem) {
    EncodedAudio audio = encode_opus(960);
    audio.samples.clear();
    // 254 and 255 bytes differ by a lacing value; 65,000 bytes fill a page's 255 values alone.
    const std::size_t sizes[] = {254, 255, 256, 510, 65'000, 1, 40'000, 40'000, 65'001};
    std::int64_t pts = -static_cast<std::int64_t>(audio.format.priming_samples);
    for (const std::size_t size : sizes) {
        audio.samples.push_back({pts, 960, Bytes(size, std::uint8_t{0xfc})});
        pts += 960;
    }
    const auto muxer = make_muxer(Container::Ogg, audio.format, {});
    const std::vector<ReadPage> pages = read_pages(mux(**muxer, audio).whole());
    EXPECT_EQ((*muxer)->dropped_samples(), 1u);
    std::vector<std::size_t> read;
    for (std::size_t i = 2; i < pages.size(); ++i) {
        for (const Bytes& packet : pages[i].packets) read.push_back(packet.size());
    }
    EXPECT_EQ(read, std::vector<std::size_t>(std::begin(sizes), std::end(sizes) - 1));
}

TEST(Ogg, AHoleMovesTheGranulePosition) {
    EncodedAudio audio = encode_opus(960 * 3);
    audio.samples[2].pts += 96'000;
    const std::vector<ReadPage> pages = read_pages(mux_ogg(audio).whole());
    ASSERT_EQ(pages.size(), 4u);
    EXPECT_EQ(pages[2].granule, 2 * 960u);
    EXPECT_EQ(pages[3].granule, 96'000u + 2 * 960 + audio.samples[2].duration);
}

}  // namespace
}  // namespace aircheck::mux
