#include "transport/stun_wire.hpp"

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

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t value = n;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xedb88320u : 0u);
        table[n] = value;
    }
    return table;
}

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

/// An address, xored with `mask` (§14.2), or plain with one of zeros (§14.1).
std::optional<net::Endpoint> parse_address(
    BytesView value, const std::array<std::uint8_t, 16>& mask
) {
    ByteReader reader(value);
    reader.skip(1);
    const auto family = reader.u8();
    const auto port = static_cast<std::uint16_t>(reader.u16() ^ (mask[0] << 8 | mask[1]));
    const std::size_t size = family == 1 ? 4 : 16;
    if (!reader.ok() || (family != 1 && family != 2) || reader.remaining() != size) return {};
    std::array<std::uint8_t, 16> address{};
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

std::uint32_t fingerprint_of(BytesView bytes) {
    static constexpr auto kTable = make_crc_table();
    std::uint32_t crc = 0xffffffffu;
    for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
    return (crc ^ 0xffffffffu) ^ 0x5354554eu;
}

std::array<std::uint8_t, kIntegritySize> integrity_of(
    BytesView message, std::uint16_t length, std::string_view key
) {
    std::array<std::uint8_t, 2304> text;
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

Result<MessageView> MessageView::parse(BytesView bytes) {
    if (!looks_like_stun(bytes)) return malformed("no STUN header");
    ByteReader reader(bytes);
    const auto type = reader.u16();
    const auto length = reader.u16();
    if (length % 4 != 0 || length + kHeaderSize != bytes.size() || bytes.size() > kMaxMessage) {
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
                message.mapped_address = parse_address(value, xor_mask(message.transaction));
                break;
            case Priority:
                if (size != 4) return malformed("bad PRIORITY");
                message.priority = ByteReader(value).u32();
                break;
            case UseCandidate:
                message.use_candidate = true;
                break;
            case Realm:
            case Nonce:
                if (size > kMaxText) return malformed("long REALM or NONCE");
                (attribute == Realm ? message.realm : message.nonce) = as_text(value);
                break;
            case XorPeerAddress:
                if (!message.peer_address) {
                    message.peer_address = parse_address(value, xor_mask(message.transaction));
                }
                break;
            case XorRelayedAddress:
                message.relayed_address = parse_address(value, xor_mask(message.transaction));
                break;
            case AlternateServer:
                message.alternate_server = parse_address(value, {});
                break;
            case Lifetime:
                if (size != 4) return malformed("bad LIFETIME");
                message.lifetime_s = ByteReader(value).u32();
                break;
            case Data:
                message.data = value;
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
