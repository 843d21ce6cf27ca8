#pragma once

#include "storage/aws_identity.hpp"

namespace aircheck::storage {

/// The machine's own keys, in the order in which AWS's SDKs look; nothing is kept. Reads the
/// process's environment, its files, and asks its container or instance. Errors as
/// aws_credentials().
[[nodiscard]] Result<AwsCredentials> machine_credentials(
    const S3Destination& destination, net::HttpClient& http, WallTime now
);

}  // namespace aircheck::storage
