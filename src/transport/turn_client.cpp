#include "transport/turn_client.hpp"

#include "net/crypto.hpp"
#include "transport/turn_frames.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::transport {
namespace {

// RFC 8489 §6.2.1: 500 ms, doubled, seven times; then sixteen times the first is waited.
constexpr Nanoseconds kFirstRetransmit = 500ms;
constexpr unsigned kMaxSends = 7;
constexpr Nanoseconds kLastWait = 16 * kFirstRetransmit;
constexpr Nanoseconds kStreamWait = 39'500ms;  // §6.2.2
/// Refusals of one request for its nonce or credentials before it is given up.
constexpr unsigned kMaxRefusals = 4;
/// What a server may say of its lifetime; less or more is taken as these.
constexpr std::uint32_t kShortestLifetime_s = 10, kLongestLifetime_s = 3600;
constexpr std::uint32_t kAskedLifetime_s = 600;

constexpr int kTryAlternate = 300, kUnauthorized = 401, kMismatch = 437, kStaleNonce = 438;

std::string words_for(int code) {
    switch (code) {
        case kTryAlternate:
            return "sends us elsewhere";
        case 400:
            return "calls the request bad, as some servers do of wrong credentials";
        case kUnauthorized:
            return "refuses the credentials";
        case 403:
            return "forbids it";
        case kMismatch:
            return "has another allocation for this address";
        case kStaleNonce:
            return "finds every nonce stale";
        case 440:
            return "does not relay for this address family";
        case 441:
            return "refuses these credentials for this allocation";
        case 442:
            return "does not relay UDP";
        case 486:
            return "has reached its quota of allocations";
        case 508:
            return "has no capacity left";
        default:
            return "refuses";
    }
}

std::uint16_t method_of(std::uint16_t purpose) {
    static constexpr std::array<std::uint16_t, 5> kMethods{
        stun::kAllocate,
        stun::kRefresh,
        stun::kRefresh,
        stun::kCreatePermission,
        stun::kChannelBind};
    return kMethods.at(purpose);
}

}  // namespace

TurnClient::TurnClient(Config config, Output& output)
    : config_(std::move(config)), output_(output), next_channel_(kFirstChannel) {
    peers_.reserve(kMaxPeers);  // They stay where they are: packets may be sent from on_relayed().
}

void TurnClient::start(Instant now) {
    if (state_ != State::Idle) return;
    state_ = State::Allocating;
    if (config_.username.empty() || config_.username.size() > stun::kMaxUsername) {
        return fail_with("the username is empty or too long");
    }
    request(Purpose::Allocate, {}, 0, now);
}

void TurnClient::request(
    Purpose purpose, const net::Endpoint& peer, unsigned refusals, Instant now
) {
    Transaction transaction;
    transaction.id = stun::new_transaction();
    transaction.purpose = purpose;
    transaction.peer = peer;
    transaction.refusals = refusals;
    transactions_.push_back(std::move(transaction));
    send_request(transactions_.back(), now);
}

void TurnClient::send_request(Transaction& transaction, Instant now) {
    stun::Builder builder(
        stun::Class::Request,
        method_of(static_cast<std::uint16_t>(transaction.purpose)),
        transaction.id
    );
    switch (transaction.purpose) {
        case Purpose::Allocate:
            builder.lifetime(kAskedLifetime_s).requested_udp();
            if (config_.family.is_v6()) builder.requested_family(config_.family);
            break;
        case Purpose::Refresh:
            builder.lifetime(kAskedLifetime_s);
            break;
        case Purpose::Deallocate:
            builder.lifetime(0);
            break;
        case Purpose::Channel:
            if (const auto* peer = find_peer(transaction.peer)) {
                builder.channel_number(peer->channel);
            }
            builder.xor_peer_address(transaction.peer);
            break;
        case Purpose::Permission:
            builder.xor_peer_address(transaction.peer);
            break;
    }
    transaction.is_signed = !key_.empty();
    const bool is_stream = config_.framing == Framing::Stream;
    const auto backoff = kFirstRetransmit * (1 << std::min(transaction.sends, kMaxSends - 1));
    ++transaction.sends;
    transaction.next_send = now + (is_stream                        ? kStreamWait
                                   : transaction.sends >= kMaxSends ? kLastWait
                                                                    : backoff);
    if (!transaction.is_signed) return output_.send_to_server(builder.finish());
    builder.username(config_.username).realm(realm_).nonce(nonce_);
    output_.send_to_server(builder.finish(key_));
}

