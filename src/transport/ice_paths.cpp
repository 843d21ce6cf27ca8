// The agent's paths: local candidates, what they are paired with, and what becomes of them.
#include "transport/ice.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr std::size_t kMaxRemotes = 32;
constexpr std::size_t kMaxLocals = 16;

/// RFC 6544 §4.2: below every UDP candidate; direction preference 6 (active).
constexpr std::uint32_t kTcpActivePriority =
    (std::uint32_t{90} << 24) | (((std::uint32_t{6} << 13) | 8191) << 8) | 255;

}  // namespace

void IceAgent::add_local_candidate(PathId path, const net::Endpoint& local, Instant now) {
    Candidate candidate;
    candidate.endpoint = local;
    candidate.priority = candidate_priority(
        CandidateType::Host, static_cast<std::uint16_t>(65535 - 256 * std::min(foundations_, 200u))
    );
    add_local(path, std::move(candidate), now);
}

void IceAgent::add_relayed_candidate(
    PathId path, const net::Endpoint& relayed, std::uint16_t preference, Instant now
) {
    Candidate candidate;
    candidate.type = CandidateType::Relay;
    candidate.endpoint = relayed;
    candidate.priority = candidate_priority(CandidateType::Relay, preference);
    add_local(path, std::move(candidate), now);
}

void IceAgent::add_local(PathId path, Candidate candidate, Instant now) {
    if (locals_.size() >= kMaxLocals) return;
    candidate.foundation = std::to_string(++foundations_);
    locals_.push_back(std::move(candidate));
    local_paths_.push_back(path);
    if (!now_.running || config_.mode == IceMode::Lite) return;
    for (const auto& remote : now_.remotes) pair_up_with(locals_.size() - 1, remote, now);
    run(now);
}

void IceAgent::retire_path(PathId path) {
    for (std::size_t i = locals_.size(); i-- > 0;) {
        if (local_paths_[i] != path) continue;
        locals_.erase(locals_.begin() + static_cast<std::ptrdiff_t>(i));
        local_paths_.erase(local_paths_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void IceAgent::remove_path(PathId path, Instant now) {
    retire_path(path);
    std::erase_if(now_.pairs, [&](const Pair& pair) { return pair.path.path == path; });
    if (selected_ && selected_->path.path == path) {
        if (selected_->current) search_again(now);
        selected_.reset();
    }
    run(now);
}

std::optional<Instant> IceAgent::relay_due() const {
    const bool is_searching = now_.running && !now_.has_selected && !now_.gave_up;
    if (!is_searching || now_.relays_asked || now_.first_success) return {};
    if (state_ == IceState::Failed) return {};
    if (now_.relays_at) return now_.relays_at;
    return now_.started + (locals_.empty() ? Nanoseconds{0} : config_.relay_after);
}

bool IceAgent::take_relay_request(Instant now) {
    const auto due = relay_due();
    if (!due || now < *due) return false;
    now_.relays_asked = true;
    return true;
}

void IceAgent::ask_for_relays_at(Instant at) {
    now_.relays_asked = false;
    now_.relays_at = at;
}

void IceAgent::pair_up(const Candidate& candidate, Instant now) {
    if (config_.mode == IceMode::Lite) return;
    const bool is_new =
        std::none_of(now_.remotes.begin(), now_.remotes.end(), [&](const Candidate& known) {
            return known.endpoint == candidate.endpoint && known.protocol == candidate.protocol;
        });
    if (is_new && now_.remotes.size() < kMaxRemotes) now_.remotes.push_back(candidate);
    for (std::size_t i = 0; i < locals_.size(); ++i) pair_up_with(i, candidate, now);
}

void IceAgent::pair_up_with(std::size_t local, const Candidate& candidate, Instant now) {
    if (locals_[local].endpoint.is_v6() != candidate.endpoint.is_v6()) return;
    if (candidate.protocol == Protocol::Tcp) return open_pair_with(local, candidate, now);
    now_.has_udp_candidate = true;
    if (auto* known = find_pair(local_paths_[local], candidate.endpoint)) {
        known->remote_priority = candidate.priority;
        known->priority = pair_priority(*known);
        return;
    }
    Pair pair;
    pair.path = {local_paths_[local], locals_[local].endpoint, candidate.endpoint};
    pair.local_priority = locals_[local].priority;
    pair.remote_priority = candidate.priority;
    add_pair(std::move(pair));
}

void IceAgent::open_pair_with(std::size_t local, const Candidate& candidate, Instant now) {
    if (config_.tcp == TcpUse::Never || locals_[local].type == CandidateType::Relay) return;
    // The system picks the local address: one connection is enough.
    const bool is_known = std::any_of(now_.pairs.begin(), now_.pairs.end(), [&](const Pair& known) {
        return known.tcp && known.path.remote == candidate.endpoint;
    });
    if (is_known) return;
    if (!now_.tcp_candidate_at) now_.tcp_candidate_at = now;
    Pair pair;
    pair.tcp = true;
    pair.state = PairState::Unopened;
    pair.local_priority = kTcpActivePriority;
    pair.remote_priority = candidate.priority;
    pair.path.path = next_tcp_path_++;
    pair.path.remote = candidate.endpoint;
    pair.not_before = now;
    add_pair(std::move(pair));
}

void IceAgent::on_tcp_connected(PathId path, const net::Endpoint& local, Instant now) {
    for (auto& pair : now_.pairs) {
        if (!pair.tcp || pair.path.path != path || pair.state != PairState::Opening) continue;
        pair.path.local = local;
        pair.state = PairState::Waiting;
        pair.triggered = true;
    }
    run(now);
}

void IceAgent::on_tcp_closed(PathId path, std::string_view reason, Instant now) {
    if (path < kFirstTcpPath) return;
    if (selected_ && selected_->path.path == path) {
        // Look for another pair, or the same address again, until a restart comes or the time is
        // up.
        if (selected_->current) search_again(now);
        selected_.reset();
    }
    for (auto& pair : now_.pairs) {
        if (!pair.tcp || pair.path.path != path) continue;
        pair.check.active = false;
        pair.error = std::string(reason.substr(0, 200));
        pair.state = PairState::Unopened;
        pair.not_before = now + 1s;
        pair.path.path = next_tcp_path_++;
        pair.vouched = false;
    }
    run(now);
}

}  // namespace aircheck::transport
