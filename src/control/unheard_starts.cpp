#include "control/unheard_starts.hpp"

#include <algorithm>

namespace aircheck::control {

void UnheardStarts::waits(const std::string& request_id, std::optional<Instant> answer_by) {
    if (request_id.empty()) return;
    const auto [it, is_first] = waiting_.try_emplace(request_id, answer_by);
    if (is_first || !it->second) return;
    it->second = answer_by ? std::max(*it->second, *answer_by) : answer_by;
}

std::optional<Instant> UnheardStarts::latest(const std::string& request_id) const {
    const auto it = waiting_.find(request_id);
    return it == waiting_.end() ? std::nullopt : it->second;
}

bool UnheardStarts::answered(
    const std::string& request_id,
    std::optional<Instant> answer_by,
    const std::string& egress_id,
    Instant now
) {
    if (const auto it = waiting_.find(request_id); it != waiting_.end()) {
        answer_by = it->second;
        waiting_.erase(it);
    }
    if (egress_id.empty()) return false;
    forget(egress_id);
    if (!answer_by || now <= *answer_by) return false;
    unheard_.push_back({egress_id, request_id.empty() ? now : now + kGrace});
    return true;
}

std::vector<std::string> UnheardStarts::take_due(Instant now) {
    std::vector<std::string> due;
    for (const Unheard& one : unheard_) {
        if (one.due <= now) due.push_back(one.egress_id);
    }
    for (const std::string& egress_id : due) forget(egress_id);
    return due;
}

std::optional<Instant> UnheardStarts::next_due() const {
    std::optional<Instant> next;
    for (const Unheard& one : unheard_) next = next ? std::min(*next, one.due) : one.due;
    return next;
}

void UnheardStarts::forget(const std::string& egress_id) {
    std::erase_if(unheard_, [&](const Unheard& one) { return one.egress_id == egress_id; });
}

}  // namespace aircheck::control
