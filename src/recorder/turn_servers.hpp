#pragma once

#include "signal/room.hpp"
#include "transport/turn_url.hpp"

#include <vector>

namespace aircheck::recorder {

/// The TURN servers among what a room's server names, each URL with its credentials. What is of no
/// use (STUN, other schemes, bad URLs) is left out and logged.
[[nodiscard]] std::vector<transport::TurnServer> turn_servers(
    const std::vector<signal::IceServer>& servers
);

}  // namespace aircheck::recorder
