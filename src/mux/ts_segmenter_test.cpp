#include "mux/playlist.hpp"
#include "mux/tone_audio_test.hpp"
#include "mux/ts.hpp"
#include "mux/ts_reader_test.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace aircheck::mux {
namespace {

using namespace testing;

constexpr std::int64_t kSecond = 48'000;

WallTime start_time() { return parse_iso8601("2026-08-20T10:15:15.250Z").value(); }

EncodedAudio aac(std::int64_t length, std::uint32_t rate_hz = 48000) {
    return encode_tone({media::Codec::Aac, 1, rate_hz, 64000}, length);
}

std::vector<TsSegment> cut(const EncodedAudio& audio, Nanoseconds segment_duration) {
    TsSegmenter segmenter =
        TsSegmenter::create(audio.format, {segment_duration, start_time()}).value();
    std::vector<TsSegment> segments;
    for (const media::EncodedSample& sample : audio.samples) segmenter.add(sample, segments);
    segmenter.finish(segments);
    return segments;
}

/// A folder with a playlist and its segments.
class HlsFolder {
public:
    HlsFolder(const std::vector<TsSegment>& segments, Nanoseconds segment_duration)
        : playlist_(as_bytes(text_of(segments, segment_duration)), "live.m3u8") {
        for (const TsSegment& segment : segments) {
            std::ofstream(folder() / segment_name("room", segment.index), std::ios::binary)
                << as_text(segment.bytes);
        }
    }
    [[nodiscard]] const std::string& playlist() const { return playlist_.path(); }
    [[nodiscard]] std::filesystem::path folder() const {
        return std::filesystem::path(playlist_.path()).parent_path();
    }

private:
    static std::string text_of(const std::vector<TsSegment>& segments, Nanoseconds duration) {
        Playlist playlist(Playlist::Kind::Event, duration);
        for (const TsSegment& segment : segments) {
            playlist.append({segment_name("room", segment.index), segment.start, segment.duration});
        }
        playlist.finish();
        return playlist.text();
    }

