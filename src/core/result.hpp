#pragma once

#include <tl/expected.hpp>

#include <string>
#include <system_error>
#include <utility>

namespace aircheck {

/// What went wrong: a code to branch on, and words for an operator, outermost context first
/// ("upload: part 3: connection reset").
struct Error {
    std::error_code code;
    std::string context;

    /// "context: message of the code", or the context alone when the code only says "failed".
    [[nodiscard]] std::string to_string() const;
};

/// The value, or why there is none. Bad packets are no errors: they are counted and dropped.
template <typename T = void>
using Result = tl::expected<T, Error>;

/// Codes that any layer may give; a layer with more to tell has its own `Errc`.
enum class Errc {
    Failed = 1,       ///< Nothing to branch on: read the context.
    Truncated,        ///< The input ends before what it announces.
    Malformed,        ///< The input breaks its format's rules.
    Unsupported,      ///< Well-formed, but not something this build does.
    InvalidArgument,  ///< The caller (a user, a setting, a request) asked for something impossible.
    NotFound,
    AlreadyExists,
    PermissionDenied,
    Timeout,
    Unavailable,  ///< A remote did not answer or asked us to come back later: retrying may help.
    Cancelled,
    NoSpace,  ///< The disk is full.
};

[[nodiscard]] const std::error_category& core_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), core_category()};
}

[[nodiscard]] inline tl::unexpected<Error> fail(std::error_code code, std::string context) {
    return tl::unexpected<Error>(Error{code, std::move(context)});
}

/// Puts `context` before what the error already says.
[[nodiscard]] Error in_context(std::string_view context, Error error);

/// `errno` as an error; ENOSPC and EDQUOT become Errc::NoSpace, EACCES and EPERM PermissionDenied.
[[nodiscard]] tl::unexpected<Error> fail_errno(int error_number, std::string context);

}  // namespace aircheck

template <>
struct std::is_error_code_enum<aircheck::Errc> : std::true_type {};

#define AC_JOIN_(a, b) a##b
#define AC_JOIN(a, b) AC_JOIN_(a, b)
#define AC_TRY_AS(decl, expr, tmp)                                              \
    auto tmp = (expr);                                                          \
    if (!tmp) return tl::unexpected<::aircheck::Error>(std::move(tmp).error()); \
    decl = *std::move(tmp)
/// AC_TRY(auto value, expression): the value of a Result, or return its error.
#define AC_TRY(decl, expr) AC_TRY_AS(decl, expr, AC_JOIN(try_, __LINE__))
/// AC_CHECK_OK(expression): return the error of a Result<>, if there is one.
#define AC_CHECK_OK(expr)                                                     \
    do {                                                                      \
        if (auto ok_ = (expr); !ok_) {                                        \
            return tl::unexpected<::aircheck::Error>(std::move(ok_).error()); \
        }                                                                     \
    } while (false)
