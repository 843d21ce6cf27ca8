#pragma once

#include "core/result.hpp"
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

/// A track as routes see it.
struct RoutedTrack {
    std::string_view track_sid;
    std::string_view participant_identity;
    ParticipantKind participant_kind = ParticipantKind::Standard;
};

/// Where a track that is recorded is heard: the first route that matches decides; when none does,
/// on both channels. Empty without routes: the mixing mode decides.
[[nodiscard]] std::optional<media::Channel> channel_of(
    const std::vector<AudioRoute>& routes, const RoutedTrack& track
);

/// What has to be in the room within half a minute and is not: "participant X not found", "track X
/// not found"; empty once all of it was seen (or when `source` names nothing).
class Expected {
public:
    explicit Expected(const Source& source);

    void saw_participant(std::string_view identity);
    void saw_track(std::string_view track_sid);
    [[nodiscard]] std::string missing() const;

private:
    std::vector<std::string> identities_;
    std::vector<std::string> track_sids_;
};

/// Routes as one word without spaces, for PipelineSettings, and back. Errc::Malformed names the
/// route at fault.
[[nodiscard]] std::string routes_to_text(const std::vector<AudioRoute>& routes);
[[nodiscard]] Result<std::vector<AudioRoute>> routes_from_text(std::string_view text);

}  // namespace aircheck::recorder
