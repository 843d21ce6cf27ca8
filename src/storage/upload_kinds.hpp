#pragma once

#include "storage/object_store.hpp"
#include "storage/upload.hpp"

#include <memory>

namespace aircheck::storage {

/// The kinds of UploadSession::create; `spec.key` is safe already.
[[nodiscard]] Result<std::unique_ptr<UploadSession>> create_local_upload(
    const LocalDestination& destination, UploadSpec spec
);
[[nodiscard]] Result<std::unique_ptr<UploadSession>> create_parts_upload(
    std::unique_ptr<ObjectStore> store, const std::string& prefix, UploadSpec spec
);

/// The name for the `attempt`-th try (from 0): the key, then with the egress id, then with a number
/// too.
[[nodiscard]] std::string name_for_attempt(
    const std::string& key, const std::string& egress_id, int attempt
);
inline constexpr int kMaxNameAttempts = 20;

}  // namespace aircheck::storage
