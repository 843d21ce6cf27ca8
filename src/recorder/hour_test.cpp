#include "recorder/pipeline.hpp"
#include "recorder/spoken_call_test.hpp"
#include "rtp/ntp_time.hpp"
#include "rtp/rtcp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <iostream>
#include <numbers>
#include <random>

namespace aircheck::recorder {
namespace {

using testing::kRate;
using testing::Speaker;

constexpr double kToneHz = 300;  // six periods a frame: any frame may follow any other
constexpr double kToneAmplitude = 0.1;
constexpr double kClapHz = 4000;
constexpr double kClapSeconds = 0.01;
constexpr std::int64_t kClapFrames = 10;
constexpr std::int64_t kClapCentre = 5;  // frames into its sequence
constexpr double kClapEvery = 10;
constexpr double kFirstClap = 5;
constexpr double kFrameSeconds = 0.02;
constexpr double kPathDelay = 0.04;
constexpr double kJitter = 0.03;  // up to this much more: packets overtake each other
constexpr double kLoss = 0.05;
constexpr double kDuplicates = 0.01;
constexpr double kBegin = 0.25;         // the first packets are sent, in recorder's time
constexpr double kCodecDelay = 0.0065;  // RFC 6716's encoder and decoder together: 312 samples

/// Frames of a steady tone, and of the same with a clap in its middle.
struct Frames {
    std::vector<Bytes> steady;
    std::vector<Bytes> clap;
};

Frames encode_frames() {
    std::vector<float> pcm = testing::tone(kToneHz, 1.6, kToneAmplitude);
    const std::size_t centre = 48'000 + kClapCentre * 960;
    const auto half = static_cast<std::size_t>(kClapSeconds / 2 * kRate);
    for (std::size_t i = 0; i < 2 * half; ++i) {
        const double t = (static_cast<double>(i) - static_cast<double>(half)) / kRate;
        const double window = std::pow(std::cos(std::numbers::pi * t / kClapSeconds), 2);
        pcm[centre - half + i] +=
            static_cast<float>(0.6 * window * std::cos(2 * std::numbers::pi * kClapHz * t));
    }
    const auto packets = testing::encode_opus(pcm);
    Frames frames;
    frames.steady.assign(packets.begin() + 20, packets.begin() + 50);
    frames.clap.assign(packets.begin() + 50, packets.begin() + 50 + kClapFrames);
    return frames;
}

struct Arrival {
    double at = 0;  ///< Seconds of the recorder's clock.
    std::size_t party = 0;
    std::int64_t frame = 0;
    bool is_report = false;
};

/// Somebody whose clock is `drift` slower than ours, and what arrives of theirs.
struct Party {
    Speaker who;
    double drift = 0;
    std::vector<double> claps;  ///< When each can be heard, by our clock; negative: it was lost.
    std::vector<std::int64_t> clap_starts;  ///< Their frames.

    [[nodiscard]] double sent(std::int64_t frame) const {
        return kBegin + static_cast<double>(frame) * kFrameSeconds * (1 + drift);
    }
};

std::vector<Arrival> arrivals_of(Party& party, std::size_t index, double seconds) {
    std::mt19937 random(static_cast<unsigned>(17 + index));
    std::uniform_real_distribution<double> unit(0, 1);
    std::vector<Arrival> arrivals;
    const auto count = static_cast<std::int64_t>(seconds / (kFrameSeconds * (1 + party.drift)));
    std::vector<bool> lost(static_cast<std::size_t>(count) + 1);
    for (std::int64_t frame = 0; frame < count; ++frame) {
        const auto delayed = [&] {
            return party.sent(frame) + kPathDelay + kJitter * unit(random);
        };
        if (frame % 250 == 0) arrivals.push_back({delayed(), index, frame, true});
        if (unit(random) < kLoss) {
            lost[static_cast<std::size_t>(frame)] = true;
            continue;
        }
        arrivals.push_back({delayed(), index, frame, false});
        if (unit(random) < kDuplicates) arrivals.push_back({delayed(), index, frame, false});
    }
    for (double clap = kFirstClap; clap < seconds - 2; clap += kClapEvery) {
        const auto centre = std::llround(clap / (kFrameSeconds * (1 + party.drift)));
        party.clap_starts.push_back(centre - kClapCentre);
        const bool whole = std::none_of(
            lost.begin() + centre - 3, lost.begin() + centre + 3, [](bool it) { return it; }
        );
        party.claps.push_back(whole ? party.sent(centre) + kPathDelay + kCodecDelay : -1);
    }
    return arrivals;
}

Bytes sender_report(const Party& party, std::int64_t frame) {
    rtp::SenderReport report;
    report.ssrc = party.who.start.ssrc;
    const double own_clock = 1e6 + static_cast<double>(frame) * kFrameSeconds;
    report.ntp = rtp::NtpTime(static_cast<std::uint64_t>(own_clock * 4294967296.0));
    report.rtp_timestamp =
        rtp::RtpTimestamp(party.who.rtp_timestamp + static_cast<std::uint32_t>(frame) * 960U);
    Bytes bytes;
    rtp::append_rtcp(report, bytes);
    return bytes;
}

BytesView frame_of(const Party& party, const Frames& frames, std::int64_t frame) {
    const auto next = std::upper_bound(party.clap_starts.begin(), party.clap_starts.end(), frame);
    if (next != party.clap_starts.begin() && frame - *std::prev(next) < kClapFrames) {
        return frames.clap[static_cast<std::size_t>(frame - *std::prev(next))];
    }
    return frames.steady[static_cast<std::size_t>(frame) % frames.steady.size()];
}

testing::Rendered record(
    std::array<Party, 2>& parties, double seconds, Nanoseconds end, std::uint32_t rate_hz
) {
    PipelineSettings settings;
    settings.mixing = Mixing::DualChannelAlternate;
    settings.encoding.channels = 2;
    settings.encoding.bitrate_bps = 72'000;  // with less, pre-echo moves the claps
    settings.encoding.sample_rate_hz = rate_hz;
    auto pipeline = Pipeline::create(settings, testing::header()).value();
    std::vector<Arrival> arrivals;
    for (std::size_t i = 0; i < parties.size(); ++i) {
        const auto some = arrivals_of(parties[i], i, seconds);
        arrivals.insert(arrivals.end(), some.begin(), some.end());
    }
    std::sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) {
        return a.at < b.at;
    });

