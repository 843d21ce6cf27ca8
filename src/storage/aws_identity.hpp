#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"
#include "storage/sigv4.hpp"

#include <functional>
#include <optional>
#include <string>

namespace aircheck::storage {

/// Keys that S3's requests are signed with, and how long they hold.
struct AwsCredentials {
    SigV4Keys keys;
    std::optional<WallTime> expires;  ///< Empty: for good.
};

/// The keys for `destination`: its own, or where it has none the machine's, and where it names a
/// role those of the role.
///
/// The machine's are looked for as AWS's SDKs do: AWS_ACCESS_KEY_ID, web identity
/// (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN), shared profiles (AWS_PROFILE, ~/.aws), the
/// container's (AWS_CONTAINER_CREDENTIALS_…), the instance's (IMDSv2). Temporary keys are kept for
/// the whole process until five minutes before they end. Thread-safe; may block for as long as a
/// remote takes (seconds). InvalidArgument: there are none, or a file of them is no such file;
/// PermissionDenied: the role is not for these keys; Unavailable, Timeout: nobody answers.
[[nodiscard]] Result<AwsCredentials> aws_credentials(
    const S3Destination& destination, net::HttpClient& http, WallTime now
);
/// The store did not take the last ones: the next are asked for anew.
void forget_aws_credentials(const S3Destination& destination);

}  // namespace aircheck::storage
