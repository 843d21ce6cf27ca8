#pragma once

#include "core/result.hpp"
#include "storage/destination.hpp"

#include <string>

namespace aircheck::storage {

/// Where a key of a destination is reached.
struct S3Address {
    std::string scheme;  ///< "https" or "http".
    std::string host;    ///< As the Host header has it, with a port that is not the scheme's own.
    std::string path;    ///< Percent-encoded.

    [[nodiscard]] std::string url() const { return scheme + "://" + host + path; }
};

/// InvalidArgument, naming the setting, when bucket, endpoint, keys or metadata cannot be right.
[[nodiscard]] Result<> check_destination(const S3Destination& destination);

/// The address of `key`, or of the bucket when it is empty; `destination` has passed the check.
[[nodiscard]] S3Address address_of(const S3Destination& destination, const std::string& key);

/// The region to sign for: "us-east-1" when none is set.
[[nodiscard]] std::string region_of(const S3Destination& destination);

/// True for stores that want all parts of an upload but the last to be of one size.
[[nodiscard]] bool wants_equal_parts(const S3Destination& destination);

}  // namespace aircheck::storage
