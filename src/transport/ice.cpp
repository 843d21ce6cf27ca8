#include "transport/ice.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr std::size_t kMaxPairs = 64;
constexpr std::size_t kMaxPending = 32;
constexpr int kUnknownAttribute = 420;
constexpr Nanoseconds kFirstReminder = 10ms;

std::string random_text(std::size_t size) {
    static constexpr std::string_view kChars =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text(size, '\0');
    std::vector<std::uint8_t> bytes(size);
    RAND_bytes(bytes.data(), static_cast<int>(size));
    std::transform(bytes.begin(), bytes.end(), text.begin(), [](std::uint8_t byte) {
        return kChars[byte & 63];
    });
    return text;
}

std::uint64_t random_number() {
    std::array<std::uint8_t, 8> bytes{};
    RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
    return ByteReader(bytes).u64() | 1;
}

}  // namespace

IceCredentials new_ice_credentials() { return {random_text(8), random_text(24)}; }

IceAgent::IceAgent(const Config& config, Wire& wire)
    : config_(config),
      wire_(wire),
      role_(config.mode == IceMode::Lite ? IceRole::Controlled : config.role),
      tie_breaker_(config.tie_breaker != 0 ? config.tie_breaker : random_number()),
      random_(tie_breaker_ | 1) {
    now_.local = new_ice_credentials();
}

void IceAgent::set_remote(const IceCredentials& remote, IceMode mode, Instant now) {
    now_.remote = remote;
    remote_mode_ = mode;
    if (mode == IceMode::Lite && config_.mode == IceMode::Full) set_role(IceRole::Controlling);
    now_.running = true;
    now_.started = now;
    next_check_ = now;
    if (state_ == IceState::Idle) state_ = IceState::Checking;
    for (const auto& candidate : std::exchange(now_.pending, {})) pair_up(candidate, now);
    run(now);
}

void IceAgent::restart(Instant now) {
    if (!now_.running && !selected_) return;
    if (selected_ && selected_->current) {
        selected_->current = false;
        // Its TCP connection outlives the generation; the others do not.
        std::erase_if(now_.pairs, [&](const Pair& pair) { return pair.path == selected_->path; });
    }
    close_tcp_pairs(now_.pairs);
    now_ = Generation{};
    now_.local = new_ice_credentials();
    now_.started = now;
}

void IceAgent::add_remote_candidate(const Candidate& candidate, Instant now) {
    if (!now_.running) {
        if (now_.pending.size() < kMaxPending) now_.pending.push_back(candidate);
        return;
    }
    pair_up(candidate, now);
    run(now);
}

IceAgent::Pair* IceAgent::add_pair(Pair pair) {
    if (now_.pairs.size() >= kMaxPairs) return nullptr;
    pair.priority = pair_priority(pair);
    now_.pairs.push_back(std::move(pair));
    return &now_.pairs.back();
}

IceAgent::Pair* IceAgent::find_pair(PathId path, const net::Endpoint& remote) {
    const auto found = std::find_if(now_.pairs.begin(), now_.pairs.end(), [&](const Pair& pair) {
        return pair.path.path == path && pair.path.remote == remote;
    });
    return found == now_.pairs.end() ? nullptr : &*found;
}

const Candidate* IceAgent::local_of(PathId path) const {
    const auto found = std::find(local_paths_.begin(), local_paths_.end(), path);
    return found == local_paths_.end() ? nullptr
                                       : &locals_[std::size_t(found - local_paths_.begin())];
}

std::uint64_t IceAgent::pair_priority(const Pair& pair) const {
    // RFC 8445 §6.1.2.3: G of the controlling, D of the controlled side.
    const bool controlling = role_ == IceRole::Controlling;
    const std::uint64_t g = controlling ? pair.local_priority : pair.remote_priority;
    const std::uint64_t d = controlling ? pair.remote_priority : pair.local_priority;
    return (std::min(g, d) << 32) + 2 * std::max(g, d) + (g > d ? 1 : 0);
}

void IceAgent::set_role(IceRole role) {
    if (role_ == role) return;
    role_ = role;
    for (auto& pair : now_.pairs) {
        pair.priority = pair_priority(pair);
        pair.nominated = false;
    }
}

bool IceAgent::on_stun(PathId path, const net::Endpoint& from, BytesView bytes, Instant now) {
    const auto message = stun::MessageView::parse(bytes);
    if (!message || message->method != stun::kBinding) return false;
    bool taken = true;
    switch (message->message_class) {
        case stun::Class::Indication:
            return true;
        case stun::Class::Request:
            taken = on_request(path, from, *message, now);
            break;
        case stun::Class::Success:
        case stun::Class::Error:
            taken = on_response(path, from, *message, now);
            break;
    }
    if (taken) run(now);
    return taken;
}

bool IceAgent::on_request(
    PathId path, const net::Endpoint& from, const stun::MessageView& message, Instant now
) {
    const auto colon = message.username.find(':');
    if (colon == std::string_view::npos) return false;
    const auto ufrag = message.username.substr(0, colon);
    const bool is_current = ufrag == now_.local.ufrag;
    if (!is_current && (!selected_ || selected_->current || ufrag != selected_->local.ufrag)) {
        return false;
    }
    const IceCredentials& local = is_current ? now_.local : selected_->local;
    if (!message.verify(local.pwd)) return false;
    if (message.unknown_required) {
        answer(path, from, message, local, kUnknownAttribute);
        return true;
    }
    if (!is_current) {
        answer(path, from, message, local, 0);
        return true;
    }
    if (!resolve_role_conflict(message)) {
        answer(path, from, message, local, stun::kRoleConflict);
        return true;
    }
    answer(path, from, message, local, 0);
    on_current_request(path, from, message, now);
    return true;
}

