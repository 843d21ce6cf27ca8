#pragma once

#include "app/config.hpp"
#include "core/result.hpp"
#include "records/store.hpp"

#include <memory>

namespace aircheck::app {

/// The records as they are, for commands: also while the service runs. NotFound: there are none
/// yet.
[[nodiscard]] Result<std::unique_ptr<records::Store>> open_records(const Config& config);

}  // namespace aircheck::app
