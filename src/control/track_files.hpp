#pragma once

#include "records/model.hpp"

namespace aircheck::control {

/// A track's own file, which its recording has beside the mix: the recording is good without it.
[[nodiscard]] inline bool is_beside_a_mix(const records::StoredFile& file) {
    return file.kind == records::FileKind::Track && file.index > 0;
}

}  // namespace aircheck::control
