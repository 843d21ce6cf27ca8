#pragma once

#include "storage/aws_identity.hpp"

#include <string>

namespace aircheck::storage {

/// AWS's Security Token Service, and MinIO's: temporary keys for a role. Blocking; retries as the
/// destination's RetryPolicy says. PermissionDenied says what may be wrong with the role.

/// AssumeRole of `destination.assume_role_arn` with `keys`.
[[nodiscard]] Result<AwsCredentials> assume_role(
    const S3Destination& destination, const SigV4Keys& keys, net::HttpClient& http, WallTime now
);

/// AssumeRoleWithWebIdentity: `token` is the proof, nothing is signed.
[[nodiscard]] Result<AwsCredentials> assume_role_with_web_identity(
    const S3Destination& destination,
    const std::string& role_arn,
    const std::string& session_name,
    const std::string& token,
    net::HttpClient& http,
    WallTime now
);

}  // namespace aircheck::storage
