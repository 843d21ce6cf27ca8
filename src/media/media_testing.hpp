#pragma once

#include "media/mixer.hpp"
#include "media/timeline.hpp"
#include "media/track_renderer.hpp"
#include "rtp/frame.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

/// Signals, a publisher with libopus, a lossy path and measurements, for the tests of this layer.
namespace aircheck::media::testing {

inline constexpr double kRate = 48000;
inline const Instant kOrigin = Instant(Nanoseconds(5'000'000'000'000));

inline Instant at_seconds(double seconds) {
    return kOrigin + Nanoseconds(static_cast<std::int64_t>(std::llround(seconds * 1e9)));
}
inline std::size_t samples_in(double seconds) {
    return static_cast<std::size_t>(std::llround(seconds * kRate));
}

inline std::vector<float> tone(double hz, double seconds, double amplitude = 0.5) {
    std::vector<float> out(samples_in(seconds));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / kRate;
        out[i] = static_cast<float>(amplitude * std::sin(angle));
    }
    return out;
}
inline std::vector<float> silence(double seconds) {
    return std::vector<float>(samples_in(seconds));
}
inline std::vector<float> noise(double seconds, double amplitude, unsigned seed = 1) {
    std::minstd_rand random(seed);
    std::uniform_real_distribution<double> value(-amplitude, amplitude);
    std::vector<float> out(samples_in(seconds));
    for (float& sample : out) sample = static_cast<float>(value(random));
    return out;
}
/// Silence with a clap (2 ms of decaying noise) at each of `seconds`.
inline std::vector<float> claps(std::span<const double> seconds, double length) {
    std::vector<float> out = silence(length);
    const std::vector<float> burst = noise(0.004, 0.9, 7);
    for (const double second : seconds) {
        const std::size_t at = samples_in(second);
        for (std::size_t i = 0; i < burst.size() && at + i < out.size(); ++i) {
            out[at + i] = burst[i] * std::exp(-static_cast<float>(i) / 60.0F);
        }
    }
    return out;
}
/// Voice as an encoder's detectors see it: a gliding pitch with harmonics, four syllables a second.
inline std::vector<float> voice(double seconds, double amplitude = 0.5) {
    std::vector<float> out = noise(seconds, 0.01, 11);
    double phase = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double t = static_cast<double>(i) / kRate;
        phase +=
            2 * std::numbers::pi * (140 + 40 * std::sin(2 * std::numbers::pi * 1.3 * t)) / kRate;
        const double syllable = std::pow(std::sin(2 * std::numbers::pi * 2 * t), 2);
        double sum = 0;
        for (int k = 1; k <= 20; ++k) sum += std::sin(k * phase) / k;
        out[i] += static_cast<float>(amplitude * syllable * sum / 2);
    }
    return out;
}
inline std::vector<float> operator+(std::vector<float> a, const std::vector<float>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

struct Encoding {
    std::size_t frame = 960;
    int channels = 1;
    int bitrate = 48000;
    int application = OPUS_APPLICATION_AUDIO;
    bool fec = false;
    bool dtx = false;
    bool wideband = false;  ///< Up to 16 kHz sampling: SILK, as for voice at low rates.
    std::int64_t first_sequence = 1000;
    std::int64_t first_timestamp = 123456;
};

/// What a publisher sends: arrivals are when it does, its first sample being captured at `start`
/// seconds. With DTX, as libwebrtc: the first empty packet, then one each 400 ms.
inline std::vector<rtp::EncodedFrame> publish(
    std::span<const float> pcm, double start, const Encoding& how = {}
) {
    int error = 0;
    OpusEncoder* encoder = opus_encoder_create(48000, how.channels, how.application, &error);
    if (encoder == nullptr) throw std::runtime_error("no opus encoder");
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(how.bitrate));
    opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(how.fec ? 1 : 0));
    opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(how.fec ? 20 : 0));
    opus_encoder_ctl(encoder, OPUS_SET_DTX(how.dtx ? 1 : 0));
    if (how.wideband) {
        opus_encoder_ctl(encoder, OPUS_SET_MAX_BANDWIDTH(OPUS_BANDWIDTH_WIDEBAND));
        opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    }
    const std::size_t size = how.frame * static_cast<std::size_t>(how.channels);
    std::vector<rtp::EncodedFrame> frames;
    std::int64_t sequence = how.first_sequence;
    std::size_t unsent = 0;
    bool quiet = false;
    for (std::size_t i = 0; (i + 1) * size <= pcm.size(); ++i) {
        std::vector<std::uint8_t> packet(4000);
        const int length = opus_encode_float(
            encoder, pcm.data() + i * size, static_cast<int>(how.frame), packet.data(), 4000
        );
        packet.resize(static_cast<std::size_t>(std::max(length, 1)));
        const bool empty = packet.size() <= 2;
        if (how.dtx && empty && quiet && ++unsent < 20) continue;
        quiet = empty;
        unsent = 0;
        rtp::EncodedFrame frame;
        frame.sequence = sequence++;
        frame.rtp_timestamp = how.first_timestamp + static_cast<std::int64_t>(i * how.frame);
        frame.payload_type = 111;
        frame.arrival = at_seconds(start + static_cast<double>((i + 1) * how.frame) / kRate);
        frame.payload = std::move(packet);
        frames.push_back(std::move(frame));
    }
    opus_encoder_destroy(encoder);
    return frames;
}

