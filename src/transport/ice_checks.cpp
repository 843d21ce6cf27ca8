// The agent's clockwork: which check, nomination or consent request is due.
#include "transport/ice.hpp"

#include <algorithm>

namespace aircheck::transport {
namespace {

constexpr Nanoseconds kPace = 20ms;  // Ta; RFC 8445 §14.2 allows 5 ms and more.
constexpr Nanoseconds kFirstRetransmit = 300ms;
constexpr Nanoseconds kMaxRetransmit = 1600ms;
constexpr Nanoseconds kTcpCheckRetry =
    5s;  // TCP repeats by itself; this only replaces a lost peer.
constexpr Nanoseconds kTcpOnlyGrace = 100ms;     // Candidates trickle in any order.
constexpr Nanoseconds kNominationGrace = 150ms;  // For a better pair that is still being checked.
constexpr unsigned kMaxNominationSends = 6;
constexpr unsigned kMaxOpenTcp = 4;
constexpr unsigned kMaxReminders = 5;
constexpr Nanoseconds kConsentInterval = 5s;
constexpr Nanoseconds kConsentRetry = 500ms;

}  // namespace

void IceAgent::on_tick(Instant now) { run(now); }

void IceAgent::run(Instant now) {
    if (state_ == IceState::Failed || state_ == IceState::Idle) return;
    if (config_.mode == IceMode::Full && now_.running && !now_.gave_up) {
        if (!now_.has_selected) open_tcp_pairs(now);
        run_checks(now);
        if (role_ == IceRole::Controlling && !now_.has_selected) nominate(now);
    }
    if (selected_ && config_.mode == IceMode::Full) run_consent(now);
    update_state(now);
}

void IceAgent::open_tcp_pairs(Instant now) {
    if (!now_.tcp_candidate_at || now_.first_success) return;
    const bool udp_had_its_chance = now >= now_.started + config_.tcp_after;
    const bool tcp_only = !now_.has_udp_candidate && now >= *now_.tcp_candidate_at + kTcpOnlyGrace;
    if (!udp_had_its_chance && !tcp_only) return;
    auto open = std::count_if(now_.pairs.begin(), now_.pairs.end(), [](const Pair& pair) {
        return pair.tcp && pair.state != PairState::Unopened;
    });
    for (auto& pair : now_.pairs) {
        if (!pair.tcp || pair.state != PairState::Unopened || now < pair.not_before) continue;
        if (open++ >= kMaxOpenTcp) return;
        pair.state = PairState::Opening;
        wire_.open_tcp(pair.path.path, pair.path.remote);
    }
}

void IceAgent::run_checks(Instant now) {
    for (auto& pair : now_.pairs) {
        if (!pair.check.active || now < pair.check.next_send) continue;
        if (now_.has_selected && !pair.nominated) {
            pair.check.active = false;  // §8.1.2: no more of these once a pair is selected
        } else if (pair.check.nominates && pair.check.sends >= kMaxNominationSends) {
            pair.check.active = false;
            pair.state = PairState::Waiting;  // It answered once: perhaps again.
            now_.first_success.reset();
        } else {
            send_check(pair, now);
        }
    }
    if (role_ == IceRole::Controlled && !now_.has_selected) {
        for (auto& pair : now_.pairs) remind(pair, now);
    }
    while (now >= next_check_) {
        Pair* next = nullptr;
        for (auto& pair : now_.pairs) {
            if (pair.state != PairState::Waiting) continue;
            if (now_.has_selected && !pair.triggered) continue;
            const auto rank = [](const Pair& p) { return std::pair(p.triggered, p.priority); };
            if (next == nullptr || rank(pair) > rank(*next)) next = &pair;
        }
        if (next == nullptr) return;
        start_check(*next, false, now);
        next_check_ = now + kPace;
    }
}

/// A pair that works both ways and is not nominated is checked again after 10, 20, 40 … ms.
/// LiveKit's ICE nominates when it hears a check on a pair that works, else only by its 200 ms
/// tick.
void IceAgent::remind(Pair& pair, Instant now) {
    if (pair.state != PairState::Succeeded || !pair.heard || pair.check.active) return;
    if (pair.reminders >= kMaxReminders || now < pair.next_reminder) return;
    pair.next_reminder = now + 10ms * (2 << pair.reminders++);
    start_check(pair, false, now);
    pair.state = PairState::Succeeded;
}

void IceAgent::start_check(Pair& pair, bool nominates, Instant now) {
    pair.triggered = false;
    if (!nominates) pair.state = PairState::InProgress;
    pair.check = Check{};
    pair.check.id = stun::new_transaction();
    pair.check.active = true;
    pair.check.nominates = nominates;
    pair.check.role = role_;
    send_check(pair, now);
}

void IceAgent::send_check(Pair& pair, Instant now) {
    auto& check = pair.check;
    stun::Builder builder(stun::Class::Request, stun::kBinding, check.id);
    builder.username(now_.remote.ufrag + ":" + now_.local.ufrag);
    // What a peer-reflexive candidate found by this check would have (§7.1.1).
    builder.priority((pair.local_priority & 0x00ffffff) | (std::uint32_t{110} << 24));
    if (check.role == IceRole::Controlling) {
        builder.controlling(tie_breaker_);
        if (check.nominates) builder.use_candidate();
    } else {
        builder.controlled(tie_breaker_);
    }
    wire_.send(pair.path.path, pair.path.remote, builder.finish(now_.remote.pwd));
    const auto backoff =
        std::min(kFirstRetransmit * (1 << std::min(check.sends, 4u)), kMaxRetransmit);
    check.next_send = now + (pair.tcp ? kTcpCheckRetry : backoff);
    ++check.sends;
}

void IceAgent::nominate(Instant now) {
    Pair* best = nullptr;
    bool better_is_open = false;
    for (auto& pair : now_.pairs) {
        if (pair.check.active && pair.check.nominates) return;
        if (pair.state != PairState::Succeeded) continue;
        if (best == nullptr || pair.priority > best->priority) best = &pair;
    }
    if (best == nullptr) return;
    for (const auto& pair : now_.pairs) {
        const bool open = pair.state == PairState::Waiting || pair.state == PairState::InProgress;
        better_is_open = better_is_open || (open && pair.priority > best->priority);
    }
    if (better_is_open && now < *now_.first_success + kNominationGrace) return;
    start_check(*best, true, now);
}

void IceAgent::select(Pair& pair, Instant now) {
    if (selected_ && selected_->current) {
        if (selected_->path == pair.path) return;
        const bool is_healthy = selected_->unanswered < 2;
        if (is_healthy && pair.priority <= selected_->priority) return;
    } else if (selected_ && selected_->path.path >= kFirstTcpPath) {
        wire_.close_tcp(selected_->path.path);
    }
    Selected fresh;
    fresh.path = pair.path;
    fresh.local = now_.local;
    fresh.remote = now_.remote;
    fresh.priority = pair.priority;
    fresh.local_priority = pair.local_priority;
    fresh.last_answer = now;
    fresh.next_check = now + consent_interval();
    selected_ = std::move(fresh);
    now_.has_selected = true;
    ++selections_;
    std::vector<Pair> unused;
    for (auto it = now_.pairs.begin(); it != now_.pairs.end();) {
        if (it->tcp && it->path.path != selected_->path.path) {
            unused.push_back(std::move(*it));
            it = now_.pairs.erase(it);
        } else {
            ++it;
        }
    }
    close_tcp_pairs(unused);
}

void IceAgent::search_again(Instant now) {
    now_.has_selected = false;
    now_.relays_asked = false;
    now_.relays_at.reset();
    now_.started = now;
    now_.first_success.reset();
    for (auto& pair : now_.pairs) {
        pair.check.active = false;
        pair.nominated = false;
        pair.reminders = 0;
        if (!pair.tcp) pair.state = PairState::Waiting;
    }
}

void IceAgent::close_tcp_pairs(std::vector<Pair>& pairs) {
    for (auto& pair : pairs) {
        if (pair.tcp && pair.state != PairState::Unopened) wire_.close_tcp(pair.path.path);
    }
}

void IceAgent::run_consent(Instant now) {
    if (now < selected_->next_check) return;
    selected_->next_check = now + kConsentRetry;  // An answer puts it off.
    const auto id = stun::new_transaction();
    selected_->transactions[selected_->next_transaction++ % selected_->transactions.size()] = id;
    ++selected_->unanswered;
    stun::Builder builder(stun::Class::Request, stun::kBinding, id);
    builder.username(selected_->remote.ufrag + ":" + selected_->local.ufrag);
    builder.priority((selected_->local_priority & 0x00ffffff) | (std::uint32_t{110} << 24));
    if (role_ == IceRole::Controlling) {
        builder.controlling(tie_breaker_);
    } else {
        builder.controlled(tie_breaker_);
    }
    const auto& path = selected_->path;
    wire_.send(path.path, path.remote, builder.finish(selected_->remote.pwd));
}

void IceAgent::update_state(Instant now) {
    if (selected_) {
        const auto silence = now - selected_->last_answer;
        if (silence < config_.consent_timeout) {
            state_ =
                silence < config_.disconnected_after ? IceState::Connected : IceState::Disconnected;
        } else {
            const auto& remote = selected_->path.remote;
            fail_all(
                "ICE: no answer from " + remote.address + ":" + std::to_string(remote.port) +
                " for " + std::to_string(static_cast<int>(to_seconds(silence))) + " s"
            );
            return;
        }
    } else if (state_ == IceState::Connected) {
        state_ = IceState::Disconnected;  // Its connection, relay or address is gone.
    }
    const bool searching = now_.running && !now_.has_selected && !now_.gave_up;
    if (!searching || now < now_.started + config_.timeout) return;
    if (selected_) {
        now_.gave_up = true;  // The old pair still works: stay on it.
    } else {
        fail_all("ICE: " + tried());
    }
}

void IceAgent::fail_all(std::string why) {
    state_ = IceState::Failed;
    failure_ = std::move(why);
    if (selected_ && selected_->path.path >= kFirstTcpPath) {
        wire_.close_tcp(selected_->path.path);
        std::erase_if(now_.pairs, [&](const Pair& pair) { return pair.path == selected_->path; });
    }
    close_tcp_pairs(now_.pairs);
    now_.pairs.clear();
    selected_.reset();
}

std::string IceAgent::tried() const {
    if (now_.pairs.empty() && !relay_words_.empty()) return relay_words_;
    if (now_.pairs.empty()) return "the remote offered no address that can be reached from here";
    std::string text = "no answer from ";
    std::string separator;
    bool answered = false;
    for (const auto& pair : now_.pairs) {
        const auto& remote = pair.path.remote;
        answered = answered || pair.state == PairState::Succeeded;
        if (text.size() > 400) continue;
        text += separator + (pair.tcp ? "tcp " : "udp ");
        text += (remote.is_v6() ? "[" + remote.address + "]" : remote.address) + ":" +
                std::to_string(remote.port);
        if (!pair.error.empty()) text += " (" + pair.error + ")";
        separator = ", ";
    }
    if (!relay_words_.empty()) text += "; " + relay_words_;
    return answered ? "the remote answers but nominates no pair" : text;
}

Nanoseconds IceAgent::consent_interval() {
    // RFC 7675 §5.1: randomised between 0.8 and 1.2 of the interval.
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const auto thousandths = static_cast<std::int64_t>(800 + random_ % 401);
    return kConsentInterval * thousandths / 1000;
}

std::optional<Instant> IceAgent::next_deadline() const {
    if (state_ == IceState::Failed || state_ == IceState::Idle) return {};
    std::optional<Instant> due;
    const auto at = [&due](Instant time) { due = due ? std::min(*due, time) : time; };
    if (selected_) {
        if (config_.mode == IceMode::Full) at(selected_->next_check);
        const auto limit =
            state_ == IceState::Connected ? config_.disconnected_after : config_.consent_timeout;
        at(selected_->last_answer + limit);
    }
    if (!now_.running || now_.gave_up) return due;
    bool waiting = false;
    for (const auto& pair : now_.pairs) {
        if (pair.check.active) at(pair.check.next_send);
        if (pair.state == PairState::Succeeded && pair.heard && !pair.check.active &&
            pair.reminders < kMaxReminders && role_ == IceRole::Controlled && !now_.has_selected &&
            config_.mode == IceMode::Full) {
            at(pair.next_reminder);
        }
        waiting =
            waiting || (pair.state == PairState::Waiting && (pair.triggered || !now_.has_selected));
        if (pair.state == PairState::Unopened && !now_.has_selected && !now_.first_success) {
            at(std::max(
                pair.not_before,
                now_.has_udp_candidate
                    ? now_.started + config_.tcp_after
                    : now_.tcp_candidate_at.value_or(now_.started) + kTcpOnlyGrace
            ));
        }
    }
    if (waiting && config_.mode == IceMode::Full) at(next_check_);
    if (now_.has_selected) return due;
    at(now_.started + config_.timeout);
    if (now_.first_success && role_ == IceRole::Controlling) {
        at(*now_.first_success + kNominationGrace);
    }
    return due;
}

}  // namespace aircheck::transport
