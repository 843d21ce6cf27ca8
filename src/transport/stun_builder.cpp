// Writing STUN messages.
#include "transport/stun_wire.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>

namespace aircheck::transport::stun {

Builder::Builder(Class message_class, std::uint16_t method, const TransactionId& transaction) {
    const auto bits = static_cast<unsigned>(message_class);
    put((method & 0x000fu) | ((method & 0x0070u) << 1) | ((method & 0x0f80u) << 2) |
            ((bits & 1) << 4) | ((bits & 2) << 7),
        2);
    put(0, 2);
    put(kMagicCookie, 4);
    put(BytesView(transaction));
}

Builder& Builder::username(std::string_view value) {
    text(Username, value);
    return *this;
}

Builder& Builder::realm(std::string_view value) {
    text(Realm, value);
    return *this;
}

Builder& Builder::nonce(std::string_view value) {
    text(Nonce, value);
    return *this;
}

Builder& Builder::lifetime(std::uint32_t seconds) {
    header(Lifetime, 4);
    put(seconds, 4);
    return *this;
}

Builder& Builder::requested_udp() {
    header(RequestedTransport, 4);
    put(std::uint64_t{17} << 24, 4);
    return *this;
}

Builder& Builder::requested_family(const net::Endpoint& like) {
    header(RequestedAddressFamily, 4);
    put(std::uint64_t{like.is_v6() ? 2U : 1U} << 24, 4);
    return *this;
}

Builder& Builder::channel_number(std::uint16_t number) {
    header(ChannelNumber, 4);
    put(std::uint64_t{number} << 16, 4);
    return *this;
}

Builder& Builder::data(BytesView packet) {
    text(Data, as_text(packet));
    return *this;
}

Builder& Builder::xor_mapped_address(const net::Endpoint& endpoint) {
    xor_address(XorMappedAddress, endpoint);
    return *this;
}

Builder& Builder::xor_relayed_address(const net::Endpoint& endpoint) {
    xor_address(XorRelayedAddress, endpoint);
    return *this;
}

Builder& Builder::xor_peer_address(const net::Endpoint& endpoint) {
    xor_address(XorPeerAddress, endpoint);
    return *this;
}

void Builder::text(std::uint16_t type, std::string_view value) {
    header(type, value.size());
    put(as_bytes(value));
    while (size_ % 4 != 0) put(0, 1);
}

void Builder::xor_address(std::uint16_t type, const net::Endpoint& endpoint) {
    std::array<std::uint8_t, 16> address{};
    const std::size_t size = endpoint.is_v6() ? 16 : 4;
    if (inet_pton(
            endpoint.is_v6() ? AF_INET6 : AF_INET, endpoint.address.c_str(), address.data()
        ) != 1) {
        return;
    }
    std::array<std::uint8_t, 12> transaction{};
    std::copy_n(buffer_.begin() + 8, transaction.size(), transaction.begin());
    const auto mask = xor_mask(transaction);
    for (std::size_t i = 0; i < size; ++i) {
        address[i] = static_cast<std::uint8_t>(address[i] ^ mask[i]);
    }
    header(type, 4 + size);
    put(endpoint.is_v6() ? 2 : 1, 2);
    put(endpoint.port ^ (kMagicCookie >> 16), 2);
    put(BytesView(address).first(size));
}

Builder& Builder::priority(std::uint32_t value) {
    header(Priority, 4);
    put(value, 4);
    return *this;
}

Builder& Builder::use_candidate() {
    header(UseCandidate, 0);
    return *this;
}

Builder& Builder::controlling(std::uint64_t tie_breaker) {
    header(IceControlling, 8);
    put(tie_breaker, 8);
    return *this;
}

Builder& Builder::controlled(std::uint64_t tie_breaker) {
    header(IceControlled, 8);
    put(tie_breaker, 8);
    return *this;
}

Builder& Builder::error(int code, std::string_view reason) {
    header(ErrorCode, 4 + reason.size());
    put(static_cast<std::uint64_t>(code / 100 * 256 + code % 100), 4);
    put(as_bytes(reason));
    while (size_ % 4 != 0) put(0, 1);
    return *this;
}

Builder& Builder::unknown_attribute(std::uint16_t type) {
    header(UnknownAttributes, 2);
    put(type, 2);
    put(0, 2);
    return *this;
}

BytesView Builder::finish(std::string_view key) {
    const auto digest = integrity_of(
        BytesView(buffer_).first(size_),
        static_cast<std::uint16_t>(size_ + 4 + kIntegritySize - kHeaderSize),
        key
    );
    header(MessageIntegrity, kIntegritySize);
    put(BytesView(digest));
    return finish();
}

BytesView Builder::finish() {
    set_length(size_ + 8 - kHeaderSize);
    const auto crc = fingerprint_of(BytesView(buffer_).first(size_));
    header(Fingerprint, 4);
    put(crc, 4);
    return BytesView(buffer_).first(size_);
}

void Builder::header(std::uint16_t type, std::size_t size) {
    put(type, 2);
    put(size, 2);
}

void Builder::put(std::uint64_t value, unsigned width) {
    assert(size_ + width <= buffer_.size());
    while (width > 0) buffer_[size_++] = static_cast<std::uint8_t>(value >> (8 * --width));
}

void Builder::put(BytesView bytes) {
    assert(size_ + bytes.size() <= buffer_.size());
    std::copy(bytes.begin(), bytes.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
}

void Builder::set_length(std::size_t length) {
    buffer_[2] = static_cast<std::uint8_t>(length >> 8);
    buffer_[3] = static_cast<std::uint8_t>(length & 0xff);
}

}  // namespace aircheck::transport::stun
