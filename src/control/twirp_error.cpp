#include "control/twirp_error.hpp"

#include <utility>

namespace aircheck::control {

int http_status_of(std::string_view twirp_code) {
    constexpr std::pair<std::string_view, int> kStatuses[] = {
        {"canceled", 408},
        {"unknown", 500},
        {"invalid_argument", 400},
        {"malformed", 400},
        {"deadline_exceeded", 408},
        {"not_found", 404},
        {"bad_route", 404},
        {"already_exists", 409},
        {"permission_denied", 403},
        {"unauthenticated", 401},
        {"resource_exhausted", 429},
        {"failed_precondition", 412},
        {"aborted", 409},
        {"out_of_range", 400},
        {"unimplemented", 501},
        {"internal", 500},
        {"unavailable", 503},
        {"dataloss", 500},
    };
    for (const auto& [code, status] : kStatuses) {
        if (code == twirp_code) return status;
    }
    return 500;
}

TwirpError to_twirp(const Error& error) {
    std::string_view code = "internal";
    if (error.code == Errc::InvalidArgument || error.code == Errc::Unsupported) {
        code = "invalid_argument";
    } else if (error.code == Errc::Malformed || error.code == Errc::Truncated) {
        code = "malformed";
    } else if (error.code == Errc::NotFound) {
        code = "not_found";
    } else if (error.code == Errc::AlreadyExists) {
        code = "already_exists";
    } else if (error.code == Errc::PermissionDenied) {
        code = "permission_denied";
    } else if (error.code == Errc::Timeout) {
        code = "deadline_exceeded";
    } else if (error.code == Errc::Unavailable) {
        code = "unavailable";
    } else if (error.code == Errc::NoSpace) {
        code = "resource_exhausted";
    }
    return TwirpError{std::string(code), error.to_string()};
}

}  // namespace aircheck::control
