#include "media/track_renderer.hpp"

#include "media/activity.hpp"
#include "media/resampler.hpp"
#include "media/track_source.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace aircheck::media {
namespace {

constexpr std::int64_t kGrid = 4800;        // steering is decided every 100 ms of the timeline
constexpr std::int64_t kSkewPart = 1200;    // 1/1200: ±833 ppm, not to be heard
constexpr double kSkewGain = 1.0 / 8;       // of the error, in one step of the grid
constexpr std::int64_t kHurried = 2880;     // 60 ms: more than that is taken out faster
constexpr std::int64_t kHurriedPart = 100;  // 1/100: a sixth of a semitone, hardly to be heard
constexpr std::int64_t kQuietJump = 240;    // 5 ms: corrected at once where nothing is heard
constexpr float kQuiet = 1e-3F;             // -60 dBFS
constexpr std::int64_t kFadeIn = 120;
constexpr std::int64_t kCrossfade = 240;
// Sound that lies too late by more than this is somewhere else: its frames are dropped up to there.
constexpr std::int64_t kMaxSkip = kTimelineRate;
// Sound that lies too early by more than this might come after its place was rendered.
constexpr std::int64_t kMaxEarly = 14400;  // 300 ms

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// How a stretch of the timeline reads a run: `length` positions from `length + skew` samples.
struct Plan {
    std::int64_t position = 0;
    std::int64_t length = 0;
    std::int64_t skew = 0;

    [[nodiscard]] std::int64_t end() const { return position + length; }
};

}  // namespace

struct TrackRenderer::Impl {
    Impl(const Settings& settings, std::unique_ptr<AudioDecoder> opus)
        : channels(settings.channels),
          timeline(kTimelineRate, settings.origin),
          source(std::move(opus), settings.channels, settings.max_queued, counters),
          activity(settings.channels) {}

    bool begin_run(std::int64_t from, std::int64_t until);
    void render_piece(std::int64_t from, std::int64_t count, float* out);
    std::int64_t play(std::int64_t from, std::int64_t count, float* out);
    void make_plan(std::int64_t from);
    void jump(std::int64_t from, std::int64_t error);
    std::int64_t quiet_part_of(std::int64_t error);
    void add_tail(std::int64_t from, std::int64_t count, float* out);
    void skip_to(std::int64_t from);

    std::int64_t channels;
    Counters counters;
    Timeline timeline;
    TrackSource source;
    Activity activity;
    OnRendered listener;
    std::vector<float> out;

    bool started = false;
    std::int64_t position = 0;       // everything before it was rendered
    std::int64_t skipped_until = 0;  // frames before it were skipped over, not late
    std::int64_t cursor = 0;         // the run's sample that belongs at the plan's start
    std::int64_t resume_at = 0;      // the run is silent before this position
    std::int64_t fade_in_at = 0;
    Plan plan;
    std::vector<float> tail;  // what a jump cut off, fading out
    std::int64_t tail_at = 0;
};

bool TrackRenderer::Impl::begin_run(std::int64_t from, std::int64_t until) {
    while (const auto next = source.next()) {
        if (!timeline.has_mapping(next->segment)) {
            ++counters.dropped;
            source.drop_next();
            continue;
        }
        const TimelineMapping line = timeline.mapping(next->segment);
        const auto start =
            static_cast<std::int64_t>(std::ceil(line.to_position(next->rtp_timestamp)));
        if (start + next->samples <= from) {
            ++(start + next->samples <= skipped_until ? counters.dropped : counters.late);
            source.drop_next();
            continue;
        }
        if (start >= until) return false;
        source.open_run();
        cursor = std::max<std::int64_t>(from - start, 0);
        resume_at = fade_in_at = std::max(start, from);
        plan = {};
        return true;
    }
    return false;
}

void TrackRenderer::Impl::render_piece(std::int64_t from, std::int64_t count, float* samples) {
    const std::int64_t until = from + count;
    std::int64_t at = from;
    while (at < until) {
        if (!source.is_open() && !begin_run(at, until)) break;
        if (resume_at > at) {
            at = std::min(resume_at, until);
            continue;
        }
        if (plan.length == 0 || at >= plan.end()) {
            make_plan(at);
            continue;  // it may have jumped
        }
        at += play(at, std::min(until, plan.end()) - at, samples + (at - from) * channels);
    }
    add_tail(from, count, samples);
}