    TempFile playlist_;
};

TEST(TsSegmenter, CutsAtTheFirstSampleOfEachMultiple) {
    for (const std::uint32_t rate : {48000u, 44100u, 16000u}) {
        const EncodedAudio audio = aac(21 * kSecond, rate);
        const std::vector<TsSegment> segments = cut(audio, 4s);
        ASSERT_EQ(segments.size(), 6u);
        EXPECT_EQ(segments[0].start_pts, -std::int64_t{audio.format.priming_samples});
        for (std::size_t i = 0; i < segments.size(); ++i) {
            const TsSegment& segment = segments[i];
            EXPECT_EQ(segment.index, i);
            if (i > 0) {
                const std::int64_t boundary = static_cast<std::int64_t>(i) * 4 * rate;
                EXPECT_GE(segment.start_pts, boundary);
                EXPECT_LT(segment.start_pts, boundary + 1024);
                EXPECT_EQ(
                    segments[i - 1].start_pts + segments[i - 1].duration_samples, segment.start_pts
                );
                EXPECT_EQ(segments[i - 1].start + segments[i - 1].duration, segment.start);
            }
            const double seconds = static_cast<double>(segment.start_pts) / rate;
            EXPECT_NEAR(to_seconds(segment.start - start_time()), seconds, 1e-8);
            const double lasts = static_cast<double>(segment.duration_samples) / rate;
            EXPECT_NEAR(to_seconds(segment.duration), lasts, 1e-8);
        }
        EXPECT_EQ(segments.back().start_pts + segments.back().duration_samples, audio.length);
    }
}

TEST(TsSegmenter, SegmentsGoOnWithEachOther) {
    const EncodedAudio audio = aac(10 * kSecond);
    TsReader all;
    std::size_t frames = 0;
    for (const TsSegment& segment : cut(audio, 3s)) {
        all.read(segment.bytes);  // continuity counters go on
        TsReader alone;
        alone.read(segment.bytes);
        EXPECT_EQ(alone.tables, std::vector<std::size_t>{0});
        ASSERT_FALSE(alone.pes.empty());
        EXPECT_NEAR(
            static_cast<double>(alone.pes[0].pts),
            90'000 + static_cast<double>(segment.start_pts) * 90'000 / 48000,
            1
        );
        for (const TsReader::Pes& pes : alone.pes) frames += read_adts(pes.payload).size();
    }
    EXPECT_EQ(frames, audio.samples.size());
    for (std::size_t i = 1; i < all.clocks.size(); ++i) {
        EXPECT_LE(all.clocks[i].base - all.clocks[i - 1].base, 9000);
        EXPECT_GT(all.clocks[i].base, all.clocks[i - 1].base);
    }
}

TEST(TsSegmenter, EachSegmentPlaysAlone) {
    const EncodedAudio audio = aac(10 * kSecond);
    for (const TsSegment& segment : cut(audio, 2s)) {
        const TempFile ts(segment.bytes, "a.ts");
        // ffprobe reckons to the last PES packet's end without looking into it.
        const double seconds = std::stod(probe(ts.path(), "format=duration"));
        EXPECT_NEAR(seconds, to_seconds(segment.duration), 0.065) << segment.index;
        const std::vector<float> pcm = decode_file(ts.path());
        const std::int64_t whole = (segment.duration_samples + 1023) / 1024 * 1024;
        EXPECT_EQ(static_cast<std::int64_t>(pcm.size()), whole) << segment.index;
        // Its sound is that of its place; the first frame lacks what overlaps it.
        EXPECT_LT(off_tone(pcm, {.start = segment.start_pts, .skipped = 2048}), 0.01);
    }
}

TEST(TsSegmenter, ThePlaylistPlaysWhole) {
    for (const std::uint32_t rate : {48000u, 44100u, 16000u}) {
        const EncodedAudio audio = aac(13 * kSecond, rate);
        const std::vector<TsSegment> segments = cut(audio, 4s);
        const HlsFolder hls(segments, 4s);
        const double length = 13 + static_cast<double>(audio.format.priming_samples) / rate;
        EXPECT_NEAR(std::stod(probe(hls.playlist(), "format=duration")), length, 0.003);
        const std::vector<float> pcm = decode_channel(hls.playlist(), 0);
        const std::int64_t priming = audio.format.priming_samples;
        EXPECT_GE(static_cast<std::int64_t>(pcm.size()), audio.length + priming);
        EXPECT_LT(static_cast<std::int64_t>(pcm.size()), audio.length + priming + 1024);
        EXPECT_LT(off_tone(pcm, {rate, 0, -priming, rate / 10}), 0.01) << rate;
    }
}

TEST(TsSegmenter, SeeksInThePlaylist) {
    const EncodedAudio audio = aac(13 * kSecond);
    const std::vector<TsSegment> segments = cut(audio, 4s);
    const HlsFolder hls(segments, 4s);
    const std::vector<float> pcm = decode_file(hls.playlist(), "-ss 6");
    // ffmpeg gives the segment in which the moment lies, less a frame at most, and those after it.
    const std::int64_t end = audio.samples.back().pts + 1024;
    const std::int64_t start = end - static_cast<std::int64_t>(pcm.size());
    EXPECT_GE(start, segments[1].start_pts);
    EXPECT_LE(start, segments[1].start_pts + 1024);
    EXPECT_LT(off_tone(pcm, {.start = start, .skipped = 2048}), 0.01);
}

TEST(TsSegmenter, AHoleGoesToTheSegmentBeforeIt) {
    EncodedAudio audio = aac(3 * kSecond);
    for (media::EncodedSample& sample : audio.samples) {
        if (sample.pts >= kSecond) sample.pts += 10 * kSecond;
    }
    const std::vector<TsSegment> segments = cut(audio, 4s);
    ASSERT_EQ(segments.size(), 3u);
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(segments[i].index, i);
    EXPECT_EQ(segments[0].start + segments[0].duration, segments[1].start);
    EXPECT_NEAR(to_seconds(segments[1].start - start_time()), 11, 0.022);
    EXPECT_NEAR(to_seconds(segments[2].start - start_time()), 12, 0.022);
    EXPECT_EQ(segments[2].start_pts + segments[2].duration_samples, 13 * kSecond);
}

TEST(TsSegmenter, DropsWhatComesTwiceWithoutCutting) {
    const EncodedAudio audio = aac(5 * kSecond);
    TsSegmenter segmenter = TsSegmenter::create(audio.format, {2s, start_time()}).value();
    std::vector<TsSegment> segments;
    for (const media::EncodedSample& sample : audio.samples) {
        segmenter.add(sample, segments);
        segmenter.add(sample, segments);
        segmenter.add({sample.pts + 10 * kSecond, 1024, Bytes()}, segments);
    }
    segmenter.finish(segments);
    EXPECT_EQ(segmenter.dropped_samples(), 2 * audio.samples.size());
    const std::vector<TsSegment> expected = cut(audio, 2s);
    ASSERT_EQ(segments.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(segments[i].bytes, expected[i].bytes);
    }
}

TEST(TsSegmenter, WithoutSamplesGivesNone) {
    EncodedAudio nothing = aac(1024);
    nothing.samples.clear();
    EXPECT_TRUE(cut(nothing, 4s).empty());
}

TEST(TsSegmenter, RefusesSegmentsBelowASecond) {
    const auto segmenter = TsSegmenter::create(aac(1024).format, {999ms, start_time()});
    ASSERT_FALSE(segmenter);
    EXPECT_EQ(segmenter.error().code, Errc::InvalidArgument);
    EXPECT_NE(segmenter.error().context.find("segment_duration"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::mux
