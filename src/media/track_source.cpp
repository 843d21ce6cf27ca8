#include "media/track_source.hpp"

#include "media/resampler.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace aircheck::media {
namespace {

constexpr std::int64_t kMaxConcealment = 5760;  // 120 ms: beyond it concealment is only noise
constexpr std::int64_t kMaxComfortNoise = 48000;
constexpr std::int64_t kChunk = 960;
// Timestamps off by less are a rebase on the way, not a hole.
constexpr std::int64_t kTinyGap = 120;
constexpr float kQuiet = 0.02F;         // -34 dBFS: a room's noise is below
constexpr std::int64_t kFadeOut = 480;  // 10 ms
constexpr std::int64_t kMargin = 32;    // kept before and after a run's ends for interpolation

}  // namespace

TrackSource::TrackSource(
    std::unique_ptr<AudioDecoder> opus,
    std::uint16_t channels,
    std::size_t max_queued,
    TrackRenderer::Counters& counters
)
    : opus_(std::move(opus)),
      decoder_(opus_.get()),
      channels_(channels),
      max_queued_(std::max<std::size_t>(max_queued, 1)),
      counters_(counters) {}

void TrackSource::push(rtp::EncodedFrame frame, TrackCodec codec, std::uint32_t segment) {
    if (queue_.size() >= max_queued_) {
        ++counters_.dropped;
        pop_front_as_lost();
    }
    frame.lost_before += std::exchange(lost_pending_, 0);
    queue_.push_back({std::move(frame), codec, segment});
}

void TrackSource::pop_front_as_lost() {
    const std::uint32_t lost = queue_.front().frame.lost_before + 1;
    queue_.pop_front();
    (queue_.empty() ? lost_pending_ : queue_.front().frame.lost_before) += lost;
}

std::optional<TrackSource::Next> TrackSource::next() {
    while (!queue_.empty()) {
        const Queued& front = queue_.front();
        const std::size_t samples = front_samples();
        if (samples > 0) {
            return Next{
                .rtp_timestamp = front.frame.rtp_timestamp,
                .segment = front.segment,
                .samples = static_cast<std::int64_t>(samples)};
        }
        ++counters_.bad;
        pop_front_as_lost();
    }
    return std::nullopt;
}

void TrackSource::drop_next() { pop_front_as_lost(); }

void TrackSource::open_run() {
    const Queued& front = queue_.front();
    use_decoder_for(front.codec);
    open_ = true;
    complete_ = provisional_ = false;
    segment_ = front.segment;
    rtp_of_start_ = front.frame.rtp_timestamp;
    filled_in_ = 0;
    overlap_.clear();
    samples_.assign(static_cast<std::size_t>(kMargin * channels_), 0.0F);
    first_ = -kMargin;
    end_ = 0;
}

void TrackSource::use_decoder_for(TrackCodec codec) {
    if (codec != codec_) {
        codec_ = codec;
        last_was_dtx_ = false;
        if (codec == TrackCodec::Opus) {
            decoder_ = opus_.get();
        } else {
            // Refuses wrong channels only; these did for Opus.
            g711_ = *AudioDecoder::create(codec, static_cast<std::uint16_t>(channels_));
            decoder_ = g711_.get();
        }
    }
    decoder_->begin_run();
}

std::size_t TrackSource::front_samples() const {
    const Queued& front = queue_.front();
    return packet_samples(front.codec, front.frame.payload);
}

void TrackSource::close_run() {
    open_ = false;
    samples_.clear();
}

void TrackSource::fill(std::int64_t index) {
    while (open_ && !complete_ && end_ < index) step();
}

void TrackSource::step() {
    if (queue_.empty()) return fill_starved();
    const Queued& front = queue_.front();
    if (front.segment != segment_ || front.codec != codec_) return complete_run();
    const std::int64_t gap = front.frame.rtp_timestamp - (rtp_of_start_ + end_);
    if (gap > kTinyGap) return bridge(gap);
    if (gap < 0 && provisional_) return replace_provisional(-gap);
    rtp_of_start_ += gap;
    decode_front();
}

