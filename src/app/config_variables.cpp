#include "app/config_variables.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace aircheck::app {
namespace {

constexpr std::string_view kPrefix = "AIRCHECK_";
/// Of tools/, tests/ and gather_sources; no settings.
constexpr std::array<std::string_view, 3> kNotSettings = {
    "AIRCHECK_BIN", "AIRCHECK_CACHE", "AIRCHECK_PEERS"};

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](auto end) {
        return name.ends_with(end);
    });
}

/// Kubernetes tells every pod of each service: AIRCHECK_SERVICE_HOST, AIRCHECK_PORT_7990_TCP_ADDR …
bool is_of_kubernetes(std::string_view name, std::string_view value) {
    return name.find("_SERVICE_PORT") != std::string_view::npos ||
           is_one_of(
               name,
               {"_SERVICE_HOST",
                "_TCP",
                "_UDP",
                "_TCP_ADDR",
                "_TCP_PORT",
                "_TCP_PROTO",
                "_UDP_ADDR",
                "_UDP_PORT",
                "_UDP_PROTO"}
           ) ||
           (name.ends_with("_PORT") && (value.starts_with("tcp://") || value.starts_with("udp://"))
           );
}

std::string path_of(std::string_view name) {
    std::string path;
    name.remove_prefix(kPrefix.size());
    while (!name.empty()) {
        if (name.starts_with("__")) {
            path += '.';
            name.remove_prefix(2);
            continue;
        }
        const char c = name.front();
        path += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        name.remove_prefix(1);
    }
    return path;
}

Origin origin_of(const std::string& name, SourceKind kind, const DotEnv* dotenv) {
    if (!dotenv) return {kind, name, 0};
    const auto line = dotenv->lines.find(name);
    return {SourceKind::DotEnv, name, line == dotenv->lines.end() ? 0 : line->second};
}

std::vector<Variable> own(const Variables& environment, const DotEnv* dotenv) {
    std::vector<Variable> variables;
    for (const auto& [name, value] : environment) {
        const bool skip =
            !name.starts_with(kPrefix) || value.empty() ||
            std::find(kNotSettings.begin(), kNotSettings.end(), name) != kNotSettings.end() ||
            is_of_kubernetes(name, value);
        if (skip) continue;
        variables.push_back({path_of(name), value, origin_of(name, SourceKind::Variable, dotenv)});
    }
    return variables;
}

class DotEnvReader {
public:
    DotEnvReader(const NamedText& text, std::vector<std::string>& warnings)
        : rest_(text.text), name_(text.name), warnings_(warnings) {}

    DotEnv read() {
        while (!rest_.empty()) {
            ++line_;
            const auto first = line_;
            auto line = take_line();
            trim(line);
            if (line.empty() || line.front() == '#') continue;
            if (line.starts_with("export ")) line.remove_prefix(7);
            const auto equals = line.find('=');
            auto name = line.substr(0, equals);
            trim(name);
            if (equals == std::string_view::npos || !is_name(name)) {
                warnings_.push_back(
                    name_ + ":" + std::to_string(first) + ": is not NAME=value, skipped"
                );
                continue;
            }
            auto value = line.substr(equals + 1);
            trim(value);
            result_.values.insert_or_assign(std::string(name), value_of(value));
            result_.lines.insert_or_assign(std::string(name), first);
        }
        return std::move(result_);
    }

private:
    std::string_view take_line() {
        const auto end = std::min(rest_.find('\n'), rest_.size());
        const auto line = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return line;
    }

    static void trim(std::string_view& text) {
        constexpr std::string_view kBlank = " \t\r";
        text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
        text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    }

