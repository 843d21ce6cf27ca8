#pragma once

#include "core/time.hpp"
#include "recorder/job.hpp"
#include "signal/room.hpp"

#include <map>
#include <string>
#include <vector>

namespace aircheck::recorder {

[[nodiscard]] ParticipantKind kind_of(signal::ParticipantKind kind);

/// Everybody who was in the room while it was recorded, those who left included, by sid.
class ParticipantList {
public:
    /// New or changed.
    void update(const signal::Participant& participant, WallTime now);
    void left(const std::string& sid, WallTime now);
    /// Participants that are here and of whom is_human() is true.
    [[nodiscard]] std::size_t humans() const;
    /// In order of joining.
    [[nodiscard]] std::vector<ParticipantSummary> all() const;
    /// "" when nobody of that sid was here.
    [[nodiscard]] std::string identity_of(const std::string& sid) const;

private:
    /// Of one recording; beyond it the oldest that left are forgotten first.
    static constexpr std::size_t kMost = 10'000;
    std::map<std::string, ParticipantSummary> by_sid_;
};

}  // namespace aircheck::recorder