void TurnClient::on_message(BytesView message, Instant arrival) {
    if (state_ == State::Failed || state_ == State::Idle) return;
    if (!message.empty() && message[0] >= (kFirstChannel >> 8)) {
        return on_channel_data(message, arrival);
    }
    const auto parsed = stun::MessageView::parse(message);
    if (!parsed) {
        ++counters_.ignored;
        return;
    }
    const auto kind = parsed->message_class;
    if (kind == stun::Class::Success || kind == stun::Class::Error) {
        on_response(*parsed, arrival);
    } else if (kind == stun::Class::Indication && parsed->method == stun::kData) {
        on_data(*parsed, arrival);
    } else {
        ++counters_.ignored;
    }
}

void TurnClient::on_response(const stun::MessageView& message, Instant now) {
    const auto found =
        std::find_if(transactions_.begin(), transactions_.end(), [&](const Transaction& sent) {
            return sent.id == message.transaction;
        });
    const auto is_expected = [&] {
        if (found == transactions_.end()) return false;
        if (method_of(static_cast<std::uint16_t>(found->purpose)) != message.method) return false;
        // What says yes must be signed; a no may be said by who does not know us (§9.2.5).
        if (message.message_class == stun::Class::Success) {
            return found->is_signed && message.verify(key_);
        }
        const bool may_be_unsigned = !found->is_signed || !message.has_integrity;
        return message.error_code.has_value() && (may_be_unsigned || message.verify(key_));
    };
    if (!is_expected()) {
        ++counters_.ignored;
        return;
    }
    const Transaction done = std::move(*found);
    transactions_.erase(found);
    if (message.message_class == stun::Class::Success) return on_success(done, message, now);
    if (authenticate_again(done, message, now)) return;
    on_error(done, message, now);
}

/// True when the request was made again, with what the server asked for.
bool TurnClient::authenticate_again(
    const Transaction& refused, const stun::MessageView& answer, Instant now
) {
    const int code = *answer.error_code;
    const bool is_stale = code == kStaleNonce;
    if (code != kUnauthorized && !is_stale) return false;
    if (answer.nonce.empty() || refused.refusals >= kMaxRefusals) return false;
    const bool has_new_realm = !answer.realm.empty() && answer.realm != realm_;
    // Twice the same answer to signed requests: it is the credentials.
    if (!is_stale && refused.is_signed && !has_new_realm && refused.refusals > 1) return false;
    if (realm_.empty() && answer.realm.empty()) return false;
    if (!answer.realm.empty()) realm_ = std::string(answer.realm);
    nonce_ = std::string(answer.nonce);
    const auto digest =
        net::md5(as_bytes(config_.username + ":" + realm_ + ":" + config_.credential));
    key_ = std::string(as_text(digest));
    request(refused.purpose, refused.peer, refused.refusals + 1, now);
    return true;
}

void TurnClient::on_success(const Transaction& done, const stun::MessageView& answer, Instant now) {
    switch (done.purpose) {
        case Purpose::Allocate:
            if (!answer.relayed_address || answer.relayed_address->port == 0) {
                return fail_with("names no relayed address");
            }
            relayed_ = *answer.relayed_address;
            state_ = State::Ready;
            return set_lifetime(answer, now);
        case Purpose::Refresh:
            return set_lifetime(answer, now);
        case Purpose::Deallocate:
            return;
        case Purpose::Permission:
            return on_permitted(done.peer, now);
        case Purpose::Channel:
            return on_bound(done.peer, now);
    }
}

