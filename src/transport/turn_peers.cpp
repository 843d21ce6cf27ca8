// The client's peers: permissions, channels, and the packets to and from them.
#include "transport/turn_client.hpp"
#include "transport/turn_frames.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr std::size_t kMaxWaiting = 4;
// Permissions last 5 minutes, channels 10 (RFC 8656 §9 and §12): renewed a minute before.
constexpr Nanoseconds kRenewPermission = 240s, kRenewChannel = 540s;
/// Who was not sent to for so long is not renewed.
constexpr Nanoseconds kUnused = 60s;

}  // namespace

TurnClient::Peer* TurnClient::find_peer(const net::Endpoint& endpoint) {
    const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) {
        return peer.endpoint == endpoint;
    });
    return found == peers_.end() ? nullptr : &*found;
}

TurnClient::Peer* TurnClient::add_peer(const net::Endpoint& endpoint, Instant now) {
    if (peers_.size() >= kMaxPeers) return nullptr;
    Peer peer;
    peer.endpoint = endpoint;
    peers_.push_back(std::move(peer));
    request(Purpose::Permission, endpoint, 0, now);
    return &peers_.back();
}

bool TurnClient::is_asking(Purpose purpose, const net::Endpoint& endpoint) const {
    return std::any_of(transactions_.begin(), transactions_.end(), [&](const Transaction& sent) {
        return sent.purpose == purpose && sent.peer == endpoint;
    });
}

void TurnClient::send(const net::Endpoint& endpoint, BytesView packet, Instant now) {
    if (state_ != State::Ready || packet.size() > stun::kMaxMessage - 64) {
        ++counters_.unsent;
        return;
    }
    auto* peer = find_peer(endpoint);
    if (peer == nullptr) peer = add_peer(endpoint, now);
    if (peer == nullptr || peer->is_refused) {
        ++counters_.unsent;
        return;
    }
    peer->last_sent = now;
    if (peer->is_permitted) return send_now(*peer, packet);
    if (peer->waiting.size() >= kMaxWaiting) {
        peer->waiting.erase(peer->waiting.begin());
        ++counters_.unsent;
    }
    peer->waiting.emplace_back(packet.begin(), packet.end());
}

void TurnClient::send_now(const Peer& peer, BytesView packet) {
    if (!peer.is_bound) {
        stun::Builder builder(stun::Class::Indication, stun::kSend, stun::new_transaction());
        builder.xor_peer_address(peer.endpoint).data(packet);
        return output_.send_to_server(builder.finish());
    }
    std::array<std::uint8_t, stun::kMaxMessage + kChannelHeader> message;
    message[0] = static_cast<std::uint8_t>(peer.channel >> 8);
    message[1] = static_cast<std::uint8_t>(peer.channel & 0xff);
    message[2] = static_cast<std::uint8_t>(packet.size() >> 8);
    message[3] = static_cast<std::uint8_t>(packet.size() & 0xff);
    std::copy(packet.begin(), packet.end(), message.begin() + kChannelHeader);
    std::size_t size = kChannelHeader + packet.size();
    if (config_.framing == Framing::Stream) {
        while (size % 4 != 0) message[size++] = 0;
    }
    output_.send_to_server(BytesView(message).first(size));
}

void TurnClient::on_permitted(const net::Endpoint& endpoint, Instant now) {
    auto* peer = find_peer(endpoint);
    if (peer == nullptr) return;
    peer->is_permitted = true;
    peer->renew_permission = now + kRenewPermission;
    for (const auto& packet : std::exchange(peer->waiting, {})) send_now(*peer, packet);
}

void TurnClient::on_bound(const net::Endpoint& endpoint, Instant now) {
    auto* peer = find_peer(endpoint);
    if (peer == nullptr) return;
    peer->is_bound = true;
    peer->renew_channel = now + kRenewChannel;
    peer->renew_permission = now + kRenewPermission;  // §12: it renews the permission, too.
}

void TurnClient::on_peer_refused(Purpose purpose, const net::Endpoint& endpoint) {
    auto* peer = find_peer(endpoint);
    if (peer == nullptr) return;
    if (purpose == Purpose::Channel) {
        peer->is_bound = false;  // Indications do as well.
        return;
    }
    if (is_expiring_ && peer->is_permitted) return;  // As long as it lasts.
    peer->is_refused = true;
    peer->is_permitted = false;
    counters_.unsent += peer->waiting.size();
    peer->waiting.clear();
}

void TurnClient::renew_peers(Instant now) {
    for (std::size_t i = 0; i < peers_.size();) {
        auto& peer = peers_[i];
        const bool is_due = peer.is_permitted && now >= peer.renew_permission;
        if (is_due && now - peer.last_sent > kUnused) {
            peers_.erase(peers_.begin() + static_cast<std::ptrdiff_t>(i));
            continue;
        }
        const auto endpoint = peer.endpoint;
        if (is_due) {
            peer.renew_permission = now + kUnused;  // An answer puts it off.
            if (!is_asking(Purpose::Permission, endpoint)) {
                request(Purpose::Permission, endpoint, 0, now);
            }
        }
        if (peer.is_bound && now >= peer.renew_channel) {
            peer.renew_channel = now + kUnused;
            if (!is_asking(Purpose::Channel, endpoint)) request(Purpose::Channel, endpoint, 0, now);
        }
        ++i;
    }
}

void TurnClient::on_channel_data(BytesView message, Instant arrival) {
    ByteReader reader(message);
    const auto channel = reader.u16();
    const std::size_t length = reader.u16();
    const auto packet = reader.bytes(length);
    const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) {
        return peer.channel == channel && channel != 0;
    });
    if (!reader.ok() || reader.remaining() > 3 || found == peers_.end()) {
        ++counters_.ignored;
        return;
    }
    hand_over(*found, packet, arrival);
}

void TurnClient::on_data(const stun::MessageView& message, Instant arrival) {
    if (!message.peer_address || !message.data) {
        ++counters_.ignored;
        return;
    }
    auto* peer = find_peer(*message.peer_address);
    if (peer == nullptr) {
        ++counters_.unknown_peer;
        return;
    }
    hand_over(*peer, *message.data, arrival);
}

void TurnClient::hand_over(Peer& peer, BytesView packet, Instant arrival) {
    if (!peer.has_answered && next_channel_ <= kLastChannel) {
        peer.channel = next_channel_++;
        peer.has_answered = true;
        request(Purpose::Channel, peer.endpoint, 0, arrival);
    }
    output_.on_relayed(peer.endpoint, packet, arrival);
}

}  // namespace aircheck::transport
