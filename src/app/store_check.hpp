#pragma once

#include "app/config.hpp"

namespace aircheck::app {

/// Whether the configured bucket can be one: its name, endpoint, region and what goes into headers.
/// Nothing is asked of it. Fails with Errc::InvalidArgument naming the setting.
[[nodiscard]] Result<> check_store(const Config& config);

}  // namespace aircheck::app
