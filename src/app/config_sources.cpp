#include "app/config.hpp"
#include "core/c_handle.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace aircheck::app {
namespace {

/// Far above any configuration; a device or a log named by mistake is refused.
constexpr std::size_t kLargestFile = 4 * 1024 * 1024;

enum class Missing { Fails, IsFine };

Result<std::optional<NamedText>> read_file(const std::string& path, Missing missing) {
    const CHandle<std::FILE, std::fclose> file(std::fopen(path.c_str(), "rbe"));
    if (!file) {
        if (missing == Missing::IsFine && (errno == ENOENT || errno == ENOTDIR))
            return std::nullopt;
        return fail_errno(errno, "configuration file " + path);
    }
    NamedText text{path, {}};
    char buffer[16384];
    while (const auto count = std::fread(buffer, 1, sizeof buffer, file.get())) {
        text.text.append(buffer, count);
        if (text.text.size() > kLargestFile) {
            return fail(
                Errc::InvalidArgument, "configuration file " + path + ": larger than 4 MiB"
            );
        }
    }
    if (std::ferror(file.get()) != 0) {
        // `.env` is also what some call the folder of a Python environment.
        if (missing == Missing::IsFine && errno == EISDIR) return std::nullopt;
        return fail_errno(errno, "configuration file " + path);
    }
    return text;
}

std::map<std::string, std::string> environment_of_process() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace

Result<ConfigSources> gather_sources(SourceFlags flags) {
    ConfigSources sources;
    sources.flags = std::move(flags.values);
    sources.environment = environment_of_process();
    AC_TRY(sources.dotenv, read_file(".env", Missing::IsFine));
    const auto variable = [&](const char* name) {
        const auto found = sources.environment.find(name);
        return found == sources.environment.end() ? std::string() : found->second;
    };
    const auto file_variable = variable("EGRESS_CONFIG_FILE");
    const auto body_variable = variable("EGRESS_CONFIG_BODY");
    if (!flags.config_body.empty()) {
        sources.file = NamedText{"--config-body", flags.config_body};
    } else if (!flags.config_file.empty()) {
        AC_TRY(sources.file, read_file(flags.config_file, Missing::Fails));
    } else if (!body_variable.empty()) {
        sources.file = NamedText{"EGRESS_CONFIG_BODY", body_variable};
    } else if (!file_variable.empty()) {
        AC_TRY(sources.file, read_file(file_variable, Missing::Fails));
    }
    return sources;
}

std::string Origin::to_string() const {
    const auto at = line > 0 ? ":" + std::to_string(line) : std::string();
    switch (kind) {
        case SourceKind::Default:
            return "default";
        case SourceKind::DotEnv:
            return ".env" + at + " (" + name + ")";
        default:
            return name + at;
    }
}

}  // namespace aircheck::app
