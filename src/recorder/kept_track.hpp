#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"
#include "media/audio_decoder.hpp"
#include "media/timeline.hpp"
#include "mux/muxer.hpp"
#include "recorder/opus_stream.hpp"
#include "recorder/track_encoder.hpp"
#include "rtp/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace aircheck::recorder {

/// Of one track's own file, what has been written since the last piece.
struct TrackPiece {
    std::size_t number = 0;  ///< Of the file: 0, 1 … in order of the tracks' appearance.
    std::string track_sid;
    std::string participant_identity;
    std::string source;               ///< "microphone" …
    std::int64_t offset_samples = 0;  ///< From the mix's first sample to the file's, at 48 kHz.
    Nanoseconds duration{0};          ///< Of the file so far.
    Bytes bytes;
    bool is_last = false;
};

/// One track beside the mix, in an OGG file: its Opus packets as they were sent, or, where its
/// first packet is of another codec, what the mix plays of it, encoded as Opus.
///
/// The file's first sample is the first that the mix plays of the track, at exactly that place.
/// From there on Opus packets follow each other as the publisher's clock says. In holes (loss,
/// mute, DTX) the file is put right by whole steps of 10 ms where that clock and the mix have come
/// apart, and anywhere once it is 60 ms ahead of the mix. A packet that came is never left out for
/// that. Given the frames that the mix is given, at the same time; decides when the mix does. Lives
/// on the recording's thread.
class KeptTrack {
public:
    KeptTrack(std::size_t number, journal::TrackStart start, mux::Tags tags, WallTime wall_start);

    /// Takes a frame that the mix's renderer took, and the timeline's segment it belongs to.
    void push(rtp::EncodedFrame frame, media::TrackCodec codec, std::uint32_t segment);
    /// Takes what the renderer gave: [count × channels] interleaved float.
    void hear(std::int64_t from, std::span<const float> samples, std::uint16_t channels);
    /// Writes what begins before `until`, which the mix has come to; `zero` is where it begins.
    /// Both are positions of the timeline. Errors: the muxer's.
    [[nodiscard]] Result<> write(
        const media::Timeline& timeline, std::int64_t zero, std::int64_t until
    );
    /// Writes all the rest, and closes the file. No frame follows.
    [[nodiscard]] Result<> finish(const media::Timeline& timeline, std::int64_t zero);

    /// What is new; none when nothing is.
    [[nodiscard]] std::optional<TrackPiece> take();

private:
    struct Waiting {
        rtp::EncodedFrame frame;
        std::uint32_t segment = 0;
    };
    struct Last {
        std::int64_t rtp_timestamp = 0;
        std::int64_t samples = 0;
        std::int64_t position = 0;  ///< Since the file's first sample.
        std::uint32_t segment = 0;
    };

    [[nodiscard]] Result<> begin_file(
        std::int64_t first, std::int64_t zero, const media::StreamFormat& format
    );
    void flush_if_due();
    [[nodiscard]] std::int64_t written() const {
        return encoder_ ? encoder_->written() : stream_.written();
    }
    [[nodiscard]] Result<> place(Waiting next, std::int64_t start, std::int64_t zero);
    [[nodiscard]] Result<> encode(const media::Timeline& timeline, std::int64_t zero);
    [[nodiscard]] std::int64_t position_of(const Waiting& next, std::int64_t by_timeline) const;

    std::size_t number_;
    journal::TrackStart start_;
    mux::Tags tags_;
    WallTime wall_start_;
    std::deque<Waiting> waiting_;
    OpusStream stream_;
    std::optional<TrackEncoder> encoder_;  ///< In place of `stream_`, for what is not Opus.
    std::unique_ptr<mux::Muxer> muxer_;    ///< From the first frame to the end.
    std::int64_t first_ = 0;               ///< Of the file, on the timeline.
    std::int64_t offset_ = 0;
    std::optional<Last> last_;
    std::int64_t flushed_ = 0;
    Bytes out_;
    bool has_begun_ = false;  ///< The file has.
    bool is_over_ = false;
    bool is_last_given_ = false;
};

}  // namespace aircheck::recorder
