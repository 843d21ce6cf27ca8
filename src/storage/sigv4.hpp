#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "storage/query.hpp"

#include <string>

namespace aircheck::storage {

/// Signs requests by AWS Signature Version 4, in a header or in the query. Pure functions.
/// Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference.

struct SigV4Keys {
    std::string access_key;
    std::string secret;
    std::string session_token;  ///< Empty: none. Signed and sent as x-amz-security-token.
};

struct SigV4Scope {
    std::string region;
    std::string service = "s3";
};

struct SigV4Request {
    std::string method = "GET";
    std::string path = "/";    ///< As it is sent: each segment percent-encoded once.
    NamesAndValues query;      ///< Not encoded, in any order.
    NamesAndValues headers;    ///< All to be signed, `host` among them, in any order and case.
    std::string payload_hash;  ///< Hex SHA-256 of the body, or "UNSIGNED-PAYLOAD".
};

/// "20130524T000000Z".
[[nodiscard]] std::string amz_date(WallTime time);

/// The Authorization header's value. `request.headers` must hold x-amz-date of the same `time`, and
/// for S3 x-amz-content-sha256 (and x-amz-security-token with temporary keys).
[[nodiscard]] std::string authorization_header(
    const SigV4Request& request, const SigV4Keys& keys, const SigV4Scope& scope, WallTime time
);

/// The whole query of a presigned URL, signature included; `request.headers` holds `host`.
[[nodiscard]] std::string presigned_query(
    SigV4Request request,
    const SigV4Keys& keys,
    const SigV4Scope& scope,
    WallTime time,
    std::chrono::seconds expires
);

}  // namespace aircheck::storage
