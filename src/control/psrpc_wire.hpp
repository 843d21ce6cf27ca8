#pragma once

#include "proto/psrpc.pb.h"

#include <optional>
#include <string>
#include <string_view>

/// psrpc's envelopes (livekit-wire 7.2). For psrpc's own .cpp files and their tests.
namespace aircheck::control {

[[nodiscard]] std::string wrap(const psrpc::Request& message);
[[nodiscard]] std::string wrap(const psrpc::Response& message);
[[nodiscard]] std::string wrap(const psrpc::ClaimRequest& message);
[[nodiscard]] std::string wrap(const psrpc::ClaimResponse& message);

/// Empty when `envelope` holds another message, or none.
template <typename Message>
[[nodiscard]] std::optional<Message> unwrap(std::string_view envelope);

}  // namespace aircheck::control
