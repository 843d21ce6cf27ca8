#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"

#include <array>
#include <string>
#include <string_view>

namespace aircheck::net {

using Sha256Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256Digest sha256(BytesView bytes);
[[nodiscard]] Sha256Digest hmac_sha256(BytesView key, BytesView message);
[[nodiscard]] std::array<std::uint8_t, 16> md5(BytesView bytes);

/// SHA-256 of bytes that come in pieces.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(BytesView bytes);
    /// The digest; the object is spent.
    [[nodiscard]] Sha256Digest finish();

private:
    void* context_;
};

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2), as RS256 has it. InvalidArgument when the PEM
/// text is no RSA private key.
[[nodiscard]] Result<Bytes> rsa_sha256(std::string_view private_key_pem, BytesView message);

/// Compares in time that depends on the lengths only.
[[nodiscard]] bool constant_time_equal(BytesView a, BytesView b);

/// `count` bytes of the kernel's randomness.
[[nodiscard]] Bytes random_bytes(std::size_t count);

/// AES-256-GCM with a random 96-bit nonce: nonce ‖ ciphertext ‖ tag. `key` has 32 bytes.
[[nodiscard]] Bytes seal(BytesView key, std::string_view plain, std::string_view associated);
/// Opens what seal() made; Errc::Malformed when the key, the associated text or a bit is another.
[[nodiscard]] Result<std::string> open_sealed(
    BytesView key, BytesView sealed, std::string_view associated
);

}  // namespace aircheck::net