bool IceAgent::resolve_role_conflict(const stun::MessageView& message) {
    // RFC 8445 §7.3.1.1. A lite agent is controlled, and so is never in the wrong.
    if (role_ == IceRole::Controlling && message.controlling) {
        if (tie_breaker_ >= *message.controlling) return false;
        set_role(IceRole::Controlled);
    } else if (role_ == IceRole::Controlled && message.controlled) {
        if (config_.mode == IceMode::Lite || tie_breaker_ < *message.controlled) return false;
        set_role(IceRole::Controlling);
    }
    return true;
}

void IceAgent::answer(
    PathId path,
    const net::Endpoint& to,
    const stun::MessageView& message,
    const IceCredentials& local,
    int error
) {
    stun::Builder builder(
        error == 0 ? stun::Class::Success : stun::Class::Error, stun::kBinding, message.transaction
    );
    if (error == 0) {
        builder.xor_mapped_address(to);
    } else {
        builder.error(error, error == stun::kRoleConflict ? "Role Conflict" : "Unknown Attribute");
        if (message.unknown_required) builder.unknown_attribute(*message.unknown_required);
    }
    wire_.send(path, to, builder.finish(local.pwd));
}

void IceAgent::on_current_request(
    PathId path, const net::Endpoint& from, const stun::MessageView& message, Instant now
) {
    auto* pair = find_pair(path, from);
    if (pair == nullptr) {
        const auto* local = local_of(path);
        if (local == nullptr) return;
        Pair discovered;  // A peer-reflexive remote (§7.3.1.3).
        discovered.path = {path, local->endpoint, from};
        discovered.local_priority = local->priority;
        discovered.remote_priority =
            message.priority.value_or(candidate_priority(CandidateType::PeerReflexive, 0));
        pair = add_pair(std::move(discovered));
        if (pair == nullptr) return;
    }
    pair->vouched = true;
    pair->heard = true;
    if (config_.mode == IceMode::Lite) {
        // Its request is all that a lite agent ever hears.
        pair->state = PairState::Succeeded;
        if (selected_ && selected_->path == pair->path) selected_->last_answer = now;
    }
    const bool nominated = message.use_candidate && role_ == IceRole::Controlled;
    if (pair->state == PairState::Succeeded) {
        if (nominated) select(*pair, now);
        return;
    }
    pair->nominated = pair->nominated || nominated;
    if (pair->check.active) {
        pair->check.next_send = std::min(pair->check.next_send, now + 20ms);
    } else {
        pair->state = PairState::Waiting;
        pair->triggered = true;  // §7.3.1.4
    }
}

bool IceAgent::on_response(
    PathId path, const net::Endpoint& from, const stun::MessageView& message, Instant now
) {
    if (selected_ && selected_->path.path == path && selected_->path.remote == from) {
        auto& sent = selected_->transactions;
        const auto known = std::find(sent.begin(), sent.end(), message.transaction);
        if (known != sent.end() && message.transaction != stun::TransactionId{}) {
            if (!message.verify(selected_->remote.pwd)) return false;
            *known = {};
            if (message.message_class == stun::Class::Success) {
                selected_->last_answer = now;
                selected_->unanswered = 0;
                selected_->next_check = now + consent_interval();
            }
            return true;
        }
    }
    const auto found = std::find_if(now_.pairs.begin(), now_.pairs.end(), [&](const Pair& pair) {
        return pair.check.active && pair.check.id == message.transaction;
    });
    if (found == now_.pairs.end() || !message.verify(now_.remote.pwd)) return false;
    if (found->path.path != path || found->path.remote != from) {
        found->check.active = false;  // §7.2.5.2.1: not symmetric
        found->state = PairState::Failed;
        return true;
    }
    on_check_answered(*found, message, now);
    return true;
}

void IceAgent::on_check_answered(Pair& pair, const stun::MessageView& message, Instant now) {
    const Check check = pair.check;
    pair.check.active = false;
    pair.vouched = true;
    if (message.message_class == stun::Class::Error) {
        if (message.error_code == stun::kRoleConflict && config_.mode == IceMode::Full) {
            // §7.2.5.1: the other role, a new tie-breaker, and the check again.
            if (role_ == check.role) {
                tie_breaker_ = random_number();
                set_role(
                    check.role == IceRole::Controlling ? IceRole::Controlled : IceRole::Controlling
                );
            }
            pair.state = PairState::Waiting;
            pair.triggered = true;
        } else {
            pair.check = check;  // The remote may not be ready yet: again, but later.
            pair.check.next_send = now + 1s;
        }
        return;
    }
    if (pair.state != PairState::Succeeded) pair.next_reminder = now + kFirstReminder;
    pair.state = PairState::Succeeded;
    if (!now_.first_success) now_.first_success = now;
    if ((check.nominates && role_ == IceRole::Controlling) || pair.nominated) select(pair, now);
}

const IceAgent::Path* IceAgent::best_path() const {
    if (selected_) return &selected_->path;
    const Pair* best = nullptr;
    for (const auto& pair : now_.pairs) {
        if (pair.state != PairState::Succeeded) continue;
        if (best == nullptr || pair.priority > best->priority) best = &pair;
    }
    return best == nullptr ? nullptr : &best->path;
}

bool IceAgent::is_known(PathId path, const net::Endpoint& from) const {
    if (selected_ && selected_->path.path == path && selected_->path.remote == from) return true;
    return std::any_of(now_.pairs.begin(), now_.pairs.end(), [&](const Pair& pair) {
        return pair.vouched && pair.path.path == path && pair.path.remote == from;
    });
}

}  // namespace aircheck::transport
