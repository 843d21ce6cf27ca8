#pragma once

#include "control/twirp_error.hpp"

#include <tl/expected.hpp>

#include <string>
#include <string_view>

/// psrpc, LiveKit's calls over publish and subscribe (livekit-wire, section 7): names and errors.
/// The two sides of a call are in `psrpc_server` and `psrpc_client`.
namespace aircheck::control {

/// An error as psrpc tells it: a code of its list ("invalid_argument", "resource_exhausted",
/// "malformed_request" …) and words.
struct RpcError {
    std::string code;
    std::string message;
};

template <typename T>
using RpcAnswer = tl::expected<T, RpcError>;

[[nodiscard]] inline tl::unexpected<RpcError> rpc_fail(std::string_view code, std::string message) {
    return tl::unexpected<RpcError>(RpcError{std::string(code), std::move(message)});
}
/// Such that livekit-server makes the same Twirp error of it again.
[[nodiscard]] RpcError to_rpc(const TwirpError& error);

/// A method of a service, on a topic ("" for none).
struct RpcMethod {
    std::string service;  ///< "EgressInternal"
    std::string name;     ///< "StartEgress"
    std::string topic;

    [[nodiscard]] std::string request_channel() const;         ///< Client → servers.
    [[nodiscard]] std::string claim_response_channel() const;  ///< Client → the chosen server.
};
/// Server → client: who would take a call.
[[nodiscard]] std::string claim_channel(std::string_view service, std::string_view client_id);
/// Server → client: results.
[[nodiscard]] std::string response_channel(std::string_view service, std::string_view client_id);

/// The key under which the first server to set it has a queued request: base64 of the SHA-256 of
/// the whole message.
[[nodiscard]] std::string queue_key_of(std::string_view message);

}  // namespace aircheck::control
