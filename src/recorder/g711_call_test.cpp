// Tracks of G.711 in every kind of file.
#include "recorder/capture.hpp"
#include "recorder/pipeline.hpp"
#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace aircheck::recorder {
namespace {

using testing::decode;
using testing::level;
using testing::render;
using testing::Rendered;
using testing::Script;
using testing::speaker;
using testing::Speaker;
using testing::spoken_tone;

enum class Law { Mu, A };

int width_of(int number) { return static_cast<int>(std::bit_width(static_cast<unsigned>(number))); }

/// ITU-T G.711's code for `value` (-1 to 1), by its decision values.
std::uint8_t encode(Law law, double value) {
    const int sign = value < 0 ? 1 : 0;
    if (law == Law::Mu) {
        const int magnitude = std::min(static_cast<int>(std::abs(value) * 8192) + 33, 8191);
        const int segment = width_of(magnitude) - 6;
        const int step = magnitude >> (segment + 1) & 0x0f;
        return static_cast<std::uint8_t>(~(sign << 7 | segment << 4 | step));
    }
    const int magnitude = std::min(static_cast<int>(std::abs(value) * 4096), 4095);
    const int segment = std::max(width_of(magnitude) - 5, 0);
    const int step = magnitude >> std::max(segment, 1) & 0x0f;
    return static_cast<std::uint8_t>(((1 - sign) << 7 | segment << 4 | step) ^ 0x55);
}

/// A sine of `hz` in packets of 20 ms.
std::vector<Bytes> spoken(Law law, double hz, double seconds, double amplitude = 0.4) {
    std::vector<Bytes> packets;
    for (int i = 0; i < static_cast<int>(seconds * 8000); ++i) {
        if (i % 160 == 0) packets.emplace_back();
        const double angle = 2 * std::numbers::pi * hz * i / 8000;
        packets.back().push_back(encode(law, amplitude * std::sin(angle)));
    }
    return packets;
}

/// As LiveKit's server offers it, the true codec last.
Speaker phone(journal::TrackIndex index, Law law) {
    Speaker who = speaker(index);
    who.start.mime = law == Law::Mu ? "audio/PCMU" : "audio/PCMA";
    const journal::PayloadFormat pcmu{0, "audio/pcmu", 8000, 1, ""};
    const journal::PayloadFormat pcma{8, "audio/pcma", 8000, 1, ""};
    const journal::PayloadFormat opus{111, "audio/opus", 48000, 2, "useinbandfec=1"};
    who.start.formats = {law == Law::Mu ? pcmu : pcma, opus, law == Law::Mu ? pcma : pcmu};
    return who;
}

PipelineSettings settings_of(Container container, AudioCodec codec) {
    PipelineSettings settings;
    settings.encoding.container = container;
    settings.encoding.codec = codec;
    return settings;
}

class G711Calls : public ::testing::TestWithParam<Law> {};

TEST_P(G711Calls, AreMixedWithOpus) {
    Speaker caller = phone(1, GetParam());
    Speaker other = speaker(2);
    Script call;
    call.start(0ms, caller);
    call.start(0ms, other);
    call.speak(200ms, caller, spoken(GetParam(), 1000, 3));
    call.speak(1200ms, other, spoken_tone(450, 3));
    const Rendered rendered =
        render(settings_of(Container::Mp4, AudioCodec::Aac), call.records(), 4200ms).value();
    EXPECT_NEAR(to_seconds(rendered.duration), 4, 0.001);
    const auto samples = decode(rendered.file).front();
    EXPECT_NEAR(level(samples, 1000, 0.1, 2.9), 0.4, 0.01);
    EXPECT_NEAR(level(samples, 450, 1.1, 3.9), 0.4, 0.02);
    EXPECT_LT(level(samples, 1000, 3.1, 3.9), 0.002);
    for (const double image : {7000.0, 9000.0}) {
        EXPECT_LT(level(samples, image, 0.1, 2.9), 0.001) << image;
    }
}

TEST_P(G711Calls, KeepTheirTimeThroughLossAndMute) {
    Speaker caller = phone(1, GetParam());
    Script call;
    call.start(0ms, caller);
    call.speak(0ms, caller, spoken(GetParam(), 1000, 2), [](std::size_t packet) {
        return packet % 20 != 7;
    });
    caller.rtp_timestamp += 8000;  // A second of nothing.
    call.speak(3s, caller, spoken(GetParam(), 600, 2));
    const Rendered rendered =
        render(settings_of(Container::Wav, AudioCodec::Pcm), call.records(), 5s).value();
    EXPECT_EQ(rendered.duration, 5s);
    EXPECT_EQ(rendered.tracks.at(0).lost, 5U);
    const auto samples = decode(rendered.file).front();
    const auto first = testing::stretches(samples, 1000);
    ASSERT_EQ(first.size(), 1U) << "what was lost is made up";
    EXPECT_NEAR(first[0].begin, 0.002, 0.01);
    EXPECT_NEAR(first[0].end, 2.002, 0.015);
    const auto second = testing::stretches(samples, 600);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_NEAR(second[0].begin, 3.002, 0.01);
    EXPECT_NEAR(level(samples, 600, 3.1, 4.9), 0.4, 0.01);
}

TEST_P(G711Calls, KeptAsTheyAreBecomeOpusInTheSameContainer) {
    for (const Container container : {Container::Ogg, Container::Mp4}) {
        Speaker caller = phone(1, GetParam());
        Script call;
        call.start(100ms, caller);
        call.add(150ms, journal::TrackMute{1});
        call.add(200ms, journal::TrackUnmute{1});
        call.speak(700ms, caller, spoken(GetParam(), 1000, 3));
        const Rendered rendered =
            render(settings_of(container, AudioCodec::OpusPassthrough), call.records(), 3700ms)
                .value();
        EXPECT_EQ(rendered.start, 700ms);
        EXPECT_NEAR(to_seconds(rendered.duration), 3, 0.001);
        EXPECT_EQ(rendered.tracks.at(0).track_sid, "TR_1");
        const std::string_view opus = container == Container::Ogg ? "OpusHead" : "dOps";
        EXPECT_NE(as_text(rendered.file).find(opus), std::string_view::npos);
        const auto samples = decode(rendered.file).front();
        EXPECT_NEAR(static_cast<double>(samples.size()) / 48000, 3, 0.03);
        EXPECT_NEAR(level(samples, 1000, 0.1, 2.9), 0.4, 0.02);
    }
}

/// The mix's file and the one file beside it, with its offset.
struct WithOwnFile {
    Bytes mix;
    TrackPiece own;  ///< All of it.
    std::size_t files = 0;
};

WithOwnFile render_with_own_file(const Script& call, Nanoseconds end) {
    PipelineSettings settings = settings_of(Container::Wav, AudioCodec::Pcm);
    settings.keeps_tracks = true;
    auto pipeline = Pipeline::create(settings, testing::header()).value();
    WithOwnFile made;
    Bytes own;
    const auto take = [&] {
        for (TrackPiece& piece : pipeline->take_track_pieces()) {
            own.insert(own.end(), piece.bytes.begin(), piece.bytes.end());
            made.files = std::max(made.files, piece.number + 1);
            made.own = std::move(piece);
        }
    };
    Bytes body;
    for (const journal::Record& record : call.records()) {
        EXPECT_TRUE(pipeline->feed(record, body));
        take();
    }
    const auto finished = pipeline->finish(end).value();
    take();
    body.insert(body.end(), finished.tail.begin(), finished.tail.end());
    made.mix = testing::assemble(std::move(body), pipeline->header_bytes(), finished.head);
    made.own.bytes = std::move(own);
    return made;
}

/// By how many samples, at most half a period of 1000 Hz, `own` at its offset lies before the mix:
/// where two seconds of both are most alike.
std::ptrdiff_t lag_between(
    const std::vector<float>& mix, const std::vector<float>& own, std::ptrdiff_t offset
) {
    double best = 0;
    std::ptrdiff_t best_lag = 1000;
    for (std::ptrdiff_t lag = -23; lag <= 23; ++lag) {
        double likeness = 0;
        for (std::ptrdiff_t at = 4800; at < 86'400; ++at) {
            likeness += double{own[static_cast<std::size_t>(at)]} *
                        double{mix[static_cast<std::size_t>(at + offset + lag)]};
        }
        if (likeness > best) {
            best = likeness;
            best_lag = lag;
        }
    }
    return best_lag;
}

TEST_P(G711Calls, HaveFilesOfTheirOwnBesideTheMix) {
    constexpr double kGrid = 0.0051;  // Two steps of stretches().
    Speaker other = speaker(2);
    Speaker caller = phone(1, GetParam());
    Script call;
    call.start(0ms, other);
    call.speak(0ms, other, {Bytes{0xf8}});  // The mix begins here.
    call.start(1s, caller);
    call.speak(1s, caller, spoken(GetParam(), 1000, 2), [](std::size_t packet) {
        return packet % 20 != 7;
    });
    caller.rtp_timestamp += 16000;  // Two seconds of nothing.
    call.speak(5s, caller, spoken(GetParam(), 600, 2));
    const WithOwnFile made = render_with_own_file(call, 7s);
    ASSERT_EQ(made.files, 1U + 1U);
    EXPECT_EQ(made.own.track_sid, "TR_1");
    EXPECT_TRUE(made.own.is_last);
    EXPECT_NEAR(static_cast<double>(made.own.offset_samples) / 48000, 1, 0.001);
    const auto own = decode(made.own.bytes).front();
    EXPECT_NEAR(static_cast<double>(own.size()) / 48000, to_seconds(made.own.duration), 0.001);
    EXPECT_NEAR(to_seconds(made.own.duration), 6, 0.11) << "to the end of what was heard";
    const auto mix = decode(made.mix).front();
    const double offset = static_cast<double>(made.own.offset_samples) / 48000;
    for (const double hz : {1000.0, 600.0}) {
        const auto alone = testing::stretches(own, hz);
        const auto mixed = testing::stretches(mix, hz);
        ASSERT_EQ(alone.size(), 1U) << hz;
        ASSERT_EQ(mixed.size(), 1U) << hz;
        EXPECT_NEAR(alone[0].begin + offset, mixed[0].begin, kGrid) << hz;
        EXPECT_NEAR(alone[0].end + offset, mixed[0].end, kGrid) << hz;
    }
    EXPECT_NEAR(static_cast<double>(lag_between(mix, own, made.own.offset_samples)), 0, 1);
    EXPECT_NEAR(level(own, 1000, 0.2, 1.8), 0.4, 0.02);
    EXPECT_NEAR(level(own, 600, 4.2, 5.8), 0.4, 0.02);
    EXPECT_LT(level(own, 1000, 2.2, 3.8), 0.01);
}

TEST_P(G711Calls, GoOnAfterARejoin) {
    Speaker caller = phone(1, GetParam());
    Speaker again = rejoined(caller, 2);
    Script call;
    call.start(0ms, caller);
    call.speak(0ms, caller, spoken(GetParam(), 1000, 1));
    call.start(2s, again);
    call.speak(2s, again, spoken(GetParam(), 1000, 1));
    const Rendered rendered =
        render(settings_of(Container::Ogg, AudioCodec::OpusPassthrough), call.records(), 3s)
            .value();
    EXPECT_NEAR(to_seconds(rendered.duration), 3, 0.001);
    const auto samples = decode(rendered.file).front();
    EXPECT_NEAR(level(samples, 1000, 0.1, 0.9), 0.4, 0.02);
    EXPECT_LT(level(samples, 1000, 1.2, 1.9), 0.01);
    EXPECT_NEAR(level(samples, 1000, 2.1, 2.9), 0.4, 0.02);
}

std::string name_of(const ::testing::TestParamInfo<Law>& law) {
    return law.param == Law::Mu ? "Pcmu" : "Pcma";
}
INSTANTIATE_TEST_SUITE_P(Laws, G711Calls, ::testing::Values(Law::Mu, Law::A), name_of);

TEST(G711Call, OfAnotherPayloadTypeIsNoNoise) {
    Speaker caller = phone(1, Law::Mu);
    Speaker stranger = caller;
    stranger.start.formats = {{9, "audio/g722", 8000, 1, ""}};
    Script call;
    call.start(0ms, caller);
    call.speak(0ms, stranger, spoken(Law::Mu, 1000, 2));
    const auto none = render(settings_of(Container::Mp4, AudioCodec::Aac), call.records(), 2s);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::NotFound) << "no media: G.722 is not offered, nor taken";
}

