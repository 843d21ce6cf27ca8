#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/certificate.hpp"
#include "transport/srtp.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::transport {

/// A DTLS 1.2 association that agrees on SRTP keys (RFC 5763, 5764) with a peer known by
/// fingerprint.
///
/// Bytes in, bytes out by `Output`; one call, one datagram. Retransmission follows the system's
/// clock, since OpenSSL reads it by itself; everything else follows `now`. Application data (SCTP)
/// is read and dropped. Not thread-safe. Wrong or stray packets are ignored, as DTLS does (RFC 6347
/// §4.1.2.7).
class Dtls {
public:
    enum class Role : std::uint8_t { Client, Server };
    enum class State : std::uint8_t { Idle, Handshaking, Connected, Closed, Failed };

    class Output {
    public:
        virtual ~Output() = default;
        /// One datagram to send; borrowed until it returns.
        virtual void send_dtls(BytesView datagram) = 0;
    };

    struct Config {
        Role role = Role::Client;
        std::string remote_fingerprint;  ///< "sha-256 AB:CD:…", compared ignoring case.
        std::string srtp_profiles;       ///< OpenSSL's names, joined by ':'.
        Nanoseconds timeout = 15s;       ///< Of the handshake.
        Nanoseconds first_retransmit = 250ms;
    };

    /// Errors: a profile that OpenSSL does not know, or no memory. `output` outlives the object.
    [[nodiscard]] static Result<std::unique_ptr<Dtls>> create(
        const Certificate& certificate, const Config& config, Output& output
    );
    ~Dtls();
    Dtls(const Dtls&) = delete;
    Dtls& operator=(const Dtls&) = delete;

    /// The client sends its first flight; the server waits for one. Starts the timeout.
    void start(Instant now);
    void on_datagram(BytesView datagram, Instant now);
    void on_tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline(Instant now) const;
    /// Sends close_notify when connected.
    void close();

    [[nodiscard]] State state() const;
    /// Why the state is Failed.
    [[nodiscard]] const Error& error() const;
    /// While Connected: what SRTP needs.
    [[nodiscard]] const std::optional<SrtpKeys>& keys() const;

private:
    struct Impl;
    explicit Dtls(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::transport
