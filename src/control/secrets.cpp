#include "control/secrets.hpp"

#include "net/crypto.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace aircheck::control {
namespace {

using nlohmann::json;
constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kReceiversPurpose = "receivers ";

Result<Bytes> make_key(const std::string& path) {
    const Bytes key = net::random_bytes(kKeyBytes);
    const std::string text = to_hex(key) + "\n";
    const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return fail_errno(errno, "secrets key file '" + path + "'");
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(file) == 0;
    const int why = errno;
    ::close(file);
    if (!written) {
        ::unlink(path.c_str());
        return fail_errno(why, "secrets key file '" + path + "'");
    }
    return key;
}

/// Paths and names need not be UTF-8, and JSON has to be.
std::string to_text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<Bytes> open_secrets_key(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        if (errno == ENOENT) return make_key(path);
        return fail_errno(errno, "secrets key file '" + path + "'");
    }
    std::string text(256, '\0');
    const ssize_t count = ::read(file, text.data(), text.size());
    ::close(file);
    if (count < 0) return fail_errno(errno, "secrets key file '" + path + "'");
    text.resize(static_cast<std::size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    auto key = from_hex(text);
    if (!key || key->size() != kKeyBytes) {
        return fail(
            Errc::InvalidArgument,
            "secrets key file '" + path + "': 64 hexadecimal digits are expected"
        );
    }
    return *std::move(key);
}

Bytes keep_receivers(
    const std::vector<notify::Receiver>& receivers,
    const std::string& egress_id,
    BytesView secrets_key
) {
    if (receivers.empty()) return {};
    json all = json::array();
    for (const notify::Receiver& receiver : receivers) {
        all.push_back(
            {{"url", receiver.url},
             {"format", notify::to_string(receiver.format)},
             {"include_events", receiver.include_events},
             {"exclude_events", receiver.exclude_events},
             {"headers", receiver.headers},
             {"signing_key", receiver.signing_key},
             {"also_for_bus", receiver.also_for_bus},
             {"only_when_named", receiver.only_when_named}}
        );
    }
    return net::seal(secrets_key, to_text(all), std::string(kReceiversPurpose) + egress_id);
}

Result<std::vector<notify::Receiver>> open_receivers(
    BytesView sealed, const std::string& egress_id, BytesView secrets_key
) {
    std::vector<notify::Receiver> receivers;
    if (sealed.empty()) return receivers;
    AC_TRY(
        const auto text,
        net::open_sealed(secrets_key, sealed, std::string(kReceiversPurpose) + egress_id)
    );
    try {
        for (const json& kept : json::parse(text)) {
            notify::Receiver receiver;
            receiver.url = kept.at("url");
            const auto format = notify::parse_format(kept.at("format").get<std::string>());
            if (!format) return fail(Errc::Malformed, "kept receivers of " + egress_id);
            receiver.format = *format;
            receiver.include_events = kept.at("include_events").get<std::vector<std::string>>();
            receiver.exclude_events = kept.at("exclude_events").get<std::vector<std::string>>();
            receiver.headers = kept.at("headers").get<std::map<std::string, std::string>>();
            receiver.signing_key = kept.at("signing_key");
            receiver.also_for_bus = kept.at("also_for_bus");
            receiver.only_when_named = kept.at("only_when_named");
            receivers.push_back(std::move(receiver));
        }
    } catch (const json::exception&) {
        return fail(Errc::Malformed, "kept receivers of " + egress_id);
    }
    return receivers;
}

}  // namespace aircheck::control
