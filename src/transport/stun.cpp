#include "transport/stun.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cassert>
#include <string>

namespace aircheck::transport::stun {
namespace {

constexpr std::uint32_t kMagicCookie = 0x2112a442;
constexpr std::size_t kHeaderSize = 20;
constexpr std::size_t kIntegritySize = 20;
constexpr std::size_t kMaxUsername = 513;  // RFC 8489 §14.3: less than 509 bytes, padded.

enum Attribute : std::uint16_t {
    Username = 0x0006,
    MessageIntegrity = 0x0008,
    ErrorCode = 0x0009,
    UnknownAttributes = 0x000a,
    XorMappedAddress = 0x0020,
    Priority = 0x0024,
    UseCandidate = 0x0025,
    Fingerprint = 0x8028,
    IceControlled = 0x8029,
    IceControlling = 0x802a,
};

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t value = n;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xedb88320u : 0u);
        table[n] = value;
    }
    return table;
}

/// CRC-32 of ITU V.42, xored as FINGERPRINT wants it (RFC 8489 §14.7).
std::uint32_t fingerprint_of(BytesView bytes) {
    static constexpr auto kTable = make_crc_table();
    std::uint32_t crc = 0xffffffffu;
    for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
    return (crc ^ 0xffffffffu) ^ 0x5354554eu;
}

/// HMAC-SHA1 over `message` as if its header announced `length` (RFC 8489 §14.5).
std::array<std::uint8_t, kIntegritySize> integrity_of(
    BytesView message, std::uint16_t length, std::string_view key
) {
    std::array<std::uint8_t, 1024> text;
    std::array<std::uint8_t, kIntegritySize> digest{};
    if (message.size() > text.size()) return digest;
    std::copy(message.begin(), message.end(), text.begin());
    text[2] = static_cast<std::uint8_t>(length >> 8);
    text[3] = static_cast<std::uint8_t>(length & 0xff);
    unsigned size = 0;
    HMAC(
        EVP_sha1(),
        key.data(),
        static_cast<int>(key.size()),
        text.data(),
        message.size(),
        digest.data(),
        &size
    );
    return digest;
}

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

std::array<std::uint8_t, 16> xor_mask(const TransactionId& transaction) {
    std::array<std::uint8_t, 16> mask{0x21, 0x12, 0xa4, 0x42};
    std::copy(transaction.begin(), transaction.end(), mask.begin() + 4);
    return mask;
}

std::optional<net::Endpoint> parse_xor_address(BytesView value, const TransactionId& transaction) {
    ByteReader reader(value);
    reader.skip(1);
    const auto family = reader.u8();
    const auto port = static_cast<std::uint16_t>(reader.u16() ^ (kMagicCookie >> 16));
    const std::size_t size = family == 1 ? 4 : 16;
    if (!reader.ok() || (family != 1 && family != 2) || reader.remaining() != size) return {};
    std::array<std::uint8_t, 16> address{};
    const auto mask = xor_mask(transaction);
    for (std::size_t i = 0; i < size; ++i) {
        address[i] = static_cast<std::uint8_t>(reader.rest()[i] ^ mask[i]);
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family == 1 ? AF_INET : AF_INET6, address.data(), text.data(), text.size());
    return net::Endpoint{text.data(), port};
}

std::optional<int> parse_error_code(BytesView value) {
    if (value.size() < 4) return {};
    const int code = (value[2] & 7) * 100 + value[3];
    if (value[3] > 99 || code < 300) return {};
    return code;
}

tl::unexpected<Error> malformed(const char* what) {
    return fail(make_error_code(Errc::Malformed), std::string("STUN: ") + what);
}

}  // namespace

