#pragma once

#include "signal/room.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::signal {

/// Who is in the room with which tracks, and which of those we asked for. Turns the server's
/// whole-state updates into events of change (livekit-wire.md 2.4). Inside the layer only.
///
/// Policy: a participant's older version is stale; the same identity under a new sid replaces the
/// old one; our own identity is never a participant. At most 5 000 participants.
class Roster {
public:
    explicit Roster(TrackFilter wants);

    /// We are in the room as `self`; everything is what the server lists now. On a rejoin (a server
    /// session of its own) the subscriptions start from nothing.
    void reset(Participant self, std::vector<Participant> others, std::vector<RoomEvent>& events);
    /// Some participants changed. `is_complete`: who is not among them has left.
    void update(std::vector<Participant> changed, bool is_complete, std::vector<RoomEvent>& events);
    void set_filter(TrackFilter wants);
    /// The server gave up a subscription: it may be asked for again later.
    void forget_subscription(const std::string& track_sid);

    /// What to ask the server for since the last call: track sids to switch on, and off.
    struct Requests {
        std::vector<std::string> subscribe;
        std::vector<std::string> unsubscribe;
    };
    [[nodiscard]] Requests take_requests();
    [[nodiscard]] const std::set<std::string>& subscribed() const { return subscribed_; }
    /// The sid of the participant that has this track, or "".
    [[nodiscard]] std::string_view owner_of(std::string_view track_sid) const;

    [[nodiscard]] const Participant& self() const { return self_; }
    [[nodiscard]] const std::map<std::string, Participant>& participants() const {
        return participants_;
    }
    /// Updates dropped since the last call: older than what is known, or beyond the limit.
    [[nodiscard]] std::uint64_t take_stale() { return std::exchange(stale_, 0); }
    [[nodiscard]] std::uint64_t take_over_limit() { return std::exchange(over_limit_, 0); }

private:
    void apply(Participant next, std::vector<RoomEvent>& events);
    void apply_self(Participant next, std::vector<RoomEvent>& events);
    void add(Participant next, std::vector<RoomEvent>& events);
    void change(Participant& known, Participant next, std::vector<RoomEvent>& events);
    void remove(const std::string& sid, bool replaced, std::vector<RoomEvent>& events);
    void drop_track(
        const Participant& owner, const std::string& track_sid, std::vector<RoomEvent>& events
    );
    [[nodiscard]] bool is_wanted(const Participant& participant, const Track& track) const;
    void want(const Participant& participant);

    TrackFilter wants_;
    Participant self_;
    std::map<std::string, Participant> participants_;
    std::set<std::string> subscribed_;
    Requests requests_;
    std::uint64_t stale_ = 0;
    std::uint64_t over_limit_ = 0;
};

}  // namespace aircheck::signal