void TrackRenderer::Impl::make_plan(std::int64_t from) {
    if (!timeline.has_mapping(source.segment())) return source.close_run();
    const TimelineMapping line = timeline.mapping(source.segment());
    const auto start = static_cast<double>(source.rtp_of_start());
    const double wanted = line.to_rtp(static_cast<double>(from)) - start;
    const std::int64_t error = std::llround(wanted) - cursor;
    const std::int64_t size = std::abs(error);
    if (error > kMaxSkip || error < -kMaxEarly) return jump(from, error);
    if (size > kQuietJump) {
        if (const std::int64_t quiet = quiet_part_of(error); quiet != 0) return jump(from, quiet);
    }

    const std::int64_t boundary = (floor_div(from, kGrid) + 1) * kGrid;
    plan = {.position = from, .length = boundary - from};
    if (plan.length < kGrid) return;
    const double wanted_at_end = line.to_rtp(static_cast<double>(boundary)) - start;
    const double left = wanted_at_end - static_cast<double>(cursor + kGrid);
    const std::int64_t part = size > kHurried ? kHurriedPart : kSkewPart;
    const std::int64_t most = kGrid / part;
    plan.skew = std::clamp<std::int64_t>(std::llround(left * kSkewGain), -most, most);
    // As short as it may be: what is not resampled costs nothing and stays the decoder's own.
    if (plan.skew != 0) plan.length = std::abs(plan.skew) * part;
}

/// What of `error` can be taken out here without anybody hearing it: none (0), or at least
/// kQuietJump of it. Sound that lies too late is brought forward by leaving silence out, no more
/// than there is; sound that lies too early is held back by as much as it takes.
std::int64_t TrackRenderer::Impl::quiet_part_of(std::int64_t error) {
    const std::int64_t until = cursor + std::max<std::int64_t>(error, 0) + kCrossfade;
    source.fill(until);
    const auto samples = source.samples_from(cursor);
    const auto most =
        std::min(samples.size(), static_cast<std::size_t>((until - cursor) * channels));
    const auto loud = std::find_if(
        samples.begin(),
        samples.begin() + static_cast<std::ptrdiff_t>(most),
        [](float sample) { return std::abs(sample) >= kQuiet; }
    );
    const std::int64_t quiet = (loud - samples.begin()) / channels;
    if (error < 0) return quiet >= kCrossfade ? error : 0;
    const bool all = loud - samples.begin() == static_cast<std::ptrdiff_t>(most);
    if (all) return error;
    return quiet >= kCrossfade + kQuietJump ? std::min(error, quiet - kCrossfade) : 0;
}

void TrackRenderer::Impl::jump(std::int64_t from, std::int64_t error) {
    ++counters.jumps;
    source.fill(cursor + kCrossfade);
    const auto samples = source.samples_from(cursor);
    const auto count = std::min(samples.size(), static_cast<std::size_t>(kCrossfade * channels));
    tail.assign(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(count));
    tail_at = from;
    for (std::size_t i = 0; i < tail.size(); ++i) {
        const auto step = static_cast<float>(i / static_cast<std::size_t>(channels));
        tail[i] *= 1 - (step + 1) / static_cast<float>(kCrossfade + 1);
    }
    plan = {};
    if (std::abs(error) > kMaxSkip) {
        // Not a correction but another place: begin_run drops what lies before, or waits.
        if (error > 0) skipped_until = from;
        return source.close_run();
    }
    if (error > 0) {
        source.fill(cursor + error);
        cursor = std::min(cursor + error, source.end_index());
        if (source.is_complete() && cursor >= source.end_index()) return source.close_run();
    }
    resume_at = fade_in_at = from + std::max<std::int64_t>(-error, 0);
}

