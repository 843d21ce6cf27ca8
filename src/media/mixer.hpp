#pragma once

#include "core/result.hpp"
#include "media/limiter.hpp"
#include "media/track_renderer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::media {

/// LiveKit's AudioMixing. The dual modes need two channels; with one, all modes are the sum.
enum class Mixing {
    Default,               ///< Every track on every channel; stereo tracks keep their image.
    DualChannelAgent,      ///< Participants of kind AGENT left, everybody else right.
    DualChannelAlternate,  ///< By arrival: the 1st track left, the 2nd right, the 3rd left …
};

enum class ParticipantKind { Other, Agent };

/// Where a track is heard.
enum class Channel { Both, Left, Right };

/// Adds tracks up into one signal, mono or stereo, and keeps it below -1 dBFS.
///
/// Borrows its tracks: they must outlive their membership, and nobody else may render them. All
/// their samples pass at unity gain; where the sum exceeds the ceiling, a look-ahead limiter turns
/// it down, elsewhere the sum is passed on bit for bit. Pulls tracks 5 ms ahead of what is asked
/// for, for the limiter, so that positions stay exact. Lives on the recording's thread;
/// deterministic; cannot fail once made.
class Mixer {
public:
    struct Settings {
        Mixing mixing = Mixing::Default;
        std::uint16_t channels = 1;  ///< 1 or 2.
    };

    /// Errc::InvalidArgument: channels other than 1 and 2.
    [[nodiscard]] static Result<Mixer> create(const Settings& settings);

    /// What TrackRenderer::Settings::channels has to be for this mixer's tracks.
    [[nodiscard]] std::uint16_t track_channels() const;

    /// `track` is heard from the next mix on. `participant` (its sid) groups tracks of one
    /// publisher, which are kept in line by sender reports; may be empty. Returns where it is
    /// heard.
    Channel add(TrackRenderer& track, ParticipantKind kind, std::string_view participant);
    /// The same for a track that was here before: it is heard where it was, and is no new arrival.
    void add_on(TrackRenderer& track, Channel channel, std::string_view participant);
    /// Does nothing when `track` is not mixed.
    void remove(const TrackRenderer& track);

    /// Writes positions [from, from + out.size() / channels) of the mix to `out`, [count ×
    /// channels] interleaved float. Calls follow each other; when `from` skips ahead, so do the
    /// tracks.
    void mix(std::int64_t from, std::span<float> out);

private:
    struct Member {
        TrackRenderer* track = nullptr;
        Channel channel = Channel::Both;
        std::string participant;
    };

    explicit Mixer(const Settings& settings);
    void sum(std::int64_t from, std::span<float> out);
    void add_mono(std::span<const float> samples, Channel channel, std::span<float> out) const;
    void add_stereo(std::span<const float> samples, Channel channel, std::span<float> out) const;
    void align_participants();

    Settings settings_;
    Limiter limiter_;
    std::vector<Member> tracks_;
    std::vector<float> input_;
    std::size_t arrivals_ = 0;
    std::int64_t next_ = 0;  ///< Position after the last one mixed.
    std::int64_t next_alignment_ = 0;
    bool started_ = false;
};

}  // namespace aircheck::media