    const Frames frames = encode_frames();
    Bytes body;
    for (const Party& party : parties) EXPECT_TRUE(pipeline->feed({1ms, party.who.start}, body));
    for (const Arrival& arrival : arrivals) {
        const Party& party = parties[arrival.party];
        journal::Record record{Nanoseconds(std::llround(arrival.at * 1e9)), journal::Tick{}};
        Bytes bytes;
        if (arrival.is_report) {
            bytes = sender_report(party, arrival.frame);
            record.body = journal::RtcpPacket{bytes};
        } else {
            Speaker who = party.who;
            who.sequence = static_cast<std::uint16_t>(who.sequence + arrival.frame);
            who.rtp_timestamp += static_cast<std::uint32_t>(arrival.frame) * 960U;
            bytes = testing::build_rtp(who, frame_of(party, frames, arrival.frame));
            record.body = journal::RtpPacket{party.who.start.track, bytes};
        }
        EXPECT_TRUE(pipeline->feed(record, body));
    }
    const auto finished = pipeline->finish(end).value();
    body.insert(body.end(), finished.tail.begin(), finished.tail.end());
    testing::Rendered rendered;
    rendered.file = testing::assemble(std::move(body), pipeline->header_bytes(), finished.head);
    rendered.start = *pipeline->start();
    rendered.duration = finished.duration;
    rendered.tracks = pipeline->track_counters();
    return rendered;
}

/// Centre of the clap in `samples`, in seconds from their first one: the middle of the power at its
/// frequency, in windows of 2.5 ms.
double clap_centre(const std::vector<float>& samples, double rate_hz) {
    const auto half = static_cast<std::ptrdiff_t>(rate_hz / 800);
    std::vector<std::complex<double>> kernel;
    for (std::ptrdiff_t k = -half; k <= half; ++k) {
        const auto offset = static_cast<double>(k);
        const double window = 1 + std::cos(std::numbers::pi * offset / static_cast<double>(half));
        kernel.push_back(std::polar(window, 2 * std::numbers::pi * kClapHz * offset / rate_hz));
    }
    std::vector<double> power(samples.size());
    for (std::size_t i = 0; i + kernel.size() <= samples.size(); ++i) {
        double re = 0;
        double im = 0;
        for (std::size_t k = 0; k < kernel.size(); ++k) {
            re += double{samples[i + k]} * kernel[k].real();
            im += double{samples[i + k]} * kernel[k].imag();
        }
        power[i + static_cast<std::size_t>(half)] = re * re + im * im;
    }
    const double floor = *std::max_element(power.begin(), power.end()) / 4;
    double weight = 0;
    double centre = 0;
    for (std::size_t i = 0; i < power.size(); ++i) {
        const double above = std::max(power[i] - floor, 0.0);
        weight += above;
        centre += above * static_cast<double>(i);
    }
    return centre / weight / rate_hz;
}

/// Listens to one channel of the file: where its claps are, and how smooth it is elsewhere.
class Listener {
public:
    Listener(const Party& party, double file_start, double rate_hz) : rate_hz_(rate_hz) {
        for (const double clap : party.claps) {
            expected_.push_back(clap < 0 ? -1 : clap - file_start);
        }
        // Lost claps leave parts of themselves: those places are not looked at either.
        for (const std::int64_t start : party.clap_starts) {
            places_.push_back(
                party.sent(start + kClapCentre) + kPathDelay + kCodecDelay - file_start
            );
        }
    }

