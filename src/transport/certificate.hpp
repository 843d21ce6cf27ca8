#pragma once

#include "core/result.hpp"

#include <memory>
#include <string>

namespace aircheck::transport {

/// A self-signed P-256 certificate for DTLS (RFC 8827 §6.5) and what OpenSSL needs to use it. One a
/// process is enough: peers check its fingerprint only. Immutable, so shared by all threads.
class Certificate {
public:
    /// Also loads what SRTP needs, so that no call has to wait for it. Errors: OpenSSL's, named.
    [[nodiscard]] static Result<std::unique_ptr<Certificate>> create();
    ~Certificate();
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    /// "sha-256 AB:CD:…" as in a=fingerprint.
    [[nodiscard]] const std::string& fingerprint() const;

    struct Impl;  ///< Holds key and certificate; for transport's own .cpp files.
    [[nodiscard]] const Impl& impl() const { return *impl_; }

private:
    explicit Certificate(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::transport
