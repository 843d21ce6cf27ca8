#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "notify/receiver.hpp"
#include "storage/destination.hpp"

#include <string>
#include <vector>

namespace aircheck::control {

/// Reads the 32-byte key that seals kept secrets, or makes it (mode 0600) where it is missing.
/// Errors name the file; InvalidArgument when it is no key of ours.
[[nodiscard]] Result<Bytes> open_secrets_key(const std::string& path);

/// A destination as it is kept: what may be read by anyone as JSON, and its credentials sealed.
struct KeptDestination {
    std::string json;
    Bytes sealed;
};
[[nodiscard]] KeptDestination keep_destination(
    const storage::Destination& destination, BytesView secrets_key
);
/// The reverse. Malformed: another key sealed it, or it was tampered with.
[[nodiscard]] Result<storage::Destination> open_destination(
    const KeptDestination& kept, BytesView secrets_key
);

/// Who is told of one recording besides the global receivers: sealed as a whole, since URLs and
/// headers hold secrets, and bound to its id, so that another's cannot take their place. Empty for
/// none.
[[nodiscard]] Bytes keep_receivers(
    const std::vector<notify::Receiver>& receivers,
    const std::string& egress_id,
    BytesView secrets_key
);
/// The reverse. Errors as open_destination's.
[[nodiscard]] Result<std::vector<notify::Receiver>> open_receivers(
    BytesView sealed, const std::string& egress_id, BytesView secrets_key
);

}  // namespace aircheck::control
