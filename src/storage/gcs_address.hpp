#pragma once

#include "core/result.hpp"
#include "net/url.hpp"
#include "storage/destination.hpp"
#include "storage/gcs_credentials.hpp"
#include "storage/object_store.hpp"

#include <string>

namespace aircheck::storage {

/// InvalidArgument, naming the setting, when bucket, endpoint, credentials or metadata cannot be
/// right.
[[nodiscard]] Result<> check_destination(const GcsDestination& destination);

/// The address of the object `key` in Google's XML API, which is where browsers find it too.
[[nodiscard]] net::Url url_of(const GcsDestination& destination, const std::string& key);
/// In its JSON API: the object's, or that of all objects when `key` is empty.
[[nodiscard]] net::Url json_url_of(const GcsDestination& destination, const std::string& key);
/// Where its JSON API takes objects in one piece.
[[nodiscard]] net::Url upload_url_of(const GcsDestination& destination);

/// A link that opens `key` for `ttl`: V4 signing process with a service account's key.
[[nodiscard]] Result<std::string> signed_gcs_link(
    const GcsDestination& destination,
    const GcsKey& signer,
    LinkMethod method,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now
);

}  // namespace aircheck::storage
