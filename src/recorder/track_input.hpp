#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"
#include "media/audio_decoder.hpp"
#include "media/track_renderer.hpp"
#include "recorder/kept_track.hpp"
#include "rtp/jitter_buffer.hpp"
#include "rtp/rtcp.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::recorder {

/// What packets of `payload_type` hold, by the track's rtpmap; empty when it is none that can be
/// decoded. Without any rtpmap (older journals) 111 is Opus, as LiveKit has it.
[[nodiscard]] std::optional<media::TrackCodec> codec_of(
    const journal::TrackStart& start, std::uint8_t payload_type
);

/// One track of the pipeline: its packets in, ordered and handed to its renderer. A recorder that
/// had to rejoin gets the same track under another SSRC: the input goes on with it.
class TrackInput {
public:
    /// Errors: the renderer's.
    [[nodiscard]] static Result<std::unique_ptr<TrackInput>> create(
        const journal::TrackStart& start, std::uint16_t channels, Nanoseconds jitter_wait
    );

    /// True when `start` is this track again, after our own rejoin.
    [[nodiscard]] bool is_same_track(const journal::TrackStart& start) const;
    /// Ended for good: what comes of this track again needs another input.
    [[nodiscard]] bool is_closed() const { return closed_; }
    /// Goes on with another SSRC; what the old one left in the buffer is played first.
    void continue_as(const journal::TrackStart& start);

    /// What the renderer is given goes to `kept`, too, and what it gives; `kept` outlives the
    /// input.
    void keep_in(KeptTrack& kept);
    /// As KeptTrack's; nothing without one.
    [[nodiscard]] Result<> write_kept(std::int64_t zero, std::int64_t until);
    [[nodiscard]] Result<> finish_kept(std::int64_t zero);

    /// Takes one RTP datagram; true when it carried sound of this track.
    bool take(BytesView datagram, Instant arrival);
    void report(const rtp::SenderReport& report, Instant arrival);
    void set_muted(media::TrackRenderer::Muted muted) { renderer_->set_muted(muted); }
    /// Unpublished at `at`: packets on their way are still taken for a while.
    void end(Instant at) { ended_at_ = at; }
    /// Hands the renderer what may be released at `now`.
    void release(Instant now);
    /// Hands over all there is, whatever is missing.
    void flush();

    /// Position of the first frame on the journal's timeline, as known now; empty before one came.
    [[nodiscard]] std::optional<std::int64_t> first_position() const;
    [[nodiscard]] std::uint32_t ssrc() const { return start_.ssrc; }
    [[nodiscard]] const journal::TrackStart& start() const { return start_; }
    [[nodiscard]] media::TrackRenderer& renderer() { return *renderer_; }
    [[nodiscard]] const media::TrackRenderer& renderer() const { return *renderer_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_before_ + jitter_.counters().lost; }
    [[nodiscard]] std::uint64_t late() const;

private:
    TrackInput(
        const journal::TrackStart& start,
        std::unique_ptr<media::TrackRenderer> renderer,
        Nanoseconds jitter_wait
    );
    void push(rtp::EncodedFrame frame);
    void apply_muted(const journal::TrackStart& start);

    journal::TrackStart start_;
    std::unique_ptr<media::TrackRenderer> renderer_;
    KeptTrack* kept_ = nullptr;
    rtp::JitterBuffer::Limits limits_;
    rtp::JitterBuffer jitter_;
    media::TrackCodec codec_ = media::TrackCodec::Opus;  ///< Of the newest frame.
    std::uint64_t lost_before_ = 0;                      ///< Of the SSRCs before this one.
    std::uint64_t late_before_ = 0;
    std::optional<std::int64_t> first_timestamp_;
    std::optional<Instant> ended_at_;
    bool closed_ = false;
};

}  // namespace aircheck::recorder
