#pragma once

#include "core/result.hpp"
#include "transport/peer_transport.hpp"

#include <string_view>

namespace aircheck::transport {

/// Whether a remote description can be used at all: credentials as long as RFC 8839 §5.4 wants
/// them, and a sha-256 fingerprint. Errors: Errc::InvalidArgument, Errc::Unsupported (another
/// hash).
[[nodiscard]] Result<> check(const RemoteParameters& remote);

/// Fingerprints are compared ignoring case (RFC 8122 §5).
[[nodiscard]] bool is_same_fingerprint(std::string_view a, std::string_view b);

}  // namespace aircheck::transport
