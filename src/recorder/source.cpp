#include "recorder/source.hpp"

#include "net/url.hpp"
#include "recorder/participants.hpp"

#include <algorithm>
#include <charconv>

namespace aircheck::recorder {
namespace {

constexpr Nanoseconds kComesWithin = 30s;  ///< As livekit/egress waits.
constexpr Nanoseconds kParticipantReturns = 5s;
constexpr Nanoseconds kTrackReturns = 2s;

bool matches(const AudioRoute& route, const RoutedTrack& track) {
    switch (route.match) {
        case AudioRoute::Match::Track:
            return route.value == track.track_sid;
        case AudioRoute::Match::Identity:
            return route.value == track.participant_identity;
        case AudioRoute::Match::Kind:
            return route.kind == track.participant_kind;
    }
    return false;
}

const AudioRoute* route_of(const std::vector<AudioRoute>& routes, const RoutedTrack& track) {
    const auto route = std::find_if(routes.begin(), routes.end(), [&](const auto& candidate) {
        return matches(candidate, track);
    });
    return route == routes.end() ? nullptr : &*route;
}

constexpr std::string_view kMatches[] = {"track", "identity", "kind"};
constexpr std::string_view kChannels[] = {"both", "left", "right"};

std::string to_text(const AudioRoute& route) {
    const std::string value = route.match == AudioRoute::Match::Kind
                                  ? std::to_string(static_cast<int>(route.kind))
                                  : net::percent_encode(route.value);
    return std::string(kMatches[static_cast<std::size_t>(route.match)]) + ":" + value + ":" +
           std::string(kChannels[static_cast<std::size_t>(route.channel)]);
}

template <typename Enum, std::size_t Count>
bool read_word(std::string_view word, const std::string_view (&words)[Count], Enum& value) {
    const auto at = std::find(std::begin(words), std::end(words), word);
    if (at == std::end(words)) return false;
    value = static_cast<Enum>(at - std::begin(words));
    return true;
}

bool read_kind(std::string_view digits, ParticipantKind& kind) {
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return false;
    kind = static_cast<ParticipantKind>(number);
    return number >= 0 && number <= static_cast<int>(ParticipantKind::Bridge);
}

bool read_route(std::string_view text, AudioRoute& route) {
    const auto first = text.find(':');
    const auto last = text.rfind(':');
    if (first == std::string_view::npos || first == last) return false;
    const std::string_view value = text.substr(first + 1, last - first - 1);
    if (!read_word(text.substr(0, first), kMatches, route.match)) return false;
    if (!read_word(text.substr(last + 1), kChannels, route.channel)) return false;
    if (route.match == AudioRoute::Match::Kind) return read_kind(value, route.kind);
    route.value = net::percent_decode(value);
    return true;
}

}  // namespace

bool is_wanted(
    const Source& source, const signal::Participant& participant, const signal::Track& track
) {
    if (!signal::every_audio_track(participant, track)) return false;
    switch (source.kind) {
        case Source::Kind::Room:
            return true;
        case Source::Kind::Participant: {
            // A publisher that does not say what it sends (an agent, say) is heard as a microphone.
            const bool is_screen = track.source == signal::TrackSource::ScreenShare ||
                                   track.source == signal::TrackSource::ScreenShareAudio;
            return participant.identity == source.identity && is_screen == source.screen_share;
        }
        case Source::Kind::Track:
            return track.sid == source.track_sid;
        case Source::Kind::Media:
            return source.capture_all ||
                   route_of(
                       source.routes, {track.sid, participant.identity, kind_of(participant.kind)}
                   ) != nullptr;
    }
    return false;
}

bool is_missed_picture(
    const Source& source, std::string_view identity, const signal::Track& track
) {
    const bool is_screen = track.source == signal::TrackSource::ScreenShare;
    return source.kind == Source::Kind::Participant && identity == source.identity &&
           track.kind == signal::TrackKind::Video && is_screen == source.screen_share;
}

bool is_one_track(const Source& source) {
    if (source.kind == Source::Kind::Track) return true;
    return source.kind == Source::Kind::Media && !source.capture_all && source.routes.size() == 1 &&
           source.routes.front().match == AudioRoute::Match::Track;
}

std::optional<media::Channel> channel_of(
    const std::vector<AudioRoute>& routes, const RoutedTrack& track
) {
    if (routes.empty()) return std::nullopt;
    const AudioRoute* route = route_of(routes, track);
    if (route == nullptr) return media::Channel::Both;
    switch (route->channel) {
        case AudioRoute::Channel::Both:
            return media::Channel::Both;
        case AudioRoute::Channel::Left:
            return media::Channel::Left;
        case AudioRoute::Channel::Right:
            return media::Channel::Right;
    }
    return media::Channel::Both;
}

SourceWatch::SourceWatch(const Source& source) {
    if (source.kind == Source::Kind::Participant) participant_ = source.identity;
    if (source.kind == Source::Kind::Track) track_sid_ = source.track_sid;
    if (!participant_.empty()) awaited_participants_.push_back(participant_);
    if (!track_sid_.empty()) awaited_tracks_.push_back(track_sid_);
    for (const AudioRoute& route : source.routes) {
        if (route.match == AudioRoute::Match::Identity)
            awaited_participants_.push_back(route.value);
        if (route.match == AudioRoute::Match::Track) awaited_tracks_.push_back(route.value);
    }
}

void SourceWatch::participant(std::string_view identity) {
    std::erase(awaited_participants_, identity);
    if (identity == participant_) left_.reset();
}

void SourceWatch::participant_left(std::string_view identity, Instant now) {
    if (identity == participant_ && !participant_.empty()) left_ = now;
}

void SourceWatch::track(std::string_view track_sid) {
    std::erase(awaited_tracks_, track_sid);
    if (track_sid == track_sid_) left_.reset();
}

void SourceWatch::track_gone(std::string_view track_sid, Instant now) {
    if (track_sid == track_sid_ && !track_sid_.empty()) left_ = now;
}

std::string SourceWatch::missing(Instant joined, Instant now) const {
    if (now - joined < kComesWithin) return {};
    if (!awaited_participants_.empty()) {
        return "participant " + awaited_participants_.front() + " not found";
    }
    if (!awaited_tracks_.empty()) return "track " + awaited_tracks_.front() + " not found";
    return {};
}

bool SourceWatch::is_gone(Instant now) const {
    return left_ && now - *left_ >= (participant_.empty() ? kTrackReturns : kParticipantReturns);
}

std::string routes_to_text(const std::vector<AudioRoute>& routes) {
    std::string text;
    for (const AudioRoute& route : routes) {
        if (!text.empty()) text += ',';
        text += to_text(route);
    }
    return text;
}

Result<std::vector<AudioRoute>> routes_from_text(std::string_view text) {
    std::vector<AudioRoute> routes;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const std::string_view word = text.substr(0, comma);
        if (!read_route(word, routes.emplace_back())) {
            return fail(Errc::Malformed, "route '" + std::string(word) + "'");
        }
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return routes;
}

}  // namespace aircheck::recorder