    static bool is_name(std::string_view name) {
        return !name.empty() &&
               name.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
               ) == std::string_view::npos;
    }

    std::string value_of(std::string_view value) {
        if (value.empty()) return {};
        if (value.front() == '\'' || value.front() == '"') {
            if (auto quoted = quoted_value(value)) return *quoted;
        }
        // An unquoted value ends where a comment begins.
        for (auto at = value.find('#'); at != std::string_view::npos;
             at = value.find('#', at + 1)) {
            if (at > 0 && value[at - 1] != ' ' && value[at - 1] != '\t') continue;
            value = value.substr(0, at);
            trim(value);
            break;
        }
        return std::string(value);
    }

    /// `value` begins with a quote; takes further lines until it closes. Nothing: it never does, or
    /// text follows it, and the value is taken as it stands.
    std::optional<std::string> quoted_value(std::string_view value) {
        const char quote = value.front();
        std::string text;
        auto part = value.substr(1);
        auto rest = rest_;
        int lines = 0;
        while (true) {
            for (std::size_t i = 0; i < part.size(); ++i) {
                if (part[i] == quote) return closed(part.substr(i + 1), text, rest, lines);
                if (quote == '"' && part[i] == '\\' && i + 1 < part.size()) {
                    text += unescaped(part[++i]);
                } else {
                    text += part[i];
                }
            }
            if (rest.empty()) return std::nullopt;
            const auto end = std::min(rest.find('\n'), rest.size());
            part = rest.substr(0, end);
            if (part.ends_with('\r')) part.remove_suffix(1);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            text += '\n';
            ++lines;
        }
    }

    std::optional<std::string> closed(
        std::string_view after, const std::string& text, std::string_view rest, int lines
    ) {
        trim(after);
        if (!after.empty() && after.front() != '#') return std::nullopt;
        rest_ = rest;
        line_ += lines;
        return text;
    }

    static char unescaped(char c) {
        switch (c) {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            default:
                return c;
        }
    }

    std::string_view rest_;
    std::string name_;
    std::vector<std::string>& warnings_;
    int line_ = 0;
    DotEnv result_;
};

}  // namespace

DotEnv parse_dotenv(const NamedText& text, std::vector<std::string>& warnings) {
    return DotEnvReader(text, warnings).read();
}

std::vector<Variable> own_variables(const Variables& environment) {
    return own(environment, nullptr);
}
std::vector<Variable> own_variables(const DotEnv& dotenv) { return own(dotenv.values, &dotenv); }

std::vector<Variable> general_variables(const Variables& environment, const DotEnv* dotenv) {
    std::vector<Variable> variables;
    const auto is_set = [&](const std::string& name) {
        const auto found = environment.find(name);
        return found != environment.end() && !found->second.empty();
    };
    /// The first of `names` that is set gives the key at `path`; its name, or "".
    const auto take = [&](const char* path,
                          std::initializer_list<const char*> names) -> std::string {
        for (const std::string name : names) {
            if (!is_set(name)) continue;
            variables.push_back(
                {path, environment.at(name), origin_of(name, SourceKind::GeneralVariable, dotenv)}
            );
            return name;
        }
        return {};
    };
    take("ws_url", {"LIVEKIT_WS_URL", "LIVEKIT_URL"});
    take("api_key", {"LIVEKIT_API_KEY"});
    take("api_secret", {"LIVEKIT_API_SECRET"});
    take("storage.s3.bucket", {"AWS_BUCKET"});
    take("storage.s3.region", {"AWS_REGION", "AWS_DEFAULT_REGION"});
    take("storage.s3.endpoint", {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
    // A pair stays a pair: the guide's spelling with the guide's, AWS's own (and its session token)
    // with AWS's own, where both are about.
    if (take("storage.s3.access_key", {"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"}) ==
        "AWS_ACCESS_KEY") {
        take("storage.s3.secret", {"AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"});
    } else {
        take("storage.s3.secret", {"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"});
        take("storage.s3.session_token", {"AWS_SESSION_TOKEN"});
    }
    take("storage.gcp.bucket", {"GCP_BUCKET"});
    take(
        "storage.gcp.credentials_json", {"GCP_CREDENTIALS_JSON", "GOOGLE_APPLICATION_CREDENTIALS"}
    );
    take("storage.azure.account_name", {"AZURE_STORAGE_ACCOUNT"});
    take("storage.azure.account_key", {"AZURE_STORAGE_KEY"});
    take("storage.azure.container_name", {"AZURE_STORAGE_CONTAINER"});
    take("storage.azure.sas_token", {"AZURE_STORAGE_SAS_TOKEN"});
    take("storage.azure.connection_string", {"AZURE_STORAGE_CONNECTION_STRING"});
    return variables;
}

void warn_of_later_variables(const Variables& environment, std::vector<std::string>& warnings) {
    std::string names;
    for (const auto& [name, value] : environment) {
        if (name.starts_with("TAVUS_") && !value.empty())
            names += (names.empty() ? "" : ", ") + name;
    }
    if (!names.empty()) warnings.push_back(names + ": not in this build yet, without effect");
}

}  // namespace aircheck::app
