#include "signal/roster.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::signal {
namespace {

constexpr std::size_t kMaxParticipants = 5'000;

const Track* find_track(const Participant& participant, std::string_view sid) {
    for (const Track& track : participant.tracks) {
        if (track.sid == sid) return &track;
    }
    return nullptr;
}

/// Whether anything but the tracks is another.
bool differs(const Participant& a, const Participant& b) {
    return a.name != b.name || a.metadata != b.metadata || a.kind != b.kind || a.state != b.state ||
           a.attributes != b.attributes || a.identity != b.identity;
}

}  // namespace

Roster::Roster(TrackFilter wants) : wants_(std::move(wants)) {}

void Roster::reset(
    Participant self, std::vector<Participant> others, std::vector<RoomEvent>& events
) {
    self_ = std::move(self);
    subscribed_.clear();
    requests_ = {};
    // Versions count within one session with the server; this is another, whose word is the newer.
    for (auto& [sid, participant] : participants_) participant.version = 0;
    update(std::move(others), true, events);
}

void Roster::update(
    std::vector<Participant> changed, bool is_complete, std::vector<RoomEvent>& events
) {
    if (is_complete) {
        std::set<std::string_view> listed;
        for (const Participant& participant : changed) listed.insert(participant.sid);
        std::vector<std::string> gone;
        for (const auto& [sid, participant] : participants_) {
            const bool comes_back =
                std::any_of(changed.begin(), changed.end(), [&](const Participant& other) {
                    return other.identity == participant.identity;
                });
            // Who is back under another sid leaves as "replaced", when that one is added.
            if (!listed.contains(sid) && !comes_back) gone.push_back(sid);
        }
        for (const std::string& sid : gone) remove(sid, false, events);
    }
    for (Participant& participant : changed) apply(std::move(participant), events);
}

void Roster::apply(Participant next, std::vector<RoomEvent>& events) {
    if (next.sid.empty()) return;
    if (next.sid == self_.sid) return apply_self(std::move(next), events);
    // An earlier session of ours that the server still holds.
    if (!self_.identity.empty() && next.identity == self_.identity) return;

    const auto known = participants_.find(next.sid);
    if (next.state == ParticipantState::Disconnected) {
        if (known != participants_.end()) remove(next.sid, false, events);
        return;
    }
    if (known == participants_.end()) return add(std::move(next), events);
    if (next.version < known->second.version) {
        ++stale_;
        return;
    }
    change(known->second, std::move(next), events);
}

void Roster::apply_self(Participant next, std::vector<RoomEvent>& events) {
    if (next.version < self_.version) {
        ++stale_;
        return;
    }
    const bool changed = differs(self_, next);
    self_ = std::move(next);
    if (changed) events.emplace_back(SelfUpdated{self_});
}

void Roster::add(Participant next, std::vector<RoomEvent>& events) {
    if (!next.identity.empty()) {
        for (const auto& [sid, other] : participants_) {
            if (other.identity != next.identity) continue;
            if (next.joined_at_ms < other.joined_at_ms) {
                ++stale_;  // A late word of the session that `other` has replaced.
                return;
            }
            const std::string replaced = sid;
            remove(replaced, true, events);
            break;
        }
    }
    if (participants_.size() >= kMaxParticipants) {
        ++over_limit_;
        return;
    }
    const std::string sid = next.sid;
    const Participant& added = participants_[sid] = std::move(next);
    want(added);
    events.emplace_back(ParticipantJoined{added});
    for (const Track& track : added.tracks) {
        events.emplace_back(TrackPublished{
            added.sid, added.identity, track, subscribed_.contains(track.sid)});
    }
}

void Roster::change(Participant& known, Participant next, std::vector<RoomEvent>& events) {
    const Participant before = std::exchange(known, std::move(next));
    want(known);
    if (differs(before, known)) events.emplace_back(ParticipantUpdated{known});
    for (const Track& track : before.tracks) {
        if (find_track(known, track.sid) == nullptr) drop_track(known, track.sid, events);
    }
    for (const Track& track : known.tracks) {
        const Track* earlier = find_track(before, track.sid);
        if (earlier == nullptr) {
            const bool asked = subscribed_.contains(track.sid);
            events.emplace_back(TrackPublished{known.sid, known.identity, track, asked});
        } else if (!(*earlier == track)) {
            events.emplace_back(TrackUpdated{known.sid, known.identity, track});
        }
    }
}

void Roster::remove(const std::string& sid, bool replaced, std::vector<RoomEvent>& events) {
    const auto node = participants_.extract(sid);
    if (node.empty()) return;
    const Participant& gone = node.mapped();
    for (const Track& track : gone.tracks) drop_track(gone, track.sid, events);
    events.emplace_back(ParticipantLeft{gone.sid, gone.identity, replaced});
}

void Roster::drop_track(
    const Participant& owner, const std::string& track_sid, std::vector<RoomEvent>& events
) {
    subscribed_.erase(track_sid);
    std::erase(requests_.subscribe, track_sid);
    events.emplace_back(TrackUnpublished{owner.sid, owner.identity, track_sid});
}

bool Roster::is_wanted(const Participant& participant, const Track& track) const {
    return track.encryption == Encryption::None && track.kind != TrackKind::Data &&
           wants_(participant, track);
}

void Roster::want(const Participant& participant) {
    for (const Track& track : participant.tracks) {
        const bool wanted = is_wanted(participant, track);
        if (wanted && subscribed_.insert(track.sid).second) {
            requests_.subscribe.push_back(track.sid);
            std::erase(requests_.unsubscribe, track.sid);
        } else if (!wanted && subscribed_.erase(track.sid) == 1) {
            requests_.unsubscribe.push_back(track.sid);
            std::erase(requests_.subscribe, track.sid);
        }
    }
}

void Roster::set_filter(TrackFilter wants) {
    wants_ = std::move(wants);
    for (const auto& [sid, participant] : participants_) want(participant);
}

void Roster::forget_subscription(const std::string& track_sid) { subscribed_.erase(track_sid); }

Roster::Requests Roster::take_requests() { return std::exchange(requests_, {}); }

std::string_view Roster::owner_of(std::string_view track_sid) const {
    for (const auto& [sid, participant] : participants_) {
        if (find_track(participant, track_sid) != nullptr) return sid;
    }
    return {};
}

}  // namespace aircheck::signal