/// A path with loss and random delay; what is lost is told to the next frame, as a jitter buffer
/// does.
struct Path {
    double delay = 0.02;
    double uniform_jitter = 0;
    double exponential_jitter = 0;
    double loss = 0;
    unsigned seed = 1;

    [[nodiscard]] std::vector<rtp::EncodedFrame> carry(std::vector<rtp::EncodedFrame> sent) const {
        std::mt19937 random(seed);
        std::uniform_real_distribution<double> unit(0, 1);
        std::exponential_distribution<double> tail(1);
        std::vector<rtp::EncodedFrame> arrived;
        std::uint32_t lost = 0;
        for (rtp::EncodedFrame& frame : sent) {
            const double extra = uniform_jitter * unit(random) + exponential_jitter * tail(random);
            if (unit(random) < loss) {
                ++lost;
                continue;
            }
            frame.arrival += Nanoseconds(static_cast<std::int64_t>((delay + extra) * 1e9));
            frame.lost_before = lost;
            lost = 0;
            arrived.push_back(std::move(frame));
        }
        return arrived;
    }
};

/// Removes frames whose index `is_lost` names.
inline std::vector<rtp::EncodedFrame> lose(
    std::vector<rtp::EncodedFrame> frames, const std::function<bool(std::size_t)>& is_lost
) {
    std::vector<rtp::EncodedFrame> left;
    std::uint32_t lost = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (is_lost(i)) {
            ++lost;
            continue;
        }
        frames[i].lost_before += lost;
        lost = 0;
        left.push_back(std::move(frames[i]));
    }
    return left;
}

/// Feeds frames to a track as the recorder does: each 100 ms what has arrived, one second ahead of
/// what is rendered.
class Player {
public:
    Player(TrackRenderer& track, std::vector<rtp::EncodedFrame> frames)
        : track_(track), frames_(std::move(frames)) {}

    /// Pushes what arrived before `now`, in order: a frame waits for those before it.
    void feed(Instant now) {
        while (next_ < frames_.size() && frames_[next_].arrival <= now) {
            track_.push(frames_[next_++]);
        }
    }

private:
    TrackRenderer& track_;
    std::vector<rtp::EncodedFrame> frames_;
    std::size_t next_ = 0;
};

inline constexpr double kBehind = 1.0;
inline constexpr std::size_t kTick = 4800;

