#include "recorder/kept_track.hpp"

#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

namespace aircheck::recorder {
namespace {

using testing::decode;
using testing::encode_opus;
using testing::level;
using testing::Script;
using ::testing::SizeIs;
using testing::speaker;
using testing::Speaker;
using testing::spoken_tone;

constexpr double kLow = 450;
constexpr double kHigh = 1000;

/// A sweep, which is like itself at one place only.
std::vector<Bytes> spoken_sweep(double from_hz, double to_hz, double seconds) {
    std::vector<float> samples(static_cast<std::size_t>(seconds * testing::kRate));
    double phase = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double part = static_cast<double>(i) / static_cast<double>(samples.size());
        phase += 2 * std::numbers::pi * (from_hz + (to_hz - from_hz) * part) / testing::kRate;
        samples[i] = 0.3F * static_cast<float>(std::sin(phase));
    }
    return encode_opus(samples);
}

PipelineSettings with_tracks() {
    PipelineSettings settings;
    settings.encoding.container = Container::Wav;
    settings.encoding.codec = AudioCodec::Pcm;
    settings.keeps_tracks = true;
    return settings;
}

struct TrackFile {
    TrackPiece last;  ///< The newest piece, without its bytes.
    Bytes bytes;
    bool was_over_before_the_end = false;
};

struct Call {
    Bytes mix;
    std::vector<TrackFile> tracks;