TEST(G711Call, ACodecThatNothingDecodesIsNamed) {
    signal::Track track;
    track.kind = signal::TrackKind::Audio;
    for (const char* known : {"", "audio/opus", "audio/RED", "audio/PCMU", "audio/pcma"}) {
        track.mime_type = known;
        EXPECT_EQ(unknown_codec_of(track), "") << known;
    }
    track.mime_type = "audio/G722";
    EXPECT_EQ(unknown_codec_of(track), "audio/G722");
    track.kind = signal::TrackKind::Video;
    EXPECT_EQ(unknown_codec_of(track), "") << "another matter";
}

// A track whose codec changes under the same SSRC: LiveKit's server does not do it, yet.
TEST(G711Call, MayTurnIntoOpus) {
    Speaker caller = phone(1, Law::A);
    Script call;
    call.start(0ms, caller);
    call.speak(0ms, caller, spoken(Law::A, 1000, 2));
    std::swap(caller.start.formats[0], caller.start.formats[1]);  // Opus from here on.
    call.speak(2s, caller, spoken_tone(450, 2));
    const Rendered rendered =
        render(settings_of(Container::Wav, AudioCodec::Pcm), call.records(), 4s).value();
    const auto samples = decode(rendered.file).front();
    EXPECT_NEAR(level(samples, 1000, 0.1, 1.9), 0.4, 0.01);
    EXPECT_NEAR(level(samples, 450, 2.2, 3.9), 0.4, 0.02);
}

}  // namespace
}  // namespace aircheck::recorder
