#include "media/mixer.hpp"

#include "media/media_testing.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <ostream>
#include <string>

namespace aircheck::media {
namespace {

using namespace testing;

/// A room: tracks that arrive, mixed one second behind.
class Room {
public:
    explicit Room(const Mixer::Settings& settings)
        : settings_(settings), mixer_(Mixer::create(settings).value()) {}

    Channel join(
        std::vector<rtp::EncodedFrame> frames,
        ParticipantKind kind = ParticipantKind::Other,
        std::string_view participant = ""
    ) {
        tracks_.push_back(make_track(mixer_.track_channels()));
        players_.emplace_back(*tracks_.back(), std::move(frames));
        return mixer_.add(*tracks_.back(), kind, participant);
    }
    void leave(std::size_t track) { mixer_.remove(*tracks_[track]); }
    TrackRenderer& track(std::size_t index) { return *tracks_[index]; }

    /// The next `seconds` of the mix, interleaved.
    std::vector<float> mix(double seconds) {
        std::vector<float> out;
        std::vector<float> tick(kTick * settings_.channels);
        const std::size_t end = at_ + samples_in(seconds);
        for (; at_ < end; at_ += kTick) {
            for (Player& player : players_) {
                player.feed(at_seconds(static_cast<double>(at_ + kTick) / kRate + kBehind));
            }
            mixer_.mix(static_cast<std::int64_t>(at_), tick);
            out.insert(out.end(), tick.begin(), tick.end());
        }
        return out;
    }

private:
    Mixer::Settings settings_;
    Mixer mixer_;
    std::vector<std::unique_ptr<TrackRenderer>> tracks_;
    std::deque<Player> players_;
    std::size_t at_ = 0;
};

std::vector<float> side(std::span<const float> both, std::size_t channel) {
    std::vector<float> one;
    for (std::size_t i = channel; i < both.size(); i += 2) one.push_back(both[i]);
    return one;
}
std::vector<rtp::EncodedFrame> call(double hz, double amplitude = 0.25, double start = 0) {
    return Path{}.carry(publish(tone(hz, 2, amplitude), start));
}
double level(std::span<const float> samples, double hz) {
    return amplitude_at(between(samples, 0.5, 1.5), hz);
}

TEST(Mixer, MonoIsTheSum) {
    Room room({});
    EXPECT_EQ(room.join(call(440)), Channel::Both);
    EXPECT_EQ(room.join(call(1000)), Channel::Both);
    const auto heard = room.mix(2);
    EXPECT_NEAR(level(heard, 440), 0.25, 0.01);
    EXPECT_NEAR(level(heard, 1000), 0.25, 0.01);
}

TEST(Mixer, PositionsAreExactDespiteTheLookAhead) {
    const auto frames = Path{}.carry(publish(noise(1, 0.3), 0.5));
    Room room({});
    room.join(frames);
    const auto mixed = room.mix(2);
    EXPECT_EQ(mixed, play(*make_track(), frames, 2));
}

struct ModeRow {
    std::string name;
    Mixing mixing;
    // Which of four arriving tracks (agent, other, other, agent) are heard left and right.
    const char* left;
    const char* right;
    friend void PrintTo(const ModeRow& row, std::ostream* out) { *out << row.name; }
};
class MixingMode : public ::testing::TestWithParam<ModeRow> {};

TEST_P(MixingMode, PutsTracksWhereLiveKitDoes) {
    const ParticipantKind kinds[] = {
        ParticipantKind::Agent,
        ParticipantKind::Other,
        ParticipantKind::Other,
        ParticipantKind::Agent};
    const double hz[] = {400, 700, 1100, 1600};
    Room room({.mixing = GetParam().mixing, .channels = 2});
    for (std::size_t i = 0; i < 4; ++i) room.join(call(hz[i], 0.2), kinds[i]);
    const auto heard = room.mix(2);
    const auto left = side(heard, 0);
    const auto right = side(heard, 1);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(level(left, hz[i]), GetParam().left[i] == 'x' ? 0.2 : 0, 0.01) << i;
        EXPECT_NEAR(level(right, hz[i]), GetParam().right[i] == 'x' ? 0.2 : 0, 0.01) << i;
    }
}
INSTANTIATE_TEST_SUITE_P(
    Modes,
    MixingMode,
    ::testing::Values(
        ModeRow{"Default", Mixing::Default, "xxxx", "xxxx"},
        ModeRow{"DualChannelAgent", Mixing::DualChannelAgent, "x--x", "-xx-"},
        ModeRow{"DualChannelAlternate", Mixing::DualChannelAlternate, "x-x-", "-x-x"}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(Mixer, StereoTracksKeepTheirImageByDefaultOnly) {
    std::vector<float> wide;
    const auto low = tone(440, 2, 0.3);
    const auto high = tone(1000, 2, 0.3);
    for (std::size_t i = 0; i < low.size(); ++i) {
        wide.push_back(low[i]);
        wide.push_back(high[i]);
    }
    const auto frames = Path{}.carry(publish(wide, 0, {.channels = 2, .bitrate = 128000}));
    Room image({.channels = 2});
    image.join(frames);
    const auto heard = image.mix(2);
    EXPECT_NEAR(level(side(heard, 0), 440), 0.3, 0.01);
    EXPECT_LT(level(side(heard, 0), 1000), 0.01);
    EXPECT_NEAR(level(side(heard, 1), 1000), 0.3, 0.01);

    Room dual({.mixing = Mixing::DualChannelAgent, .channels = 2});
    EXPECT_EQ(dual.join(frames, ParticipantKind::Agent), Channel::Left);
    const auto down = dual.mix(2);
    EXPECT_NEAR(level(side(down, 0), 440), 0.15, 0.01);
    EXPECT_NEAR(level(side(down, 0), 1000), 0.15, 0.01);
    EXPECT_EQ(rms(side(down, 1)), 0);
}

TEST(Mixer, OneChannelKnowsNoSides) {
    Room room({.mixing = Mixing::DualChannelAgent, .channels = 1});
    EXPECT_EQ(room.join(call(440), ParticipantKind::Agent), Channel::Both);
    EXPECT_NEAR(level(room.mix(2), 440), 0.25, 0.01);
}

TEST(Mixer, ManyLoudTracksAreTurnedDownNotClipped) {
    Room room({});
    for (int i = 0; i < 5; ++i) room.join(call(440, 0.7));
    const auto heard = room.mix(2);
    for (const float sample : heard) ASSERT_LE(std::abs(sample), Limiter::kCeiling);
    EXPECT_GT(level(heard, 440), 0.8);
    EXPECT_LT(level(heard, 1320), 0.01);
}

TEST(Mixer, TracksComeAndGo) {
    Room room({});
    room.join(Path{}.carry(publish(tone(440, 4, 0.25), 0)));
    EXPECT_NEAR(level(room.mix(2), 440), 0.25, 0.01);
    room.join(Path{}.carry(publish(tone(1000, 4, 0.25), 2)));
    room.leave(0);
    const auto heard = room.mix(2);
    EXPECT_LT(level(heard, 440), 0.01);
    EXPECT_NEAR(level(heard, 1000), 0.25, 0.01);
}

TEST(Mixer, NobodyIsSilence) {
    Room room({.channels = 2});
    EXPECT_EQ(rms(room.mix(1)), 0);
}

TEST(Mixer, OnlyOneOrTwoChannels) {
    const auto mixer = Mixer::create({.channels = 6});
    ASSERT_FALSE(mixer);
    EXPECT_EQ(mixer.error().code, Errc::InvalidArgument);
}

struct SyncRow {
    std::string name;
    double drift_ppm, uniform, exponential, loss;
    double worst_ms;   ///< How far apart the same clap may be heard on two tracks …
    double steady_ms;  ///< … and how much that may change during the call.
    friend void PrintTo(const SyncRow& row, std::ostream* out) { *out << row.name; }
};
class Sync : public ::testing::TestWithParam<SyncRow> {};

// Two publishers hear the same claps; their paths have one floor and jitter of their own. In the
// file the claps coincide. The contract: 10 ms under 30 ms of jitter and 5 % loss, 3 ms without.
TEST_P(Sync, TheSameClapIsHeardTogether) {
    const SyncRow& row = GetParam();
    std::vector<double> at;
    for (double t = 0.2; t < 59; t += 0.73) at.push_back(t);
    const auto sound = claps(at, 60);
    for (unsigned seed = 1; seed <= 2; ++seed) {
        Room room({.mixing = Mixing::DualChannelAlternate, .channels = 2});
        for (unsigned side = 0; side < 2; ++side) {
            Encoding how{.application = OPUS_APPLICATION_RESTRICTED_LOWDELAY};
            how.first_timestamp += side * 77777;
            auto sent = publish(sound, 0.3, how);
            for (auto& frame : sent) {
                const double x = static_cast<double>(frame.rtp_timestamp - how.first_timestamp);
                const double slow = side == 0 ? row.drift_ppm : -row.drift_ppm;
                frame.arrival += Nanoseconds(std::llround(x / kRate * slow * 1e3));
            }
            const Path path{
                .uniform_jitter = row.uniform,
                .exponential_jitter = row.exponential,
                .loss = row.loss,
                .seed = 10 * seed + side};
            room.join(path.carry(std::move(sent)));
        }
        const auto heard = room.mix(60);
        const auto left = side(heard, 0);
        const auto right = side(heard, 1);
        double low = 1;
        double high = -1;
        std::size_t measured = 0;
        for (const double t : at) {
            const double due = t + 0.3 + 0.04;
            if (due > 59) break;
            const auto a = between(left, due - 0.02, due + 0.03);
            const auto b = between(right, due - 0.02, due + 0.03);
            const Lag found = lag_of(a, b, 700);
            // A lost clap is concealed: there is nothing to compare.
            if (found.likeness < 0.8) continue;
            const double drifted = 2 * (t + 0.02) * row.drift_ppm * 1e-6;
            const double lag = static_cast<double>(found.samples) / kRate + drifted;
            low = std::min(low, lag);
            high = std::max(high, lag);
            ++measured;
        }
        EXPECT_GT(measured, at.size() * 2 / 3);
        EXPECT_LT(std::max(std::abs(low), std::abs(high)), row.worst_ms / 1000);
        EXPECT_LT(high - low, row.steady_ms / 1000);
    }
}
INSTANTIATE_TEST_SUITE_P(
    Paths,
    Sync,
    ::testing::Values(
        SyncRow{"Steady", 0, 0, 0, 0, 0.1, 0.1},
        SyncRow{"SteadyDrift", 100, 0, 0, 0, 1.5, 1.5},
        SyncRow{"Uniform30ms", 0, 0.03, 0, 0.05, 3, 3},
        SyncRow{"Exponential30ms", 0, 0, 0.03, 0.05, 4, 4}
    ),
    [](const auto& param) { return param.param.name; }
);

TEST(Mixer, TracksOfOneParticipantAreAlignedBySenderReports) {
    // A microphone and a shared screen of one publisher, the second over a queue 30 ms longer.
    const double at[] = {0.5, 1.5, 2.5, 8.0};
    const auto sound = claps(at, 10);
    Room room({.mixing = Mixing::DualChannelAlternate, .channels = 2});
    const Encoding how{};
    for (const double delay : {0.02, 0.05}) {
        room.join(
            Path{.delay = delay}.carry(publish(sound, 0.2, how)), ParticipantKind::Other, "PA_1"
        );
    }
    std::vector<float> heard;
    for (int second = 0; second < 10; ++second) {
        const auto more = room.mix(1);
        heard.insert(heard.end(), more.begin(), more.end());
        const double x = second + 0.5;
        const SenderReport report{
            .ntp = static_cast<std::uint64_t>((1000.0 + x) * 4294967296.0),
            .rtp_timestamp =
                static_cast<std::uint32_t>(how.first_timestamp + std::llround(x * kRate)),
            .arrival = at_seconds(second + 0.8)};
        room.track(0).report(report);
        room.track(1).report(report);
    }
    const auto left = side(heard, 0);
    const auto right = side(heard, 1);
    const auto apart = [&](double from, double to) {
        return peak_at(between(right, from, to)) - peak_at(between(left, from, to));
    };
    EXPECT_NEAR(apart(0.5, 1.2), 0.03, 0.001);
    EXPECT_NEAR(apart(8, 9), 0, 0.001);
}

}  // namespace
}  // namespace aircheck::media
