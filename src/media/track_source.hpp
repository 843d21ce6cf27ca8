#pragma once

#include "media/audio_decoder.hpp"
#include "media/track_renderer.hpp"
#include "rtp/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace aircheck::media {

/// Decodes one track's frames, as far as asked, into *runs*: stretches of samples without a hole.
///
/// Within a run, losses are filled from FEC and by concealment (120 ms at most), DTX by comfort
/// noise (1 s at most). What is longer ends the run, with a short fade; the next frame begins
/// another one. So does another codec. Samples of a run are counted by an index from 0;
/// `rtp_of_start` ties it to RTP time.
class TrackSource {
public:
    struct Next {
        std::int64_t rtp_timestamp = 0;
        std::uint32_t segment = 0;
        std::int64_t samples = 0;
    };

    TrackSource(
        std::unique_ptr<AudioDecoder> opus,
        std::uint16_t channels,
        std::size_t max_queued,
        TrackRenderer::Counters& counters
    );

    void push(rtp::EncodedFrame frame, TrackCodec codec, std::uint32_t segment);
    void set_muted(TrackRenderer::Muted muted) { muted_ = muted == TrackRenderer::Muted::Yes; }
    void end() { ended_ = true; }
    [[nodiscard]] bool is_exhausted() const { return ended_ && queue_.empty() && !open_; }

    /// The frame whose turn it is; malformed ones before it are dropped.
    [[nodiscard]] std::optional<Next> next();
    void drop_next();

    /// Begins a run with the next frame, which must be there.
    void open_run();
    /// Forgets what is left of the run.
    void close_run();
    [[nodiscard]] bool is_open() const { return open_; }
    [[nodiscard]] std::uint32_t segment() const { return segment_; }
    /// RTP timestamp of the run's sample 0; irregular timestamps move it.
    [[nodiscard]] std::int64_t rtp_of_start() const { return rtp_of_start_; }

    /// Decodes until the run has `index` samples, or has ended.
    void fill(std::int64_t index);
    /// The run ends at end(): nothing will follow.
    [[nodiscard]] bool is_complete() const { return complete_; }
    [[nodiscard]] std::int64_t end_index() const { return end_; }
    /// Samples from `index` on, interleaved, as far as there are: at least to end(), and some zeros
    /// beyond the end of a complete run. `index` reaches Interpolator::kBefore below 0.
    [[nodiscard]] std::span<const float> samples_from(std::int64_t index) const;
    /// Samples before `index` will not be asked for.
    void trim(std::int64_t index);

private:
    struct Queued {
        rtp::EncodedFrame frame;
        TrackCodec codec = TrackCodec::Opus;
        std::uint32_t segment = 0;
    };
    enum class Filler { Concealment, ComfortNoise };

    void step();
    void bridge(std::int64_t gap);
    [[nodiscard]] Filler filler_before(const rtp::EncodedFrame& frame);
    [[nodiscard]] Filler filler_without_loss();
    [[nodiscard]] std::int64_t bridge_limit(
        const rtp::EncodedFrame& frame, Filler filler, std::int64_t gap
    ) const;
    void fill_starved();
    void replace_provisional(std::int64_t overlap);
    void decode_front();
    void fill_in(std::int64_t samples, Filler filler);
    void blend_overlap(std::int64_t at);
    void complete_run();
    void pop_front_as_lost();
    void use_decoder_for(TrackCodec codec);
    [[nodiscard]] std::size_t front_samples() const;
    [[nodiscard]] float* at(std::int64_t index);
    void update_end();

    TrackCodec codec_ = TrackCodec::Opus;
    std::unique_ptr<AudioDecoder> opus_;
    std::unique_ptr<AudioDecoder> g711_;  ///< Once there was any.
    AudioDecoder* decoder_;               ///< For `codec_`: one of them.
    std::int64_t channels_;
    std::size_t max_queued_;
    TrackRenderer::Counters& counters_;
    std::deque<Queued> queue_;
    std::uint32_t lost_pending_ = 0;  ///< Frames that went bad since the last good one.
    bool muted_ = false;
    bool ended_ = false;

    bool open_ = false;
    bool complete_ = false;
    bool provisional_ = false;  ///< The run's end was made up because nothing had come.
    bool last_was_dtx_ = false;
    std::uint32_t segment_ = 0;
    std::int64_t rtp_of_start_ = 0;
    std::int64_t filled_in_ = 0;  ///< Samples made up since the last frame.
    Filler last_filler_ = Filler::Concealment;
    std::int64_t first_ = 0;  ///< Index of samples_[0].
    std::int64_t end_ = 0;
    std::vector<float> samples_;
    std::vector<float> overlap_;  ///< Made up beyond a gap's end: blended into what follows.
};

}  // namespace aircheck::media