void TrackSource::bridge(std::int64_t gap) {
    const rtp::EncodedFrame& front = queue_.front().frame;
    const Filler filler = filler_before(front);
    const std::int64_t limit = bridge_limit(front, filler, gap);
    const std::int64_t left = limit - filled_in_;
    if (left <= 0) return complete_run();
    if (filler == Filler::ComfortNoise) return fill_in(std::min({gap, left, kChunk}), filler);

    const auto recoverable = static_cast<std::int64_t>(decoder_->fec_samples(front.payload));
    if (recoverable > 0 && recoverable <= gap && gap <= left) {
        if (recoverable < gap) {
            return fill_in(std::min(gap - recoverable, kChunk), Filler::Concealment);
        }
        const std::int64_t before = end_;
        decoder_->decode_fec(front.payload, static_cast<std::size_t>(recoverable), samples_);
        update_end();
        if (end_ > before) {
            counters_.fec_samples += static_cast<std::uint64_t>(end_ - before);
            filled_in_ += end_ - before;
            last_filler_ = Filler::Concealment;
            return blend_overlap(before);
        }
    }
    fill_in(std::min({gap, left, kChunk}), Filler::Concealment);
}

TrackSource::Filler TrackSource::filler_before(const rtp::EncodedFrame& frame) {
    return frame.lost_before > 0 && !last_was_dtx_ ? Filler::Concealment : filler_without_loss();
}

// Not every encoder sends the empty packet that DTX begins with; but it begins in quiet.
TrackSource::Filler TrackSource::filler_without_loss() {
    if (last_was_dtx_) return Filler::ComfortNoise;
    if (filled_in_ > 0) return last_filler_;
    const std::int64_t count = std::min(end_ - first_, kFadeOut) * channels_;
    const float* last = at(end_) - count;
    const bool quiet =
        std::all_of(last, last + count, [](float sample) { return std::abs(sample) < kQuiet; });
    return quiet ? Filler::ComfortNoise : Filler::Concealment;
}

std::int64_t TrackSource::bridge_limit(
    const rtp::EncodedFrame& frame, Filler filler, std::int64_t gap
) const {
    // Muted is told at once, a second before the samples it is about: losses before it are still
    // filled.
    if (muted_ && (frame.lost_before == 0 || gap > kMaxConcealment)) return 0;
    if (filler == Filler::ComfortNoise) return kMaxComfortNoise;
    // Nothing was lost: the publisher stopped in the middle of a sound, and so does the run.
    const bool stopped = frame.lost_before == 0 && gap > kMaxConcealment;
    return stopped ? 0 : kMaxConcealment;
}

// A lost packet would have been followed by others by now: the publisher has stopped.
void TrackSource::fill_starved() {
    const std::int64_t left = kMaxComfortNoise - filled_in_;
    const bool stopped = filler_without_loss() != Filler::ComfortNoise;
    if (ended_ || muted_ || stopped || left <= 0) return complete_run();
    fill_in(std::min(kChunk, left), Filler::ComfortNoise);
    provisional_ = true;
}

void TrackSource::replace_provisional(std::int64_t overlap) {
    const auto samples = static_cast<std::int64_t>(front_samples());
    if (samples <= overlap) {
        ++(samples == 0 ? counters_.bad : counters_.late);
        return pop_front_as_lost();
    }
    // The frame goes on behind what was made up in its place; a little more of that blends over.
    overlap_.clear();
    decoder_->conceal(AudioDecoder::kGranule, overlap_);
    const std::int64_t before = end_;
    decode_front();
    if (end_ - before < overlap) return;
    const auto from = samples_.begin() + static_cast<std::ptrdiff_t>((before - first_) * channels_);
    samples_.erase(from, from + static_cast<std::ptrdiff_t>(overlap * channels_));
    update_end();
    blend_overlap(before);
}

