#pragma once

#include "core/result.hpp"

#include <tl/expected.hpp>

#include <string>
#include <string_view>

namespace aircheck::control {

/// An error as Twirp tells it (livekit-wire 6.2): a code of its list, and words for the caller.
struct TwirpError {
    std::string code;  ///< "invalid_argument", "not_found" …
    std::string message;
    /// What is asked for is beyond this build: livekit/egress may do it.
    bool is_beyond_us = false;
};

template <typename T>
using Answer = tl::expected<T, TwirpError>;

[[nodiscard]] inline tl::unexpected<TwirpError> refuse(std::string_view code, std::string message) {
    return tl::unexpected<TwirpError>(TwirpError{std::string(code), std::move(message)});
}
[[nodiscard]] inline tl::unexpected<TwirpError> invalid(std::string message) {
    return refuse("invalid_argument", std::move(message));
}

/// For what this build cannot do: `invalid_argument`, not `unimplemented`, which SDKs try again.
[[nodiscard]] inline tl::unexpected<TwirpError> beyond_us(std::string_view what) {
    return tl::unexpected<TwirpError>(TwirpError{
        "invalid_argument", std::string(what) + " is not supported by this recorder yet", true});
}

/// The HTTP status of a Twirp code; 500 for one that is not in the list.
[[nodiscard]] int http_status_of(std::string_view twirp_code);
/// The Twirp code that says what `error` says.
[[nodiscard]] TwirpError to_twirp(const Error& error);

}  // namespace aircheck::control
