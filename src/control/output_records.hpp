#pragma once

#include "control/recording_request.hpp"
#include "core/bytes.hpp"
#include "records/model.hpp"

#include <vector>

namespace aircheck::control {

/// What `request` will make, as records hold it before it is made: a file, segments, or both, in
/// this order. Their stores' secrets are sealed with `secrets_key`.
[[nodiscard]] std::vector<records::StoredFile> outputs_of(
    const RecordingRequest& request, BytesView secrets_key
);

/// Its streams, of which nothing is sent yet.
[[nodiscard]] std::vector<records::StoredStream> streams_of(const RecordingRequest& request);

}  // namespace aircheck::control