void TrackSource::decode_front() {
    const std::int64_t before = end_;
    decoder_->decode(queue_.front().frame.payload, samples_);
    update_end();
    if (end_ == before) {
        ++counters_.bad;
        return pop_front_as_lost();
    }
    last_was_dtx_ = decoder_->is_dtx(queue_.front().frame.payload);
    queue_.pop_front();
    counters_.decoded_samples += static_cast<std::uint64_t>(end_ - before);
    filled_in_ = 0;
    if (!provisional_) blend_overlap(before);
    provisional_ = false;
}

void TrackSource::fill_in(std::int64_t samples, Filler filler) {
    const std::int64_t before = end_;
    decoder_->conceal(static_cast<std::size_t>(samples), samples_);
    update_end();
    if (end_ < before + samples) {  // the decoder gave nothing: silence keeps the length
        samples_.resize(static_cast<std::size_t>((before + samples - first_) * channels_), 0.0F);
    }
    const auto wanted =
        samples_.begin() + static_cast<std::ptrdiff_t>((before + samples - first_) * channels_);
    overlap_.assign(wanted, samples_.end());
    samples_.erase(wanted, samples_.end());
    update_end();
    filled_in_ += samples;
    last_filler_ = filler;
    const bool noise = filler == Filler::ComfortNoise;
    (noise ? counters_.dtx_samples : counters_.concealed_samples) +=
        static_cast<std::uint64_t>(samples);
}

void TrackSource::blend_overlap(std::int64_t index) {
    const std::int64_t count =
        std::min(static_cast<std::int64_t>(overlap_.size()) / channels_, end_ - index);
    float* fresh = at(index);
    for (std::int64_t i = 0; i < count; ++i) {
        const float weight = static_cast<float>(i + 1) / static_cast<float>(count + 1);
        for (std::int64_t c = 0; c < channels_; ++c) {
            const std::int64_t k = i * channels_ + c;
            fresh[k] = weight * fresh[k] + (1 - weight) * overlap_[static_cast<std::size_t>(k)];
        }
    }
    overlap_.clear();
}

void TrackSource::complete_run() {
    const auto tail = std::min(end_ - first_, kTinyGap);
    const float* last = at(end_ - tail);
    const bool silent =
        std::all_of(last, last + tail * channels_, [](float sample) { return sample == 0; });
    if (!silent) {
        const std::int64_t before = end_;
        decoder_->conceal(static_cast<std::size_t>(kFadeOut), samples_);
        update_end();
        const std::int64_t made = end_ - before;
        float* fading = at(before);
        for (std::int64_t i = 0; i < made; ++i) {
            const float gain = static_cast<float>(made - i) / static_cast<float>(made + 1);
            for (std::int64_t c = 0; c < channels_; ++c) fading[i * channels_ + c] *= gain;
        }
        counters_.concealed_samples += static_cast<std::uint64_t>(made);
    }
    complete_ = true;
    samples_.resize(samples_.size() + static_cast<std::size_t>(kMargin * channels_), 0.0F);
}

float* TrackSource::at(std::int64_t index) {
    return samples_.data() + (index - first_) * channels_;
}

void TrackSource::update_end() {
    end_ = first_ + static_cast<std::int64_t>(samples_.size()) / channels_;
}

std::span<const float> TrackSource::samples_from(std::int64_t index) const {
    const auto skipped = static_cast<std::size_t>((index - first_) * channels_);
    return std::span(samples_).subspan(std::min(skipped, samples_.size()));
}

void TrackSource::trim(std::int64_t index) {
    constexpr std::int64_t kEnough =
        4800;  // moving what is left costs less than a frame's decoding
    const std::int64_t count = index - kMargin - first_;
    if (count < kEnough) return;
    samples_.erase(
        samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(count * channels_)
    );
    first_ += count;
}

}  // namespace aircheck::media
