#include "core/result.hpp"

#include <cerrno>

namespace aircheck {
namespace {

class CoreCategory final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "aircheck"; }
    [[nodiscard]] std::string message(int code) const override {
        switch (static_cast<Errc>(code)) {
            case Errc::Failed:
                return "failed";
            case Errc::Truncated:
                return "truncated";
            case Errc::Malformed:
                return "malformed";
            case Errc::Unsupported:
                return "not supported";
            case Errc::InvalidArgument:
                return "invalid argument";
            case Errc::NotFound:
                return "not found";
            case Errc::AlreadyExists:
                return "already exists";
            case Errc::PermissionDenied:
                return "permission denied";
            case Errc::Timeout:
                return "timed out";
            case Errc::Unavailable:
                return "unavailable";
            case Errc::Cancelled:
                return "cancelled";
            case Errc::NoSpace:
                return "no space left on the disk";
        }
        return "unknown";
    }
};

}  // namespace

const std::error_category& core_category() noexcept {
    static const CoreCategory category;
    return category;
}

std::string Error::to_string() const {
    if (code == Errc::Failed || !code) return context;
    if (context.empty()) return code.message();
    return context + ": " + code.message();
}

Error in_context(std::string_view context, Error error) {
    error.context =
        error.context.empty() ? std::string(context) : std::string(context) + ": " + error.context;
    return error;
}

tl::unexpected<Error> fail_errno(int error_number, std::string context) {
    if (error_number == ENOSPC || error_number == EDQUOT) {
        return fail(Errc::NoSpace, std::move(context));
    }
    if (error_number == EACCES || error_number == EPERM) {
        return fail(Errc::PermissionDenied, std::move(context));
    }
    return fail(std::error_code(error_number, std::generic_category()), std::move(context));
}

}  // namespace aircheck