Result<MessageView> MessageView::parse(BytesView bytes) {
    if (!looks_like_stun(bytes)) return malformed("no STUN header");
    ByteReader reader(bytes);
    const auto type = reader.u16();
    const auto length = reader.u16();
    if (length % 4 != 0 || length + kHeaderSize != bytes.size() || bytes.size() > 1024) {
        return malformed("bad length");
    }
    MessageView message;
    message.bytes_ = bytes;
    // The two class bits lie between the method's (RFC 8489 §5).
    message.message_class = static_cast<Class>(((type >> 7) & 2) | ((type >> 4) & 1));
    message.method = static_cast<std::uint16_t>(
        (type & 0x000f) | ((type & 0x00e0) >> 1) | ((type & 0x3e00) >> 2)
    );
    reader.skip(4);
    const auto id = reader.bytes(12);
    std::copy(id.begin(), id.end(), message.transaction.begin());

    while (reader.remaining() > 0) {
        const std::size_t offset = bytes.size() - reader.remaining();
        const auto attribute = reader.u16();
        const std::size_t size = reader.u16();
        const auto value = reader.bytes(size);
        reader.skip(padded(size) - size);
        if (!reader.ok()) return malformed("attribute beyond the end");
        if (attribute == Fingerprint) {
            if (size != 4 || reader.remaining() != 0) return malformed("misplaced FINGERPRINT");
            if (ByteReader(value).u32() != fingerprint_of(bytes.first(offset))) {
                return malformed("wrong FINGERPRINT");
            }
            break;
        }
        if (message.has_integrity) continue;
        switch (attribute) {
            case Username:
                if (size > kMaxUsername) return malformed("long USERNAME");
                message.username = as_text(value);
                break;
            case MessageIntegrity:
                if (size != kIntegritySize) return malformed("bad MESSAGE-INTEGRITY");
                message.has_integrity = true;
                message.integrity_offset_ = offset;
                break;
            case ErrorCode:
                message.error_code = parse_error_code(value);
                break;
            case XorMappedAddress:
                message.mapped_address = parse_xor_address(value, message.transaction);
                break;
            case Priority:
                if (size != 4) return malformed("bad PRIORITY");
                message.priority = ByteReader(value).u32();
                break;
            case UseCandidate:
                message.use_candidate = true;
                break;
            case IceControlled:
                if (size != 8) return malformed("bad ICE-CONTROLLED");
                message.controlled = ByteReader(value).u64();
                break;
            case IceControlling:
                if (size != 8) return malformed("bad ICE-CONTROLLING");
                message.controlling = ByteReader(value).u64();
                break;
            default:
                if (attribute < 0x8000 && !message.unknown_required &&
                    attribute != UnknownAttributes) {
                    message.unknown_required = attribute;
                }
        }
    }
    return message;
}

bool MessageView::verify(std::string_view key) const {
    if (!has_integrity) return false;
    const auto announced =
        static_cast<std::uint16_t>(integrity_offset_ + 4 + kIntegritySize - kHeaderSize);
    const auto expected = integrity_of(bytes_.first(integrity_offset_), announced, key);
    return CRYPTO_memcmp(expected.data(), bytes_.data() + integrity_offset_ + 4, kIntegritySize) ==
           0;
}

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
    header(Username, value.size());
    put(as_bytes(value));
    while (size_ % 4 != 0) put(0, 1);
    return *this;
}

Builder& Builder::xor_mapped_address(const net::Endpoint& endpoint) {
    std::array<std::uint8_t, 16> address{};
    const std::size_t size = endpoint.is_v6() ? 16 : 4;
    if (inet_pton(
            endpoint.is_v6() ? AF_INET6 : AF_INET, endpoint.address.c_str(), address.data()
        ) != 1) {
        return *this;
    }
    std::array<std::uint8_t, 12> transaction{};
    std::copy_n(buffer_.begin() + 8, transaction.size(), transaction.begin());
    const auto mask = xor_mask(transaction);
    for (std::size_t i = 0; i < size; ++i) {
        address[i] = static_cast<std::uint8_t>(address[i] ^ mask[i]);
    }
    header(XorMappedAddress, 4 + size);
    put(endpoint.is_v6() ? 2 : 1, 2);
    put(endpoint.port ^ (kMagicCookie >> 16), 2);
    put(BytesView(address).first(size));
    return *this;
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

TransactionId new_transaction() {
    TransactionId id{};
    RAND_bytes(id.data(), static_cast<int>(id.size()));
    return id;
}

bool looks_like_stun(BytesView bytes) {
    return bytes.size() >= kHeaderSize && bytes[0] < 4 && bytes[4] == 0x21 && bytes[5] == 0x12 &&
           bytes[6] == 0xa4 && bytes[7] == 0x42;
}

}  // namespace aircheck::transport::stun
