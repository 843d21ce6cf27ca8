#pragma once

#include "core/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace aircheck::media {

/// Samples a second of the timeline; everything between decoders and encoders runs at this rate.
inline constexpr std::int64_t kTimelineRate = 48000;

/// `instant` as a position: samples at 48 kHz since `origin`, rounded down; negative before it.
[[nodiscard]] std::int64_t to_position(Instant instant, Instant origin);
/// The instant of a position: the reverse of to_position.
[[nodiscard]] Instant to_instant(std::int64_t position, Instant origin);

/// What a sender report says (RFC 3550 §6.4.1): this RTP timestamp is that time of the publisher's
/// own clock, which has nothing to do with ours or with another participant's.
struct SenderReport {
    std::uint64_t ntp = 0;            ///< 32.32 fixed point seconds, as on the wire.
    std::uint32_t rtp_timestamp = 0;  ///< As on the wire; unwrapped next to the latest packet's.
    Instant arrival;
};

/// A straight line from RTP timestamps to positions on the timeline.
struct TimelineMapping {
    std::int64_t rtp_anchor = 0;
    double position_anchor = 0;  ///< In samples.
    double rate = 1;             ///< Samples of the timeline per tick of the RTP clock.

    [[nodiscard]] double to_position(std::int64_t rtp_timestamp) const {
        return position_anchor + static_cast<double>(rtp_timestamp - rtp_anchor) * rate;
    }
    [[nodiscard]] double to_rtp(double position) const {
        return static_cast<double>(rtp_anchor) + (position - position_anchor) / rate;
    }
};

/// Maps one track's RTP time onto the timeline, from when its packets arrived.
///
/// A packet's delay over the path is never below the path's own, so the lowest (arrival - RTP time)
/// of the last ten seconds is the mapping: jitter, bursts and stalls only ever add to it. The slope
/// of that lower envelope over minutes is the drift of the publisher's sound card against our
/// clock, up to ±500 ppm. A lasting change of the path moves the mapping ten seconds later, without
/// touching the drift. Where the timestamps jump (a restarted stream), a new segment begins: each
/// segment has its own line.
///
/// Sender reports are kept apart: they tell how the tracks of one participant lie to each other
/// (`participant_offset`, `align`), never where on the timeline.
/// Pure function of what it was told; lives on the recording's thread; nothing can fail.
class Timeline {
public:
    enum class Arrival { Original, Retransmitted };

    Timeline(std::int64_t clock_rate_hz, Instant origin);

    /// Takes note of a packet and returns its segment. Retransmitted packets teach nothing, unless
    /// they come first.
    std::uint32_t observe(std::int64_t rtp_timestamp, Instant arrival, Arrival how);

    void report(const SenderReport& report);

    /// The line of `segment` as it is known now; needs has_mapping.
    [[nodiscard]] TimelineMapping mapping(std::uint32_t segment) const;
    /// False for segments long gone: only a stream of nonsense has so many.
    [[nodiscard]] bool has_mapping(std::uint32_t segment) const {
        return segment + kOldSegments >= segment_;
    }

    /// Position minus the publisher's NTP time, in samples: what tracks of one participant share.
    /// Empty before two sender reports that agree.
    [[nodiscard]] std::optional<double> participant_offset() const;
    /// Moves the line by `samples` beyond what arrivals say (of the current segment).
    void align(double samples) { alignment_ = samples; }
    [[nodiscard]] double alignment() const { return alignment_; }

    /// How much slower (positive) the publisher's clock runs than ours, as a fraction: 1e-4 = 100
    /// ppm.
    [[nodiscard]] double drift() const { return drift_; }
    /// Segments begun after the first one.
    [[nodiscard]] std::uint32_t resets() const { return segment_; }

private:
    /// The packet that came soonest among some: its RTP time and its (arrival - RTP time), seconds.
    struct Minimum {
        double x = 0;
        double d = 0;
        std::uint32_t packets = 0;
    };
    struct Report {
        double x = 0;
        double ntp = 0;  ///< Seconds.
    };

    [[nodiscard]] double seconds_of(std::int64_t rtp_timestamp) const;
    [[nodiscard]] double expected_arrival(double x) const;
    [[nodiscard]] bool is_jump(std::int64_t rtp_timestamp, double arrival) const;
    void begin_segment(std::int64_t rtp_timestamp, double arrival);
    void note(double x, double arrival);
    void close_block();
    void estimate_drift();
    void estimate_offset(double x);
    [[nodiscard]] TimelineMapping current() const;

    double clock_rate_;
    Instant origin_;
    std::uint32_t segment_ = 0;
    bool started_ = false;
    bool only_retransmitted_ = false;

    std::int64_t rtp_anchor_ = 0;  ///< Where x is 0.
    std::int64_t last_rtp_ = 0;
    double last_arrival_ = 0;
    double offset_ = 0;  ///< Height of the envelope at x = `offset_x_`, seconds.
    double offset_x_ = 0;
    double drift_ = 0;
    double drift_prior_ = 0;
    double alignment_ = 0;

    std::vector<Minimum> windows_;  ///< Of one second each, the last ten that had packets.
    std::int64_t window_index_ = 0;
    std::vector<Minimum> blocks_;  ///< Of five seconds each, the last five minutes.
    Minimum open_block_;
    std::int64_t block_index_ = 0;
    std::vector<Report> reports_;  ///< The last ones of this segment.

    static constexpr std::uint32_t kOldSegments = 8;
    std::array<TimelineMapping, kOldSegments> old_segments_{};
};

/// Brings the tracks of one participant in line with each other. `tracks` are all of that
/// participant; those without usable reports, or whose reports contradict their arrivals by more
/// than 100 ms, stay where arrivals put them.
void align_participant(std::span<Timeline* const> tracks);

}  // namespace aircheck::media
