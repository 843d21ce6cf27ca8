#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "media/mixer.hpp"
#include "recorder/job.hpp"
#include "signal/room.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::recorder {

/// Whether `source` is about `track` of `participant`: what a recording subscribes to. Only audio
/// is ever wanted; what an encrypted track is good for is judged elsewhere.
[[nodiscard]] bool is_wanted(
    const Source& source, const signal::Participant& participant, const signal::Track& track
);

/// Whether `track` of `identity` is a picture that livekit/egress would record for `source`: the
/// camera of the participant, or their shared screen. It is left out here.
[[nodiscard]] bool is_missed_picture(
    const Source& source, std::string_view identity, const signal::Track& track
);

/// A track as routes see it.
struct RoutedTrack {
    std::string_view track_sid;
    std::string_view participant_identity;
    ParticipantKind participant_kind = ParticipantKind::Standard;
};

/// One named track is all that is heard.
[[nodiscard]] bool is_one_track(const Source& source);

/// Where a track that is recorded is heard: the first route that matches decides; when none does,
/// on both channels. Empty without routes: the mixing mode decides.
[[nodiscard]] std::optional<media::Channel> channel_of(
    const std::vector<AudioRoute>& routes, const RoutedTrack& track
);

/// Whether what a source names is in the room: all of it has to come within half a minute, and a
/// job that is about one participant or one track ends with them. A participant may come back
/// within five seconds, a track within two.
class SourceWatch {
public:
    explicit SourceWatch(const Source& source);

    void participant(std::string_view identity);
    void participant_left(std::string_view identity, Instant now);
    void track(std::string_view track_sid);
    void track_gone(std::string_view track_sid, Instant now);

    /// "participant X not found", "track X not found": after half a minute in the room without it;
    /// else empty. `joined` is when the room was joined first.
    [[nodiscard]] std::string missing(Instant joined, Instant now) const;
    /// The one that the job is about has left for good.
    [[nodiscard]] bool is_gone(Instant now) const;

private:
    std::string participant_;  ///< The one that the job is about, or "".
    std::string track_sid_;    ///< Likewise.
    std::vector<std::string> awaited_participants_;
    std::vector<std::string> awaited_tracks_;
    std::optional<Instant> left_;
};

/// Routes as one word without spaces, for PipelineSettings, and back. Errc::Malformed names the
/// route at fault.
[[nodiscard]] std::string routes_to_text(const std::vector<AudioRoute>& routes);
[[nodiscard]] Result<std::vector<AudioRoute>> routes_from_text(std::string_view text);

}  // namespace aircheck::recorder