    [[nodiscard]] std::vector<float> mixed() const { return decode(mix).front(); }
};

void take(Pipeline& pipeline, Call& call, std::map<std::size_t, std::size_t>& by_number) {
    for (TrackPiece& piece : pipeline.take_track_pieces()) {
        const auto [at, is_new] = by_number.emplace(piece.number, call.tracks.size());
        if (is_new) call.tracks.emplace_back();
        TrackFile& track = call.tracks[at->second];
        track.bytes.insert(track.bytes.end(), piece.bytes.begin(), piece.bytes.end());
        piece.bytes.clear();
        track.last = std::move(piece);
    }
}

Call render_call(const Script& script, Nanoseconds end) {
    auto pipeline = Pipeline::create(with_tracks(), testing::header()).value();
    Call call;
    std::map<std::size_t, std::size_t> by_number;
    Bytes body;
    for (const journal::Record& record : script.records()) {
        EXPECT_TRUE(pipeline->feed(record, body));
        take(*pipeline, call, by_number);
    }
    for (TrackFile& track : call.tracks) track.was_over_before_the_end = track.last.is_last;
    const auto finished = pipeline->finish(end).value();
    take(*pipeline, call, by_number);
    body.insert(body.end(), finished.tail.begin(), finished.tail.end());
    call.mix = testing::assemble(std::move(body), pipeline->header_bytes(), finished.head);
    return call;
}

/// By how many samples `track`, put at its offset, lies before its sound in `mix`: where the two
/// are most alike, between two times (seconds) of the mix.
std::int64_t lag_between(
    const std::vector<float>& mix, const TrackFile& file, double from, double to
) {
    constexpr std::int64_t kMost = 700;
    const auto track = decode(file.bytes).front();
    double best = -1;
    std::int64_t best_lag = 0;
    for (std::int64_t lag = -kMost; lag <= kMost; ++lag) {
        double likeness = 0;
        for (auto at = static_cast<std::int64_t>(from * testing::kRate);
             at < static_cast<std::int64_t>(to * testing::kRate);
             ++at) {
            const std::int64_t there = at + lag;
            const std::int64_t here = at - file.last.offset_samples;
            if (there < 0 || there >= std::ssize(mix) || here < 0 || here >= std::ssize(track)) {
                continue;
            }
            likeness += double{mix[static_cast<std::size_t>(there)]} *
                        double{track[static_cast<std::size_t>(here)]};
        }
        if (likeness > best) {
            best = likeness;
            best_lag = lag;
        }
    }
    return best_lag;
}

TEST(KeptTrack, HasOneVoiceAtTheSampleWhereTheMixHasIt) {
    Speaker low = speaker(1);
    Speaker high = speaker(2);
    Script call;
    call.start(100ms, low);
    call.start(200ms, high);
    call.speak(500ms, low, spoken_sweep(300, 900, 3));
    call.speak(1'703'217us, high, spoken_sweep(1500, 2500, 1));  // Between two samples.
    const Call heard = render_call(call, 5s);

    ASSERT_THAT(heard.tracks, SizeIs(2));
    EXPECT_EQ(heard.tracks[0].last.track_sid, "TR_1");
    EXPECT_EQ(heard.tracks[0].last.participant_identity, "user-1");
    EXPECT_EQ(heard.tracks[0].last.offset_samples, 0);
    EXPECT_EQ(heard.tracks[0].last.duration, 3s);
    EXPECT_EQ(heard.tracks[1].last.offset_samples, 57'755);  // 1.203217 s × 48 000, rounded up.
    EXPECT_EQ(heard.tracks[1].last.duration, 1s);
    const auto mix = heard.mixed();
    EXPECT_EQ(lag_between(mix, heard.tracks[0], 0.2, 1.1), 0);
    EXPECT_EQ(lag_between(mix, heard.tracks[1], 1.3, 2.1), 0);
}

TEST(KeptTrack, HoldsThePacketsThemselves) {
    Speaker low = speaker(1);
    Speaker high = speaker(2);
    Script call;
    call.start(0ms, low);
    call.start(0ms, high);
    call.speak(500ms, low, spoken_tone(kLow, 2));
    call.speak(500ms, high, spoken_tone(kHigh, 2));
    const Call heard = render_call(call, 3s);

    ASSERT_THAT(heard.tracks, SizeIs(2));
    for (const Bytes& packet : spoken_tone(kLow, 2)) {
        const Bytes& file = heard.tracks[0].bytes;
        EXPECT_NE(std::search(file.begin(), file.end(), packet.begin(), packet.end()), file.end());
    }
    const auto alone = decode(heard.tracks[1].bytes).front();
    EXPECT_NEAR(level(alone, kHigh, 0.2, 1.8), 0.4, 0.02);
    EXPECT_LT(level(alone, kLow, 0.2, 1.8), 0.005);
}

TEST(KeptTrack, LeavesTheMixAsItIs) {
    Speaker low = speaker(1);
    Script call;
    call.start(0ms, low);
    call.speak(500ms, low, spoken_tone(kLow, 2));
    PipelineSettings without = with_tracks();
    without.keeps_tracks = false;
    EXPECT_EQ(render_call(call, 3s).mix, testing::render(without, call.records(), 3s).value().file);
}

TEST(KeptTrack, IsAlignedAfterWhatWasLost) {
    Speaker low = speaker(1);
    Script call;
    call.start(0ms, low);
    call.speak(500ms, low, spoken_sweep(300, 2500, 6), [](std::size_t packet) {
        return packet < 60 || (packet >= 150 && packet % 17 != 3);
    });
    const Call heard = render_call(call, 7s);
    ASSERT_THAT(heard.tracks, SizeIs(1));
    EXPECT_EQ(heard.tracks[0].last.duration, 6s);
    EXPECT_EQ(lag_between(heard.mixed(), heard.tracks[0], 4, 6), 0);
}

TEST(KeptTrack, OfOneWhoComesLateOrAgainIsAFileOfItsOwn) {
    Speaker ann = speaker(1);
    Speaker again = speaker(3);
    again.start.participant_identity = ann.start.participant_identity;
    Speaker bob = speaker(2);
    Script call;
    call.start(0ms, ann);
    call.speak(500ms, ann, spoken_sweep(300, 900, 2));
    call.add(2600ms, journal::TrackEnd{1, "unpublished"});
    call.start(4s, bob);
    call.speak(4250ms, bob, spoken_sweep(1500, 2500, 2));
    call.start(7s, again);
    call.speak(7100ms, again, spoken_sweep(300, 900, 2));
    call.ticks(0ms, 9500ms);
    const Call heard = render_call(call, 9500ms);

    ASSERT_THAT(heard.tracks, SizeIs(3));
    EXPECT_TRUE(heard.tracks[0].was_over_before_the_end) << "it can be sent while the call runs";
    EXPECT_FALSE(heard.tracks[1].was_over_before_the_end);
    EXPECT_EQ(heard.tracks[1].last.offset_samples, 3750 * 48);
    EXPECT_EQ(heard.tracks[2].last.track_sid, "TR_3");
    EXPECT_EQ(heard.tracks[2].last.participant_identity, "user-1");
    EXPECT_EQ(heard.tracks[2].last.offset_samples, 6600 * 48);
    for (const TrackFile& track : heard.tracks) {
        EXPECT_TRUE(track.last.is_last);
        const double begin = static_cast<double>(track.last.offset_samples) / testing::kRate;
        EXPECT_EQ(lag_between(heard.mixed(), track, begin + 0.2, begin + 1.8), 0);
    }
}

TEST(KeptTrack, GoesOnThroughOurOwnRejoin) {
    Speaker ann = speaker(1);
    Script call;
    call.start(0ms, ann);
    call.speak(500ms, ann, spoken_sweep(300, 900, 2));
    Speaker after = testing::rejoined(ann, 2);
    call.start(4s, after);
    call.speak(4200ms, after, spoken_sweep(1500, 2500, 2));
    call.ticks(0ms, 7s);
    const Call heard = render_call(call, 7s);
    ASSERT_THAT(heard.tracks, SizeIs(1));
    EXPECT_EQ(heard.tracks[0].last.duration, 5700ms);
    EXPECT_LE(std::abs(lag_between(heard.mixed(), heard.tracks[0], 3.9, 5.5)), 120);
}

TEST(KeptTrack, StaysWithTheMixWhenAClockDrifts) {
    // 300 ppm slow for two minutes are 36 ms; pauses let the file catch up.
    constexpr Nanoseconds kSlowFrame = 20'006us;
    Speaker ann = speaker(1);
    Script call;
    call.start(0ms, ann);
    const auto sweep = spoken_sweep(300, 900, 2);
    Nanoseconds at = 500ms;
    for (int turn = 0; turn < 40; ++turn) {
        for (const Bytes& packet : sweep) {
            call.packet(at, 1, testing::build_rtp(ann, packet));
            ++ann.sequence;
            ann.rtp_timestamp += 960;
            at += kSlowFrame;
        }
        testing::pause(ann, 50);
        at += 50 * kSlowFrame;
    }
    call.ticks(0ms, at);
    const Call heard = render_call(call, at);
    ASSERT_THAT(heard.tracks, SizeIs(1));
    const double last_turn = to_seconds(at - 500ms - 150 * kSlowFrame);
    const auto lag = lag_between(heard.mixed(), heard.tracks[0], last_turn, last_turn + 2);
    EXPECT_LE(std::abs(lag), 600);
}

// The path's floor shows itself late: the place in the mix moves forward in the middle of a word.
TEST(KeptTrack, LeavesNoPacketOutWhenTheMixComesForward) {
    Speaker ann = speaker(1);
    Script call;
    call.start(0ms, ann);
    const auto sweep = spoken_sweep(300, 2500, 5);
    constexpr Nanoseconds kFrame = 20ms;
    Nanoseconds arrival{0};
    for (std::size_t i = 0; i < sweep.size(); ++i) {
        const Nanoseconds sent = 500ms + i * kFrame;
        arrival = std::max(arrival, i < 75 ? sent + 140ms : sent);
        call.packet(arrival, 1, testing::build_rtp(ann, sweep[i]));
        ++ann.sequence;
        ann.rtp_timestamp += 960;
    }
    call.ticks(0ms, 6s);
    const Call heard = render_call(call, 6s);
    ASSERT_THAT(heard.tracks, SizeIs(1));
    EXPECT_EQ(heard.tracks[0].last.duration, 5s);
    const Bytes& file = heard.tracks[0].bytes;
    for (const Bytes& packet : sweep) {
        EXPECT_NE(std::search(file.begin(), file.end(), packet.begin(), packet.end()), file.end());
    }
}

TEST(KeptTrack, IsNotMadeOfWhatIsEncrypted) {
    Speaker ann = speaker(1);
    Speaker sealed = speaker(2);
    sealed.start.encryption = journal::Encryption::Gcm;
    Script call;
    call.start(0ms, ann);
    call.start(0ms, sealed);
    call.speak(500ms, ann, spoken_tone(kLow, 1));
    call.speak(500ms, sealed, spoken_tone(kHigh, 1));
    EXPECT_THAT(render_call(call, 2s).tracks, SizeIs(1));
}

TEST(KeptTrack, IsNothingBesideATrackThatIsKeptItself) {
    PipelineSettings settings;
    settings.encoding.container = Container::Ogg;
    settings.encoding.codec = AudioCodec::OpusPassthrough;
    settings.keeps_tracks = true;
    const auto refused = Pipeline::create(settings, testing::header());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::InvalidArgument);
}

}  // namespace
}  // namespace aircheck::recorder
