#include "recorder/participants.hpp"

#include "core/told_time.hpp"

#include <algorithm>

namespace aircheck::recorder {

ParticipantKind kind_of(signal::ParticipantKind kind) {
    switch (kind) {
        case signal::ParticipantKind::Standard:
            return ParticipantKind::Standard;
        case signal::ParticipantKind::Ingress:
            return ParticipantKind::Ingress;
        case signal::ParticipantKind::Egress:
            return ParticipantKind::Egress;
        case signal::ParticipantKind::Sip:
            return ParticipantKind::Sip;
        case signal::ParticipantKind::Agent:
            return ParticipantKind::Agent;
        case signal::ParticipantKind::Connector:
            return ParticipantKind::Connector;
        case signal::ParticipantKind::Bridge:
            return ParticipantKind::Bridge;
    }
    return ParticipantKind::Standard;
}

void ParticipantList::update(const signal::Participant& participant, WallTime now) {
    if (by_sid_.size() >= kMost && !by_sid_.contains(participant.sid)) {
        const auto oldest = std::find_if(by_sid_.begin(), by_sid_.end(), [](const auto& entry) {
            return entry.second.left_at.has_value();
        });
        if (oldest == by_sid_.end()) return;
        by_sid_.erase(oldest);
    }
    ParticipantSummary& summary = by_sid_[participant.sid];
    const bool is_new = summary.sid.empty();
    summary.sid = participant.sid;
    summary.identity = participant.identity;
    summary.name = participant.name;
    summary.kind = kind_of(participant.kind);
    summary.attributes = participant.attributes;
    if (is_new) {
        summary.joined_at = participant.joined_at_ms > 0
                                ? told_time(std::chrono::milliseconds(participant.joined_at_ms))
                                : now;
    }
    summary.left_at.reset();
}

void ParticipantList::left(const std::string& sid, WallTime now) {
    const auto it = by_sid_.find(sid);
    if (it != by_sid_.end() && !it->second.left_at) it->second.left_at = now;
}

std::size_t ParticipantList::humans() const {
    return static_cast<std::size_t>(std::count_if(
        by_sid_.begin(),
        by_sid_.end(),
        [](const auto& entry) { return !entry.second.left_at && is_human(entry.second.kind); }
    ));
}

std::vector<ParticipantSummary> ParticipantList::all() const {
    std::vector<ParticipantSummary> list;
    for (const auto& [sid, summary] : by_sid_) list.push_back(summary);
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
        return a.joined_at < b.joined_at;
    });
    return list;
}

std::string ParticipantList::identity_of(const std::string& sid) const {
    const auto it = by_sid_.find(sid);
    return it == by_sid_.end() ? std::string() : it->second.identity;
}

}  // namespace aircheck::recorder