std::int64_t TrackRenderer::Impl::play(std::int64_t from, std::int64_t count, float* samples) {
    constexpr auto kOne = std::int64_t{1} << Interpolator::kFractionBits;
    constexpr auto kBefore = static_cast<std::int64_t>(Interpolator::kBefore);
    const std::int64_t offset = from - plan.position;
    const std::int64_t skewed = offset * plan.skew;
    const std::int64_t whole = floor_div(skewed, plan.length);
    const std::int64_t first = cursor + offset + whole;
    std::int64_t ready = count;
    if (plan.skew == 0) {
        source.fill(first + count);
        ready = std::clamp<std::int64_t>(source.end_index() - first, 0, count);
        std::copy_n(source.samples_from(first).begin(), ready * channels, samples);
    } else {
        // One more than `count` and its share of the skew: for what was begun before.
        const std::int64_t last = first + count + count * std::abs(plan.skew) / plan.length + 1;
        source.fill(last + static_cast<std::int64_t>(Interpolator::kAfter) + 1);
        const auto fraction = (skewed - whole * plan.length) * kOne / plan.length;
        const auto step = kOne + floor_div(plan.skew * kOne, plan.length);
        const std::int64_t left = (source.end_index() - first) * kOne - fraction;
        ready = std::clamp<std::int64_t>((left + step - 1) / step, 0, count);
        Interpolator::read(
            source.samples_from(first - kBefore),
            static_cast<std::size_t>(channels),
            kBefore * kOne + fraction,
            step,
            std::span(samples, static_cast<std::size_t>(ready * channels))
        );
    }
    for (std::int64_t i = 0; i < ready && from + i < fade_in_at + kFadeIn; ++i) {
        const float gain =
            static_cast<float>(from + i - fade_in_at + 1) / static_cast<float>(kFadeIn + 1);
        for (std::int64_t c = 0; c < channels; ++c) samples[i * channels + c] *= gain;
    }
    if (ready < count) {  // only a complete run gives less than asked
        source.close_run();
        plan = {};
    } else {
        source.trim(first);
        if (from + count == plan.end()) cursor += plan.length + plan.skew;
    }
    return ready;
}

void TrackRenderer::Impl::add_tail(std::int64_t from, std::int64_t count, float* samples) {
    if (tail.empty()) return;
    const auto size = static_cast<std::int64_t>(tail.size()) / channels;
    const std::int64_t first = std::max(from, tail_at);
    const std::int64_t last = std::min(from + count, tail_at + size);
    for (std::int64_t i = first * channels; i < last * channels; ++i) {
        samples[i - from * channels] += tail[static_cast<std::size_t>(i - tail_at * channels)];
    }
    if (from + count >= tail_at + size) tail.clear();
}

void TrackRenderer::Impl::skip_to(std::int64_t from) {
    if (source.is_open()) source.close_run();
    tail.clear();
    plan = {};
    position = skipped_until = from;
}

Result<std::unique_ptr<TrackRenderer>> TrackRenderer::create(const Settings& settings) {
    AC_TRY(auto opus, AudioDecoder::create(TrackCodec::Opus, settings.channels));
    return std::unique_ptr<TrackRenderer>(
        new TrackRenderer(std::make_unique<Impl>(settings, std::move(opus)))
    );
}

TrackRenderer::TrackRenderer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TrackRenderer::~TrackRenderer() = default;

void TrackRenderer::push(rtp::EncodedFrame frame, TrackCodec codec) {
    const auto how =
        frame.retransmitted ? Timeline::Arrival::Retransmitted : Timeline::Arrival::Original;
    const std::uint32_t segment = impl_->timeline.observe(frame.rtp_timestamp, frame.arrival, how);
    ++impl_->counters.frames;
    impl_->counters.resets = impl_->timeline.resets();
    impl_->source.push(std::move(frame), codec, segment);
}

void TrackRenderer::report(const SenderReport& report) { impl_->timeline.report(report); }
void TrackRenderer::set_muted(Muted muted) { impl_->source.set_muted(muted); }
void TrackRenderer::end() { impl_->source.end(); }
bool TrackRenderer::is_finished() const {
    return impl_->source.is_exhausted() && impl_->tail.empty();
}
std::uint16_t TrackRenderer::channels() const {
    return static_cast<std::uint16_t>(impl_->channels);
}
const TrackRenderer::Counters& TrackRenderer::counters() const { return impl_->counters; }
Timeline& TrackRenderer::timeline() { return impl_->timeline; }
const Timeline& TrackRenderer::timeline() const { return impl_->timeline; }

std::span<const float> TrackRenderer::render(std::int64_t from, std::size_t count) {
    Impl& self = *impl_;
    if (!self.started) self.position = from;
    self.started = true;
    if (from < self.position) return {};
    if (from > self.position) self.skip_to(from);
    const std::int64_t until = from + static_cast<std::int64_t>(count);
    self.position = until;
    if (!self.source.is_open() && self.tail.empty() && !self.begin_run(from, until)) return {};

    self.out.assign(count * static_cast<std::size_t>(self.channels), 0.0F);
    for (std::int64_t at = from; at < until;) {
        const std::int64_t end = std::min(until, (floor_div(at, kGrid) + 1) * kGrid);
        self.render_piece(at, end - at, self.out.data() + (at - from) * self.channels);
        at = end;
    }
    self.counters.audible_samples += self.activity.note(from, self.out);
    if (self.listener) self.listener(from, self.out);
    return self.out;
}

void TrackRenderer::on_rendered(OnRendered listener) { impl_->listener = std::move(listener); }

}  // namespace aircheck::media
