#pragma once

#include "core/result.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace aircheck::net {

/// Contexts are shared: reading the system's trust anchors takes milliseconds. For net's .cpp
/// files.
using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// For clients, with verification on: the system's trust anchors and those in `ca_file` (PEM; may
/// be empty). TLS 1.2 and up. Errors name the file. Thread-safe.
[[nodiscard]] Result<TlsContext> client_tls_context(const std::string& ca_file);

/// For servers. Errors name the file at fault.
[[nodiscard]] Result<TlsContext> server_tls_context(
    const std::string& certificate_file, const std::string& key_file
);

}  // namespace aircheck::net
