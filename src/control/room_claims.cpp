#include "control/room_claims.hpp"

#include "proto/livekit_models.pb.h"

#include <algorithm>

namespace aircheck::control {
namespace {

constexpr Nanoseconds kFirstPause = 5s;
constexpr Nanoseconds kLongestPause = 60s;
/// A room that was not tried for so long is gone.
constexpr Nanoseconds kForgottenAfter = 600s;
/// `end_reason` of what ended with its room or with its last human (snapshot_records).
constexpr std::string_view kSourceClosed = "Source closed";
/// recorder: another worker is in the room under the same identity, and records it.
constexpr int kRecordedElsewhere = 409;

}  // namespace

Claim claim_after(const recorder::Snapshot& snapshot) {
    using recorder::EndReason;
    // Not only at the end: while a file is uploaded the next call may begin.
    if (snapshot.status < recorder::Status::Ending) return Claim::Stays;
    if (snapshot.end_reason == EndReason::LastHumanLeft) return Claim::FreesForHuman;
    const bool came_to_nothing = snapshot.status == recorder::Status::Failed &&
                                 snapshot.end_reason == EndReason::Failure &&
                                 !snapshot.file.started_at;
    if (!came_to_nothing || snapshot.error_code == kRecordedElsewhere) return Claim::Stays;
    return Claim::FreesForRetry;
}

SessionSoFar so_far(std::span<const records::Recording> recordings, const std::string& room_sid) {
    const records::Recording* newest = nullptr;
    for (const records::Recording& recording : recordings) {
        if (recording.origin != "rule" || recording.room_sid != room_sid) continue;
        const bool came_to_nothing = (recording.status == records::RecordingStatus::Failed ||
                                      recording.status == records::RecordingStatus::Aborted) &&
                                     recording.end_reason != kSourceClosed;
        if (came_to_nothing) continue;
        if (newest == nullptr || newest->started_at < recording.started_at) newest = &recording;
    }
    // One that ended with its room is of a session that is over, and not asked about.
    return newest != nullptr && newest->end_reason == kSourceClosed ? SessionSoFar::CallEnded
                                                                    : SessionSoFar::NotRecorded;
}

bool starts(
    const AutoRecordRule& rule, const livekit::ParticipantInfo& participant, SessionSoFar before
) {
    if (!counts(rule, participant)) return false;
    const auto kind = static_cast<recorder::ParticipantKind>(participant.kind());
    return before == SessionSoFar::NotRecorded || recorder::is_human(kind);
}

void RetryPacer::failed(const std::string& room_sid, Instant now) {
    std::erase_if(rooms_, [now](const auto& room) {
        return now - room.second.due > kForgottenAfter;
    });
    const auto [it, is_new] = rooms_.try_emplace(room_sid, Room{kFirstPause, now});
    Room& room = it->second;
    if (!is_new) room.pause = std::min(2 * room.pause, kLongestPause);
    room.due = now + room.pause;
}

bool RetryPacer::may_start(const std::string& room_sid, Instant now) const {
    const auto it = rooms_.find(room_sid);
    return it == rooms_.end() || now >= it->second.due;
}

std::optional<Nanoseconds> RetryPacer::wait(Instant now) const {
    std::optional<Nanoseconds> shortest;
    for (const auto& [sid, room] : rooms_) {
        if (room.due <= now) continue;
        if (!shortest || room.due - now < *shortest) shortest = room.due - now;
    }
    return shortest;
}

}  // namespace aircheck::control
