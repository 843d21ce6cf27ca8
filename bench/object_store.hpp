#pragma once

#include "bench/child.hpp"

#include "core/result.hpp"
#include "storage/destination.hpp"

#include <optional>
#include <string>

namespace aircheck::bench {

/// A MinIO of our own on loopback, with a bucket to record to.
class ObjectStore {
public:
    /// Empty when there is no MinIO (AIRCHECK_MINIO, the PATH, .peers/bin).
    [[nodiscard]] static Result<std::optional<ObjectStore>> start(const std::string& folder);
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    /// For the bucket of the store at `endpoint`.
    [[nodiscard]] static storage::S3Destination destination(const std::string& endpoint);

private:
    ObjectStore(Child process, std::string endpoint)
        : process_(std::move(process)), endpoint_(std::move(endpoint)) {}

    Child process_;
    std::string endpoint_;
};

}  // namespace aircheck::bench
