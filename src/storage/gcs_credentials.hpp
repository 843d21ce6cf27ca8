#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <string>

namespace aircheck::storage {

/// A service account's key, as Google's console hands it out.
struct GcsKey {
    std::string client_email;
    std::string private_key;  ///< PEM (PKCS #8). Never logged, never in an error.
    std::string private_key_id;
    std::string token_uri;
};

/// Reads a key's JSON. InvalidArgument says what is missing, or what kind of credentials it is
/// instead, without anything secret.
[[nodiscard]] Result<GcsKey> parse_gcs_credentials(const std::string& json);

/// The signed claim that Google's token endpoint changes into an access token (RFC 7523), good for
/// an hour. InvalidArgument when the private key is none.
[[nodiscard]] Result<std::string> token_assertion(const GcsKey& key, WallTime now);

}  // namespace aircheck::storage