void TurnClient::on_error(const Transaction& done, const stun::MessageView& answer, Instant now) {
    static_cast<void>(now);
    const int code = *answer.error_code;
    if (done.purpose == Purpose::Permission || done.purpose == Purpose::Channel) {
        if (code == kMismatch) return fail_with("has forgotten the allocation");
        if (code == kUnauthorized || code == 441) is_expiring_ = true;
        return on_peer_refused(done.purpose, done.peer);
    }
    if (done.purpose == Purpose::Deallocate) return;
    if (done.purpose == Purpose::Refresh && code != kMismatch) {
        // It lives until its time is over: whoever owns us may bring new credentials before.
        is_expiring_ = true;
        refresh_at_ = expires_at_;
        failure_ = words_for(code);
        return;
    }
    if (code == kTryAlternate) alternate_ = answer.alternate_server;
    is_mismatched_ = code == kMismatch && done.purpose == Purpose::Allocate;
    fail_with(words_for(code) + " (" + std::to_string(code) + ")");
}

void TurnClient::on_timeout(const Transaction& lost) {
    switch (lost.purpose) {
        case Purpose::Allocate:
        case Purpose::Refresh:
            return fail_with("does not answer");
        case Purpose::Deallocate:
            return;
        case Purpose::Permission:
        case Purpose::Channel:
            return on_peer_refused(lost.purpose, lost.peer);
    }
}

void TurnClient::set_lifetime(const stun::MessageView& answer, Instant now) {
    const auto told = answer.lifetime_s.value_or(kAskedLifetime_s);
    const std::chrono::seconds lifetime(std::clamp(told, kShortestLifetime_s, kLongestLifetime_s));
    expires_at_ = now + lifetime;
    refresh_at_ =
        now + (lifetime >= 120s ? Nanoseconds(lifetime - 60s) : Nanoseconds(lifetime) / 2);
    is_expiring_ = false;
}

void TurnClient::on_tick(Instant now) {
    if (state_ == State::Failed || state_ == State::Idle) return;
    for (std::size_t i = 0; i < transactions_.size();) {
        auto& transaction = transactions_[i];
        if (now < transaction.next_send) {
            ++i;
        } else if (config_.framing == Framing::Stream || transaction.sends >= kMaxSends) {
            const Transaction lost = std::move(transaction);
            transactions_.erase(transactions_.begin() + static_cast<std::ptrdiff_t>(i));
            on_timeout(lost);
            if (state_ == State::Failed) return;
        } else {
            send_request(transaction, now);
            ++i;
        }
    }
    if (state_ != State::Ready) return;
    if (now >= expires_at_) return fail_with("let the allocation's time run out");
    if (now >= refresh_at_) {
        refresh_at_ = expires_at_;
        request(Purpose::Refresh, {}, 0, now);
    }
    renew_peers(now);
}

std::optional<Instant> TurnClient::next_deadline() const {
    if (state_ == State::Failed || state_ == State::Idle) return {};
    std::optional<Instant> due;
    const auto at = [&due](Instant time) { due = due ? std::min(*due, time) : time; };
    for (const auto& transaction : transactions_) at(transaction.next_send);
    if (state_ != State::Ready) return due;
    at(refresh_at_);
    for (const auto& peer : peers_) {
        if (peer.is_permitted) at(peer.renew_permission);
        if (peer.is_bound) at(peer.renew_channel);
    }
    return due;
}

void TurnClient::close(Instant now) {
    if (state_ == State::Failed || state_ == State::Closed) return;
    const bool has_allocation = state_ == State::Ready;
    state_ = State::Closed;
    transactions_.clear();
    peers_.clear();
    if (has_allocation) request(Purpose::Deallocate, {}, 0, now);
}

void TurnClient::fail_with(std::string why) {
    state_ = State::Failed;
    failure_ = std::move(why);
    transactions_.clear();
    peers_.clear();
}

}  // namespace aircheck::transport
