#pragma once

#include "control/auto_record.hpp"
#include "records/model.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>

namespace aircheck::control {

/// What becomes of a rule's claim on a room session, as its recording goes.
enum class Claim {
    Stays,          ///< Nothing more is recorded by itself, however long the room goes on.
    FreesForHuman,  ///< The rule's own end: a human who joins after it is recorded anew.
    FreesForRetry,  ///< Nothing came of it while the call goes on: it is tried again.
};
[[nodiscard]] Claim claim_after(const recorder::Snapshot& snapshot);

/// What a rule has made of a room session that is free.
enum class SessionSoFar {
    NotRecorded,
    CallEnded,  ///< A recording ended as its last human had left; who is there now is no reason.
};
/// Of the recordings of its conversation.
[[nodiscard]] SessionSoFar so_far(
    std::span<const records::Recording> recordings, const std::string& room_sid
);

/// True when this participant's being there starts a recording by the rule.
[[nodiscard]] bool starts(
    const AutoRecordRule& rule, const livekit::ParticipantInfo& participant, SessionSoFar before
);

/// When to try a room session again whose recording did not come about: 5 s after the first time,
/// then twice as long each time, at most a minute. Takes the time as an argument.
class RetryPacer {
public:
    void failed(const std::string& room_sid, Instant now);
    /// A recording of it came about.
    void succeeded(const std::string& room_sid) { rooms_.erase(room_sid); }
    [[nodiscard]] bool may_start(const std::string& room_sid, Instant now) const;
    /// How long until the next room may be tried; none: no room waits.
    [[nodiscard]] std::optional<Nanoseconds> wait(Instant now) const;

private:
    struct Room {
        Nanoseconds pause;
        Instant due;
    };
    std::map<std::string, Room> rooms_;
};

}  // namespace aircheck::control