    void hear(float sample) {
        const double at = static_cast<double>(count_++) / rate_hz_;
        while (next_ < places_.size() && at > places_[next_] + kReach) settle();
        const bool near = next_ < places_.size() && at >= places_[next_] - kReach;
        if (near) around_.push_back(sample);
        const double step = std::abs(double{sample} - double{last_});
        if (!near && at > 1) largest_step_ = std::max(largest_step_, step);
        last_ = sample;
    }

    /// Of each clap that was not lost: how much later it is heard than it was; else empty.
    [[nodiscard]] const std::vector<std::optional<double>>& errors() const { return errors_; }
    [[nodiscard]] double largest_step() const { return largest_step_; }
    [[nodiscard]] std::int64_t count() const { return count_; }

private:
    static constexpr double kReach = 0.1;

    void settle() {
        const double begin = places_[next_] - kReach;
        if (expected_[next_] >= 0 && !around_.empty()) {
            const double first = std::ceil(begin * rate_hz_) / rate_hz_;
            errors_.emplace_back(first + clap_centre(around_, rate_hz_) - expected_[next_]);
        } else {
            errors_.emplace_back();
        }
        around_.clear();
        ++next_;
    }

    double rate_hz_;
    std::vector<double> expected_;
    std::vector<double> places_;
    std::vector<std::optional<double>> errors_;
    std::vector<float> around_;
    std::size_t next_ = 0;
    std::int64_t count_ = 0;
    float last_ = 0;
    double largest_step_ = 0;
};

void keep_two_drifting_speakers_together(double seconds, std::uint32_t rate_hz) {
    std::array<Party, 2> parties = {
        Party{testing::speaker(1), 100e-6, {}, {}}, Party{testing::speaker(2), -100e-6, {}, {}}};
    const Nanoseconds end = Nanoseconds(std::llround(seconds * 1e9)) + 500ms;
    const auto rendered = record(parties, seconds, end, rate_hz);
    // To the sample of the file's rate.
    EXPECT_NEAR(to_seconds(rendered.duration), to_seconds(end - rendered.start), 1.0 / rate_hz);

    const double start = to_seconds(rendered.start);
    std::array<Listener, 2> listeners = {
        Listener(parties[0], start, rate_hz), Listener(parties[1], start, rate_hz)};
    std::size_t channel = 0;
    testing::decode_in_pieces(rendered.file, 2, [&](std::span<const float> samples) {
        for (const float sample : samples) listeners[channel++ % 2].hear(sample);
    });
    // Decoders play the last AAC frame whole.
    EXPECT_NEAR(
        static_cast<double>(listeners[0].count()) / rate_hz,
        to_seconds(end) - start,
        1024.0 / rate_hz
    );

    double worst = 0;
    double worst_apart = 0;
    std::size_t measured = 0;
    const std::size_t claps = parties[0].claps.size();
    ASSERT_EQ(listeners[0].errors().size(), claps);
    ASSERT_EQ(listeners[1].errors().size(), claps);
    for (std::size_t i = 0; i < claps; ++i) {
        const auto left = listeners[0].errors()[i];
        const auto right = listeners[1].errors()[i];
        if (!left || !right) continue;
        ++measured;
        worst = std::max({worst, std::abs(*left), std::abs(*right)});
        worst_apart = std::max(worst_apart, std::abs(*left - *right));
        EXPECT_LT(std::abs(*left - *right), 0.010) << "clap " << i;
        EXPECT_LT(std::max(std::abs(*left), std::abs(*right)), 0.020) << "clap " << i;
    }
    EXPECT_GT(measured, claps / 4);
    // The tone's own steepest step, and what AAC and concealment of lost frames make of it.
    const double own = 2 * std::numbers::pi * kToneHz / rate_hz * kToneAmplitude;
    for (const Listener& listener : listeners) EXPECT_LT(listener.largest_step(), 3 * own);
    std::cout << measured << " of " << claps << " claps: at most " << worst * 1e3
              << " ms from where they were, " << worst_apart * 1e3 << " ms apart; largest step "
              << listeners[0].largest_step() / own << " and " << listeners[1].largest_step() / own
              << " of the tone's own\n";
    for (const auto& track : rendered.tracks) {
        std::cout << track.track_sid << ": lost " << track.lost << ", late " << track.late
                  << ", concealed " << track.concealed_samples << '\n';
        EXPECT_NEAR(
            static_cast<double>(track.lost), seconds * 50 * kLoss, seconds * 50 * kLoss / 5
        );
    }
}

TEST(Hour, BeginsWithTwoDriftingSpeakersTogether) {
    keep_two_drifting_speakers_together(60, 48'000);
}

/// At 16 kHz, since nearly all of its time is the AAC encoder's.
TEST(Hour, KeepsTwoDriftingSpeakersTogether) { keep_two_drifting_speakers_together(3600, 16'000); }

}  // namespace
}  // namespace aircheck::recorder
