#include "media/timeline.hpp"

#include <algorithm>
#include <cmath>

namespace aircheck::media {
namespace {

constexpr double kWindow = 1;                  // seconds
constexpr std::size_t kWindows = 10;           // what a lasting change of the path waits for
constexpr double kBlock = 5;                   // seconds
constexpr std::size_t kBlocks = 60;            // five minutes
constexpr std::uint32_t kMinBlockPackets = 3;  // fewer say little about the path's floor
constexpr double kMaxDrift = 600e-6;
// How fast an old minimum loses its say: drift that is not known yet, after a long hole.
constexpr double kStaleness = 50e-6;
// A change of the path's floor between blocks beyond drift: taken out before the slope is fitted.
constexpr double kStep = 6e-3;
constexpr double kStepPerSecond = 300e-6;
// Ridge of the slope's fit: (1 ms of noise / 100 ppm expected)², in s².
constexpr double kRidge = 100;
// Timestamps that run ahead of real time by this much, or fall behind by this much, have jumped.
constexpr double kMaxForward = 1;
constexpr double kMaxEarly = 0.5;
constexpr double kMaxBackward = 0.2;
constexpr double kMaxLate = 5;

constexpr std::size_t kReports = 9;
constexpr double kMaxReportSpread = 0.05;  // seconds
constexpr double kMaxAlignment = 0.1;      // seconds

constexpr double kRate = static_cast<double>(kTimelineRate);
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

double seconds_since(Instant origin, Instant instant) { return to_seconds(instant - origin); }

}  // namespace

std::int64_t to_position(Instant instant, Instant origin) {
    // In two steps: nanoseconds × 48 000 would overflow after two days.
    const std::int64_t nanoseconds = (instant - origin).count();
    std::int64_t seconds = nanoseconds / kNanosecondsPerSecond;
    std::int64_t rest = nanoseconds % kNanosecondsPerSecond;
    if (rest < 0) {
        rest += kNanosecondsPerSecond;
        --seconds;
    }
    return seconds * kTimelineRate + rest * kTimelineRate / kNanosecondsPerSecond;
}

Instant to_instant(std::int64_t position, Instant origin) {
    std::int64_t seconds = position / kTimelineRate;
    std::int64_t rest = position % kTimelineRate;
    if (rest < 0) {
        rest += kTimelineRate;
        --seconds;
    }
    // Rounded up, so that to_position gives `position` back.
    const std::int64_t nanoseconds =
        (rest * kNanosecondsPerSecond + kTimelineRate - 1) / kTimelineRate;
    return origin + Nanoseconds(seconds * kNanosecondsPerSecond + nanoseconds);
}

Timeline::Timeline(std::int64_t clock_rate_hz, Instant origin)
    : clock_rate_(static_cast<double>(clock_rate_hz)), origin_(origin) {
    windows_.reserve(kWindows + 1);
    blocks_.reserve(kBlocks + 1);
    reports_.reserve(kReports + 1);
}

double Timeline::seconds_of(std::int64_t rtp_timestamp) const {
    return static_cast<double>(rtp_timestamp - rtp_anchor_) / clock_rate_;
}

double Timeline::expected_arrival(double x) const { return x + offset_ + drift_ * (x - offset_x_); }

std::uint32_t Timeline::observe(std::int64_t rtp_timestamp, Instant arrival, Arrival how) {
    const double at = seconds_since(origin_, arrival);
    if (!started_) {
        started_ = true;
        begin_segment(rtp_timestamp, at);
        only_retransmitted_ = how == Arrival::Retransmitted;
        return segment_;
    }
    if (is_jump(rtp_timestamp, at)) {
        old_segments_[segment_ % kOldSegments] = current();
        ++segment_;
        begin_segment(rtp_timestamp, at);
        only_retransmitted_ = how == Arrival::Retransmitted;
        return segment_;
    }
    last_rtp_ = rtp_timestamp;
    last_arrival_ = at;
    if (how == Arrival::Retransmitted) return segment_;
    if (only_retransmitted_) {
        only_retransmitted_ = false;
        windows_.clear();
        open_block_ = {};
    }
    note(seconds_of(rtp_timestamp), at);
    return segment_;
}

bool Timeline::is_jump(std::int64_t rtp_timestamp, double arrival) const {
    const double step = static_cast<double>(rtp_timestamp - last_rtp_) / clock_rate_;
    const double late = arrival - expected_arrival(seconds_of(rtp_timestamp));
    // A burst after a stall brings packets sooner and sooner, but each is one step ahead of the
    // last.
    const bool forward = step - (arrival - last_arrival_) > kMaxForward && late < -kMaxEarly;
    return forward || step < -kMaxBackward || late > kMaxLate;
}

void Timeline::begin_segment(std::int64_t rtp_timestamp, double arrival) {
    rtp_anchor_ = last_rtp_ = rtp_timestamp;
    last_arrival_ = arrival;
    drift_prior_ = drift_;  // the same sound card, most likely
    windows_.clear();
    blocks_.clear();
    reports_.clear();
    open_block_ = {};
    window_index_ = block_index_ = 0;
    note(0, arrival);
}

void Timeline::note(double x, double arrival) {
    const Minimum sample{.x = x, .d = arrival - x, .packets = 1};
    const auto window = static_cast<std::int64_t>(std::floor(x / kWindow));
    if (windows_.empty() || window > window_index_) {
        if (windows_.size() == kWindows) windows_.erase(windows_.begin());
        windows_.push_back(sample);
        window_index_ = window;
    } else if (sample.d <= windows_.back().d + kStaleness * (x - windows_.back().x)) {
        windows_.back() = sample;
    }

    const auto block = static_cast<std::int64_t>(std::floor(x / kBlock));
    if (block > block_index_) {
        close_block();
        block_index_ = block;
    }
    const std::uint32_t packets = open_block_.packets + 1;
    if (packets == 1 || sample.d < open_block_.d) open_block_ = sample;
    open_block_.packets = packets;

    estimate_offset(x);
}

void Timeline::close_block() {
    const Minimum block = open_block_;
    open_block_ = {};
    if (block.packets < kMinBlockPackets) return;
    if (!blocks_.empty()) {
        const Minimum& last = blocks_.back();
        const double elapsed = block.x - last.x;
        const double step = block.d - last.d - drift_ * elapsed;
        if (std::abs(step) > kStep + kStepPerSecond * elapsed) {
            // The path has changed, not the clock: lay the past on the new floor.
            for (Minimum& old : blocks_) old.d += step;
        }
        if (blocks_.size() == kBlocks) blocks_.erase(blocks_.begin());
    }
    blocks_.push_back(block);
    estimate_drift();
}

void Timeline::estimate_drift() {
    constexpr double kFullWeight = 50;  // packets: one second's worth
    const auto weight = [](const Minimum& block) {
        return std::min(1.0, block.packets / kFullWeight);
    };
    double total = 0;
    double mean_x = 0;
    double mean_d = 0;
    for (const Minimum& block : blocks_) {
        total += weight(block);
        mean_x += weight(block) * block.x;
        mean_d += weight(block) * (block.d - drift_prior_ * block.x);
    }
    mean_x /= total;
    mean_d /= total;
    double covariance = 0;
    double variance = 0;
    for (const Minimum& block : blocks_) {
        const double dx = block.x - mean_x;
        covariance += weight(block) * dx * (block.d - drift_prior_ * block.x - mean_d);
        variance += weight(block) * dx * dx;
    }
    drift_ = std::clamp(drift_prior_ + covariance / (variance + kRidge), -kMaxDrift, kMaxDrift);
}

void Timeline::estimate_offset(double x) {
    double lowest = 0;
    bool first = true;
    for (const Minimum& window : windows_) {
        const double age = x - window.x;
        const double d = window.d + drift_ * age + kStaleness * std::max(age, 0.0);
        if (first || d < lowest) lowest = d;
        first = false;
    }
    offset_ = lowest;
    offset_x_ = x;
}

TimelineMapping Timeline::current() const {
    TimelineMapping line;
    // The anchor moves with the estimate: differences stay small however long the call is.
    line.rtp_anchor = rtp_anchor_ + std::llround(offset_x_ * clock_rate_);
    line.rate = (1 + drift_) * kRate / clock_rate_;
    line.position_anchor = (offset_ + seconds_of(line.rtp_anchor)) * kRate + alignment_;
    return line;
}

TimelineMapping Timeline::mapping(std::uint32_t segment) const {
    return segment >= segment_ ? current() : old_segments_[segment % kOldSegments];
}

void Timeline::report(const SenderReport& report) {
    if (!started_ || report.ntp == 0) return;  // 0: no clock to tell (RFC 3550 §6.4.1)
    const auto ahead =
        static_cast<std::int32_t>(report.rtp_timestamp - static_cast<std::uint32_t>(last_rtp_));
    constexpr double kNtpUnit = 1.0 / 4294967296.0;
    const Report entry{
        .x = seconds_of(last_rtp_ + ahead), .ntp = static_cast<double>(report.ntp) * kNtpUnit};
    // One that lies far from what arrives now is about another stream (before or after a restart).
    const double late = seconds_since(origin_, report.arrival) - expected_arrival(entry.x);
    if (std::abs(late) > kMaxLate) return;
    if (reports_.size() == kReports) reports_.erase(reports_.begin());
    reports_.push_back(entry);
}

std::optional<double> Timeline::participant_offset() const {
    if (reports_.size() < 2) return std::nullopt;
    std::array<double, kReports> offsets{};
    std::size_t count = 0;
    for (const Report& report : reports_) {
        offsets[count++] = expected_arrival(report.x) - report.ntp;
    }
    const auto end = offsets.begin() + static_cast<std::ptrdiff_t>(count);
    std::sort(offsets.begin(), end);
    if (offsets[count - 1] - offsets[0] > kMaxReportSpread) return std::nullopt;
    return offsets[count / 2] * kRate;
}

void align_participant(std::span<Timeline* const> tracks) {
    std::optional<double> earliest;
    std::size_t known = 0;
    for (const Timeline* track : tracks) {
        const auto offset = track->participant_offset();
        if (!offset) continue;
        ++known;
        if (!earliest || *offset < *earliest) earliest = offset;
    }
    if (known < 2) return;
    for (Timeline* track : tracks) {
        const auto offset = track->participant_offset();
        if (!offset) continue;
        // What a path and a jitter of its own can add. More than that is a report that lies.
        const double correction = *earliest - *offset;
        track->align(std::abs(correction) <= kMaxAlignment * kRate ? correction : 0);
    }
}

}  // namespace aircheck::media
