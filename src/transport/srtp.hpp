#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace aircheck::transport {

/// RFC 5764 §4.1.2 and RFC 7714 §14.2.
enum class SrtpProfile : std::uint8_t { Aes128CmSha1_80, AeadAes128Gcm, AeadAes256Gcm };

struct SrtpProfileSizes {
    std::size_t key = 0, salt = 0;  ///< Bytes.
};
[[nodiscard]] SrtpProfileSizes sizes_of(SrtpProfile profile);
/// OpenSSL's name: "SRTP_AEAD_AES_128_GCM".
[[nodiscard]] std::string_view to_string(SrtpProfile profile);

/// Loads libsrtp and the crypto libraries behind it: tens of milliseconds, once a process, that the
/// first call must not pay (Certificate::create() does it). Later calls cost nothing. Thread-safe.
[[nodiscard]] Result<> start_srtp();

/// Master keys of both directions, each key ‖ salt as libsrtp wants them.
struct SrtpKeys {
    SrtpProfile profile = SrtpProfile::AeadAes128Gcm;
    Bytes inbound;
    Bytes outbound;
};

/// An SRTP and SRTCP session with one peer (RFC 3711, 7714), any number of SSRCs.
///
/// Replay window 1024 packets. Works in the caller's buffer and allocates only for a new SSRC. Not
/// thread-safe. A packet that cannot be unprotected is counted and dropped.
class SrtpSession {
public:
    enum class Verdict : std::uint8_t { Ok, AuthFailure, Replay, Malformed };
    /// What protecting may add to a packet.
    static constexpr std::size_t kMaxTrailer = 32;

    /// Errors: Errc::InvalidArgument when the keys' length is not the profile's.
    [[nodiscard]] static Result<std::unique_ptr<SrtpSession>> create(const SrtpKeys& keys);
    ~SrtpSession();
    SrtpSession(const SrtpSession&) = delete;
    SrtpSession& operator=(const SrtpSession&) = delete;

    /// Turns the first `size` bytes of `buffer` from SRTP into RTP and `size` into its size.
    Verdict unprotect_rtp(std::span<std::uint8_t> buffer, std::size_t& size);
    Verdict unprotect_rtcp(std::span<std::uint8_t> buffer, std::size_t& size);
    /// The reverse; `buffer` has kMaxTrailer bytes to spare. A packet may be protected again (its
    /// retransmission). False when it is no RTP or RTCP.
    bool protect_rtp(std::span<std::uint8_t> buffer, std::size_t& size);
    bool protect_rtcp(std::span<std::uint8_t> buffer, std::size_t& size);

private:
    struct Impl;
    explicit SrtpSession(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::transport