/// Positions [0, seconds) of one track, interleaved.
inline std::vector<float> play(
    TrackRenderer& track,
    std::vector<rtp::EncodedFrame> frames,
    double seconds,
    const std::function<void(double)>& at_tick = {}
) {
    Player player(track, std::move(frames));
    std::vector<float> out(samples_in(seconds) * track.channels());
    for (std::size_t at = 0; at < out.size() / track.channels(); at += kTick) {
        const double now = static_cast<double>(at + kTick) / kRate + kBehind;
        player.feed(at_seconds(now));
        if (at_tick) at_tick(now);
        const auto samples = track.render(static_cast<std::int64_t>(at), kTick);
        const std::size_t room = out.size() - at * track.channels();
        std::copy_n(
            samples.begin(),
            std::min(samples.size(), room),
            out.begin() + static_cast<std::ptrdiff_t>(at * track.channels())
        );
    }
    return out;
}

inline std::unique_ptr<TrackRenderer> make_track(std::uint16_t channels = 1) {
    return TrackRenderer::create({.origin = kOrigin, .channels = channels}).value();
}

// Measurements.

inline double rms(std::span<const float> samples) {
    double sum = 0;
    for (const float sample : samples) sum += double{sample} * double{sample};
    return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}
inline std::span<const float> between(std::span<const float> all, double from, double to) {
    const std::size_t first = samples_in(from);
    return all.subspan(first, std::min(samples_in(to), all.size()) - first);
}
inline double largest_step(std::span<const float> samples) {
    double largest = 0;
    for (std::size_t i = 1; i < samples.size(); ++i) {
        largest = std::max(largest, std::abs(double{samples[i]} - double{samples[i - 1]}));
    }
    return largest;
}
/// Amplitude of the sine at `hz` (Goertzel's sum, whole signal).
inline double amplitude_at(std::span<const float> samples, double hz) {
    double re = 0;
    double im = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / kRate;
        re += double{samples[i]} * std::cos(angle);
        im += double{samples[i]} * std::sin(angle);
    }
    return 2 * std::hypot(re, im) / static_cast<double>(samples.size());
}
/// Seconds between the first and the last 5 ms piece louder than `level` (RMS).
struct Extent {
    double start = -1;
    double end = -1;
    [[nodiscard]] double length() const { return end - start; }
};
inline Extent audible_extent(std::span<const float> samples, double level = 0.02) {
    constexpr std::size_t kPiece = 240;
    Extent extent;
    for (std::size_t i = 0; i + kPiece <= samples.size(); i += kPiece) {
        if (rms(samples.subspan(i, kPiece)) < level) continue;
        if (extent.start < 0) extent.start = static_cast<double>(i) / kRate;
        extent.end = static_cast<double>(i + kPiece) / kRate;
    }
    return extent;
}
/// Position in seconds of the loudest sample.
inline double peak_at(std::span<const float> samples) {
    const auto loudest = std::max_element(samples.begin(), samples.end(), [](float a, float b) {
        return std::abs(a) < std::abs(b);
    });
    return static_cast<double>(loudest - samples.begin()) / kRate;
}
/// How many samples `b` is behind `a`, by the peak of their cross-correlation within ±`reach`, and
/// how alike they are then (1: but for the level).
struct Lag {
    std::ptrdiff_t samples = 0;
    double likeness = 0;
};
inline Lag lag_of(std::span<const float> a, std::span<const float> b, std::ptrdiff_t reach) {
    Lag best;
    const auto size = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
    for (std::ptrdiff_t shift = -reach; shift <= reach; ++shift) {
        double sum = 0;
        double energy = 1e-9;
        for (std::ptrdiff_t i = reach; i < size - reach; ++i) {
            const double x = double{a[static_cast<std::size_t>(i)]};
            const double y = double{b[static_cast<std::size_t>(i + shift)]};
            sum += x * y;
            energy += (x * x + y * y) / 2;
        }
        if (sum / energy > best.likeness) best = {shift, sum / energy};
    }
    return best;
}

}  // namespace aircheck::media::testing
