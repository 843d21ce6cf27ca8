#pragma once

#include "core/result.hpp"
#include "sim/room.hpp"

#include <string>
#include <vector>

namespace aircheck::app {

/// The demo's two callers, an agent and a person, in a short conversation spoken by espeak-ng (its
/// WAV files are kept in `folder`), as long as `length`. Without espeak-ng they are tones, which
/// `are_tones` says.
struct DemoCallers {
    std::vector<sim::Caller> callers;
    bool are_tones = false;
};
[[nodiscard]] Result<DemoCallers> make_demo_callers(const std::string& folder, Nanoseconds length);

}  // namespace aircheck::app
