#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "media/audio_decoder.hpp"
#include "media/timeline.hpp"
#include "rtp/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace aircheck::media {

/// One track as samples on the timeline.
///
/// Encoded frames go in, in order; samples for any stretch of the timeline come out. Frames are
/// decoded when their turn comes, so a track that sends nothing costs nothing. What the publisher
/// sent is placed where `Timeline` puts it. Errors are taken out by leaving silence out or putting
/// some in where nothing is heard, and by resampling: within ±1000 ppm, or ±1 % beyond 60 ms. What
/// was said is left out only where it lies more than a second too late. Holes (mute, DTX beyond a
/// second of comfort noise, loss beyond 120 ms of concealment, nothing sent) are silent and keep
/// their length, their edges faded over a few milliseconds.
///
/// Lives on the recording's thread. Never fails once made: bad packets are counted and concealed.
/// The same calls give the same samples, whatever the clock says.
class TrackRenderer {
public:
    struct Settings {
        Instant origin;  ///< Position 0 of the timeline.
        std::uint16_t channels =
            1;  ///< 1 or 2: shape of what `render` gives; see Mixer::track_channels.
        std::size_t max_queued =
            4096;  ///< Frames waiting to be rendered; the oldest goes first when full.
    };
    struct Counters {
        std::uint64_t frames = 0;             ///< Pushed.
        std::uint64_t decoded_samples = 0;    ///< From packets, per channel, 48 kHz.
        std::uint64_t concealed_samples = 0;  ///< Made up for losses and at holes' edges.
        std::uint64_t fec_samples = 0;        ///< Recovered from in-band FEC.
        std::uint64_t dtx_samples = 0;        ///< Comfort noise.
        std::uint64_t late = 0;               ///< Frames whose place was rendered before they came.
        std::uint64_t dropped = 0;  ///< Frames that fell out of a full queue, or were skipped over.
        std::uint64_t bad = 0;      ///< Packets that their codec refuses.
        std::uint64_t jumps = 0;    ///< Corrections too large for resampling.
        std::uint64_t resets = 0;   ///< Timestamp jumps and restarted streams.
        std::uint64_t audible_samples = 0;  ///< Of 20 ms pieces louder than -50 dBFS (RMS).
    };

    /// Errc::InvalidArgument: channels other than 1 and 2.
    [[nodiscard]] static Result<std::unique_ptr<TrackRenderer>> create(const Settings& settings);
    ~TrackRenderer();
    TrackRenderer(const TrackRenderer&) = delete;
    TrackRenderer& operator=(const TrackRenderer&) = delete;

    /// Takes the next frame, in the order of sequence numbers, `lost_before` filled in. Its
    /// timestamp counts at 48 kHz, whatever the codec's clock.
    void push(rtp::EncodedFrame frame, TrackCodec codec = TrackCodec::Opus);
    /// Its timestamp counts at 48 kHz, too.
    void report(const SenderReport& report);
    /// What signalling says, when it says so. While muted, a hole is plain silence: no comfort
    /// noise. Frames that come all the same are played.
    enum class Muted { No, Yes };
    void set_muted(Muted muted);
    /// No frame will follow: what is queued is played to its end.
    void end();
    /// Ended and played: render() gives nothing any more.
    [[nodiscard]] bool is_finished() const;

    /// The samples of positions [from, from + count): [count × channels] interleaved float, valid
    /// until the next call; empty when all of them are silent. `from` is where the last call ended;
    /// when it is further on, what lies between is skipped; when it is before, all is silent.
    [[nodiscard]] std::span<const float> render(std::int64_t from, std::size_t count);
    /// Called by render() with all that it gives but silence.
    using OnRendered = std::function<void(std::int64_t from, std::span<const float> samples)>;
    void on_rendered(OnRendered listener);

    [[nodiscard]] std::uint16_t channels() const;
    [[nodiscard]] const Counters& counters() const;
    [[nodiscard]] Timeline& timeline();
    [[nodiscard]] const Timeline& timeline() const;

private:
    struct Impl;
    explicit TrackRenderer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::media
