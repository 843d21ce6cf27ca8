#include "transport/description.hpp"

#include <algorithm>
#include <string>

namespace aircheck::transport {
namespace {

constexpr std::size_t kFingerprintLength = 8 + 32 * 3 - 1;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

}  // namespace

bool is_same_fingerprint(std::string_view a, std::string_view b) {
    return equal_ignoring_case(a, b);
}

Result<> check(const RemoteParameters& remote) {
    const auto bad = [](const char* what) {
        return fail(
            make_error_code(Errc::InvalidArgument), std::string("remote description: ") + what
        );
    };
    // RFC 8839 §5.4.
    if (remote.ice_ufrag.size() < 4 || remote.ice_ufrag.size() > 256) return bad("bad ice-ufrag");
    if (remote.ice_pwd.size() < 22 || remote.ice_pwd.size() > 256) return bad("bad ice-pwd");
    if (remote.fingerprint.empty()) return bad("no fingerprint");
    if (!equal_ignoring_case(std::string_view(remote.fingerprint).substr(0, 8), "sha-256 ")) {
        return fail(
            make_error_code(Errc::Unsupported),
            "remote description: only sha-256 fingerprints are understood"
        );
    }
    if (remote.fingerprint.size() != kFingerprintLength) return bad("bad fingerprint");
    return {};
}

std::string_view to_string(DtlsSetup setup) {
    switch (setup) {
        case DtlsSetup::Actpass:
            return "actpass";
        case DtlsSetup::Active:
            return "active";
        case DtlsSetup::Passive:
            return "passive";
    }
    return "";
}

std::string_view to_string(Stage stage) {
    switch (stage) {
        case Stage::Idle:
            return "idle";
        case Stage::Ice:
            return "ice";
        case Stage::Dtls:
            return "dtls";
        case Stage::Connected:
            return "connected";
        case Stage::Interrupted:
            return "interrupted";
        case Stage::Closed:
            return "closed";
        case Stage::Failed:
            return "failed";
    }
    return "";
}

}  // namespace aircheck::transport
