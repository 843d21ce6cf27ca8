#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "net/socket.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aircheck::transport::stun {

using TransactionId = std::array<std::uint8_t, 12>;

enum class Class : std::uint8_t { Request = 0, Indication = 1, Success = 2, Error = 3 };
inline constexpr std::uint16_t kBinding = 1;
/// TURN's methods (RFC 8656 §17).
inline constexpr std::uint16_t kAllocate = 3, kRefresh = 4, kSend = 6, kData = 7,
                               kCreatePermission = 8, kChannelBind = 9;

/// The error codes that ICE uses (RFC 8489 §14.8, RFC 8445 §7.1).
inline constexpr int kBadRequest = 400;
inline constexpr int kRoleConflict = 487;

/// Longer messages are malformed: no packet of ours or of a server's is longer.
inline constexpr std::size_t kMaxMessage = 2048;
/// The longest USERNAME, REALM and NONCE (RFC 8489 §14.3, §14.9, §14.10).
inline constexpr std::size_t kMaxUsername = 513, kMaxText = 763;

/// A STUN message (RFC 8489) as ICE and TURN need it, borrowing the bytes it was parsed from.
///
/// Parsing checks the header, the lengths, and FINGERPRINT where there is one; nothing is authentic
/// until verify() says so. Attributes after MESSAGE-INTEGRITY, but FINGERPRINT, are ignored
/// (§14.5).
class MessageView {
public:
    /// Errors: Errc::Malformed.
    [[nodiscard]] static Result<MessageView> parse(BytesView bytes);

    Class message_class = Class::Request;
    std::uint16_t method = 0;
    TransactionId transaction{};
    std::string_view username;
    std::optional<net::Endpoint> mapped_address;  ///< XOR-MAPPED-ADDRESS.
    std::optional<std::uint32_t> priority;
    std::optional<std::uint64_t> controlling;  ///< Tie-breaker.
    std::optional<std::uint64_t> controlled;   ///< Tie-breaker.
    std::optional<int> error_code;
    // TURN's (RFC 8656 §18); a realm or nonce that is absent is empty.
    std::string_view realm, nonce;
    std::optional<net::Endpoint> peer_address;      ///< The first XOR-PEER-ADDRESS.
    std::optional<net::Endpoint> relayed_address;   ///< XOR-RELAYED-ADDRESS.
    std::optional<net::Endpoint> alternate_server;  ///< ALTERNATE-SERVER.
    std::optional<std::uint32_t> lifetime_s;
    std::optional<BytesView> data;
    bool use_candidate = false;
    bool has_integrity = false;
    /// A comprehension-required attribute that we do not know (§6.3.1).
    std::optional<std::uint16_t> unknown_required;

    /// True when MESSAGE-INTEGRITY is there and made with `key` (ICE: the password). Constant time.
    [[nodiscard]] bool verify(std::string_view key) const;

private:
    BytesView bytes_;
    std::size_t integrity_offset_ = 0;  ///< Of the attribute's header.
};

/// Writes a message into a buffer of its own; no allocation. What does not fit is a bug of the
/// caller: the largest ICE check has 180 bytes with a username of 2 × 32 characters, the largest
/// request of TURN kMaxUsername + 2 kMaxText + 100.
class Builder {
public:
    Builder(Class message_class, std::uint16_t method, const TransactionId& transaction);

    Builder& username(std::string_view value);
    Builder& xor_mapped_address(const net::Endpoint& endpoint);
    Builder& priority(std::uint32_t value);
    Builder& use_candidate();
    Builder& controlling(std::uint64_t tie_breaker);
    Builder& controlled(std::uint64_t tie_breaker);
    Builder& error(int code, std::string_view reason);
    Builder& unknown_attribute(std::uint16_t type);
    // TURN's.
    Builder& realm(std::string_view value);
    Builder& nonce(std::string_view value);
    Builder& lifetime(std::uint32_t seconds);
    Builder& requested_udp();
    Builder& requested_family(const net::Endpoint& like);
    Builder& xor_peer_address(const net::Endpoint& endpoint);
    Builder& xor_relayed_address(const net::Endpoint& endpoint);  ///< A server's.
    Builder& channel_number(std::uint16_t number);
    Builder& data(BytesView packet);
    /// Ends the message with MESSAGE-INTEGRITY and FINGERPRINT. Valid as long as the builder.
    [[nodiscard]] BytesView finish(std::string_view key);
    /// Ends it with FINGERPRINT alone: before the server has said its realm.
    [[nodiscard]] BytesView finish();

private:
    void header(std::uint16_t type, std::size_t size);
    void text(std::uint16_t type, std::string_view value);
    void xor_address(std::uint16_t type, const net::Endpoint& endpoint);
    void put(std::uint64_t value, unsigned width);
    void put(BytesView bytes);
    void set_length(std::size_t length);

    std::array<std::uint8_t, 2304> buffer_{};
    std::size_t size_ = 0;
};

/// A fresh transaction id from the kernel's randomness.
[[nodiscard]] TransactionId new_transaction();

/// True for what RFC 7983 §7 leaves to STUN by its first byte and §5 of RFC 8489 by its cookie.
[[nodiscard]] bool looks_like_stun(BytesView bytes);

}  // namespace aircheck::transport::stun
