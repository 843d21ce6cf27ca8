#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"
#include "media/sample.hpp"
#include "recorder/opus_stream.hpp"
#include "rtp/jitter_buffer.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace aircheck::recorder {

/// One Opus track as it came: its packets in order, without decoding, and every hole between them
/// (loss, mute, DTX) filled (OpusStream), so that the stream is as long as the call.
///
/// Keeps the first clear audio track that starts, through our own rejoins, until it ends; others
/// are left alone. Position 0 is its first packet. Positions follow the track's RTP time: a
/// publisher's clock that drifts takes the file with it, which only resampling could mend. Where
/// RTP time and arrival contradict each other (a restarted stream), arrival decides. Lives on the
/// recording's thread; reads no clock; cannot fail.
class OpusPassthrough {
public:
    struct Counters {
        std::uint64_t filled_samples = 0;  ///< At 48 kHz, whatever the hole came from.
        std::uint64_t bad = 0;             ///< Packets that are no Opus.
        std::uint64_t late = 0;            ///< Came when their place was written already.
    };

    explicit OpusPassthrough(Nanoseconds jitter_wait);

    void start(const journal::TrackStart& start, Instant at);
    void end(journal::TrackIndex track, Instant at);
    /// Takes one RTP datagram; true when it carried Opus of the kept track.
    bool take(journal::TrackIndex track, BytesView datagram, Instant arrival);

    /// The next packet of the stream that may be written at `now`; false when there is none. Call
    /// it until then: a long hole is many packets.
    [[nodiscard]] bool next(Instant now, media::EncodedSample& sample);
    /// The same at the end of the recording: gives up what is missing, and fills up to `end`.
    [[nodiscard]] bool flush(Instant end, media::EncodedSample& sample);

    /// Of the stream, known once there was a first sample. No pre-skip: nothing was cut.
    [[nodiscard]] const std::optional<media::StreamFormat>& format() const { return format_; }
    /// When position 0 arrived.
    [[nodiscard]] std::optional<Instant> first_arrival() const { return first_arrival_; }
    [[nodiscard]] const std::optional<journal::TrackStart>& track() const { return track_; }
    [[nodiscard]] Counters counters() const;
    [[nodiscard]] std::uint64_t lost() const { return lost_before_ + jitter_.counters().lost; }
    [[nodiscard]] std::uint64_t late() const;

private:
    [[nodiscard]] bool is_kept(journal::TrackIndex track) const;
    /// Without a time: whatever is missing.
    [[nodiscard]] std::optional<rtp::EncodedFrame> pop(std::optional<Instant> now);
    [[nodiscard]] bool advance(std::optional<Instant> now, media::EncodedSample& sample);
    void place(rtp::EncodedFrame frame);
    [[nodiscard]] std::int64_t position_of(const rtp::EncodedFrame& frame) const;
    [[nodiscard]] std::int64_t position_at(Instant arrival) const;

    rtp::JitterBuffer::Limits limits_;
    rtp::JitterBuffer jitter_;
    std::optional<journal::TrackStart> track_;
    std::uint8_t payload_type_ = 0;
    std::optional<Instant> ended_at_;
    std::deque<rtp::EncodedFrame> left_over_;  ///< Of the SSRC before this one.
    std::uint64_t lost_before_ = 0;            ///< Likewise.
    std::uint64_t late_before_ = 0;
    bool new_ssrc_ = false;

    std::optional<media::StreamFormat> format_;
    std::optional<Instant> first_arrival_;
    OpusStream stream_;
    std::int64_t last_position_ = 0;
    std::int64_t last_timestamp_ = 0;
    Instant last_arrival_;
    std::uint64_t bad_ = 0;
};

}  // namespace aircheck::recorder
