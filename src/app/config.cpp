#include "app/config.hpp"

#include "app/config_keys.hpp"
#include "app/config_variables.hpp"

#include <algorithm>
#include <array>
#include <ostream>

namespace aircheck::app {
namespace {

/// The settings of one source, by dotted path. A later line of the same source wins nowhere:
/// repeats are errors where they can be seen.
using Layer = std::map<std::string, Value, std::less<>>;

std::vector<std::string> all_paths() {
    std::vector<std::string> paths;
    for (const auto& key : all_keys()) {
        paths.emplace_back(key.path);
        for (auto dot = key.path.find('.'); dot != std::string_view::npos;
             dot = key.path.find('.', dot + 1)) {
            paths.emplace_back(key.path.substr(0, dot));
        }
    }
    return paths;
}

tl::unexpected<Error> fail_unknown(const Value& value) {
    return fail_at(value, "is not a known setting" + hint(value.path, all_paths()));
}

/// Puts `value`, or everything below it, into `layer`.
Result<> flatten(Layer& layer, const Value& value) {
    if (const auto* key = find_key(value.path); key && key->path == value.path) {
        if (!value.node.IsNull()) layer.insert_or_assign(value.path, value);
        return {};
    }
    if (!value.path.empty() && !is_section(value.path)) return fail_unknown(value);
    if (value.node.IsNull()) return {};
    if (!value.node.IsMap()) {
        if (value.path.empty()) {
            return fail(
                Errc::InvalidArgument, value.origin.name + ": must be an object (key: value)"
            );
        }
        return fail_at(value, "must be an object (key: value)");
    }
    std::vector<std::string> seen;
    for (const auto& entry : value.node) {
        if (!entry.first.IsScalar()) return fail_at(value, "has a key that is not a text");
        const auto& name = entry.first.Scalar();
        Value below{
            entry.second, value.path.empty() ? name : value.path + "." + name, value.origin};
        if (below.origin.kind == SourceKind::File) below.origin.line = entry.first.Mark().line + 1;
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
            return fail_at(below, "is set twice");
        }
        seen.push_back(name);
        AC_CHECK_OK(flatten(layer, below));
        if (value.path.empty() && is_former_store(name) && !value.node["storage"].IsDefined()) {
            below.path = "storage." + name;
            AC_CHECK_OK(flatten(layer, below));
        }
    }
    return {};
}

Result<YAML::Node> parse_yaml(const std::string& text, const Origin& origin) {
    try {
        return YAML::Load(text);
    } catch (const YAML::Exception& exception) {
        auto where = origin;
        if (origin.kind == SourceKind::File && !exception.mark.is_null()) {
            where.line = exception.mark.line + 1;
        }
        return fail(Errc::InvalidArgument, where.to_string() + ": is not YAML: " + exception.msg);
    }
}

/// A setting given as text (flags, variables).
Result<> add_text(Layer& layer, const std::string& path, const std::string& text, Origin origin) {
    const auto* key = find_key(path);
    if (!key && !is_section(path)) {
        return fail_unknown(Value{YAML::Node(text), path, std::move(origin)});
    }
    if (key && key->shape == Shape::Scalar) {
        return flatten(layer, Value{YAML::Node(text), path, std::move(origin)});
    }
    AC_TRY(const auto node, parse_yaml(text, origin));
    return flatten(layer, Value{node, path, std::move(origin)});
}

Result<Layer> file_layer(const NamedText& file) {
    Layer layer;
    Origin origin{SourceKind::File, file.name, 0};
    AC_TRY(const auto node, parse_yaml(file.text, origin));
    AC_CHECK_OK(flatten(layer, Value{node, "", origin}));
    return layer;
}

Result<Layer> flag_layer(const std::vector<FlagValue>& flags) {
    Layer layer;
    for (const auto& flag : flags) {
        AC_CHECK_OK(add_text(layer, flag.key, flag.value, {SourceKind::Flag, flag.flag, 0}));
    }
    return layer;
}

Result<Layer> variable_layer(const std::vector<Variable>& variables) {
    Layer layer;
    for (const auto& variable : variables) {
        AC_CHECK_OK(add_text(layer, variable.path, variable.value, variable.origin));
    }
    return layer;
}

/// Every source as a layer, the one that wins first.
Result<std::vector<Layer>> make_layers(
    const ConfigSources& sources, std::vector<std::string>& warnings
) {
    std::vector<Layer> layers;
    const auto add = [&](Result<Layer> layer) -> Result<> {
        AC_TRY(auto made, std::move(layer));
        layers.push_back(std::move(made));
        return {};
    };
    AC_CHECK_OK(add(flag_layer(sources.flags)));
    AC_CHECK_OK(add(variable_layer(own_variables(sources.environment))));
    if (sources.file) AC_CHECK_OK(add(file_layer(*sources.file)));
    AC_CHECK_OK(add(variable_layer(general_variables(sources.environment, nullptr))));
    warn_of_later_variables(sources.environment, warnings);
    if (sources.dotenv) {
        const auto dotenv = parse_dotenv(*sources.dotenv, warnings);
        AC_CHECK_OK(add(variable_layer(own_variables(dotenv))));
        AC_CHECK_OK(add(variable_layer(general_variables(dotenv.values, &dotenv))));
        warn_of_later_variables(dotenv.values, warnings);
    }
    return layers;
}

struct Winner {
    const Value* value = nullptr;
    std::size_t layer = 0;
};

std::map<std::string, Winner, std::less<>> choose(const std::vector<Layer>& layers) {
    std::map<std::string, Winner, std::less<>> winners;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        for (const auto& [path, value] : layers[i]) winners.try_emplace(path, Winner{&value, i});
    }
    // A session token belongs to the key it was issued with: one left over in the environment would
    // make requests signed with the file's key fail.
    const auto token = winners.find("storage.s3.session_token");
    const auto key = winners.find("storage.s3.access_key");
    if (token != winners.end() && key != winners.end() && token->second.layer > key->second.layer) {
        winners.erase(token);
    }
    return winners;
}

/// Names of everything set below an ignored section: "latency (jitter_buffer_latency)".
std::string with_members(const Value& value) {
    if (!value.node.IsMap() || value.node.size() == 0) return value.path;
    std::string members;
    for (const auto& entry : value.node) {
        if (!entry.first.IsScalar()) continue;
        members += (members.empty() ? "" : ", ") + entry.first.Scalar();
    }
    return value.path + " (" + members + ")";
}

Result<> apply_all(Config& config, const std::map<std::string, Winner, std::less<>>& winners) {
    for (const auto& [path, winner] : winners) {
        const auto* key = find_key(path);
        if (!key->why_ignored.empty()) {
            config.warnings.push_back(
                winner.value->origin.to_string() + ": " + with_members(*winner.value) + " " +
                std::string(key->why_ignored)
            );
        } else {
            AC_CHECK_OK(key->apply(config, *winner.value));
        }
        config.origins.emplace(path, winner.value->origin);
    }
    return {};
}

Result<> finish(Config& config) {
    AC_CHECK_OK(finish_stores(config));
    if (config.storage.local_directory.empty()) {
        config.storage.local_directory = config.data_dir + "/recordings";
    }
    if (!config.origins.contains("audio.bitrate") && config.audio.channels == 2) {
        config.audio.bitrate_kbps = 96;
    }
    if (config.livekit.api_key.empty() != config.livekit.api_secret.empty()) {
        const bool no_key = config.livekit.api_key.empty();
        return fail(
            Errc::InvalidArgument,
            no_key ? "api_key (or LIVEKIT_API_KEY) is missing beside api_secret"
                   : "api_secret (or LIVEKIT_API_SECRET) is missing beside api_key"
        );
    }
    return check_redis(config);
}

}  // namespace

tl::unexpected<Error> fail_setting(
    const Config& config, std::string_view path, const std::string& words
) {
    const auto origin = config.origins.find(path);
    const auto where = origin == config.origins.end() ? "" : origin->second.to_string() + ": ";
    return fail(Errc::InvalidArgument, where + std::string(path) + " " + words);
}

std::ostream& operator<<(std::ostream& out, const Secret& secret) {
    return out << (secret.empty() ? "" : "***");
}

bool HttpConfig::is_loopback() const {
    return bind_host == "localhost" || bind_host == "::1" || bind_host.starts_with("127.");
}

Result<Config> load(const ConfigSources& sources) {
    Config config;
    begin_stores(config);
    AC_TRY(const auto layers, make_layers(sources, config.warnings));
    AC_CHECK_OK(apply_all(config, choose(layers)));
    AC_CHECK_OK(finish(config));
    return config;
}

Result<> check_for_serve(const Config& config) {
    AC_CHECK_OK(check_redis_for_serve(config));
    const bool has_secret =
        !config.token.empty() || !config.http.tokens.empty() || !config.livekit.api_secret.empty();
    if (!config.http.is_loopback() && !has_secret) {
        return fail_setting(
            config,
            "http.bind",
            "reaches beyond this machine, and no secret guards it: set api_key and api_secret, "
            "AIRCHECK_TOKEN or http.tokens"
        );
    }
    if (!config.http.is_loopback() && config.recording_urls == RecordingUrls::Link &&
        config.http.public_url.empty()) {
        return fail(
            Errc::InvalidArgument,
            "http.public_url is missing: recording_urls: link needs the address others reach this "
            "service at (or set recording_urls to location or signed)"
        );
    }
    if (!config.database.empty() && config.secrets_key_file.empty()) {
        return fail(
            Errc::InvalidArgument,
            "secrets_key_file is missing: with a PostgreSQL database every worker needs the same "
            "key"
        );
    }
    if (!config.auto_record.empty() && config.livekit.ws_url.empty()) {
        return fail_setting(
            config, "auto_record", "needs a LiveKit server: set ws_url or LIVEKIT_URL"
        );
    }
    if (config.http.forward && config.livekit.ws_url.empty()) {
        return fail_setting(config, "http.forward", "has nowhere to go: set ws_url or LIVEKIT_URL");
    }
    if (config.delegate == DelegateTo::LiveKit && config.livekit.ws_url.empty()) {
        return fail_setting(config, "delegate", "has nobody to go to: set ws_url or LIVEKIT_URL");
    }
    if (!config.auto_record.empty() && config.disallow_local_storage &&
        !config.storage.has_store()) {
        return fail_setting(
            config,
            "auto_record",
            "has nowhere to put recordings: disallow_local_storage is set and no store"
        );
    }
    if (!config.livekit.ws_url.empty() && config.livekit.api_key.empty()) {
        return fail_setting(
            config, "ws_url", "needs api_key and api_secret (LIVEKIT_API_KEY, LIVEKIT_API_SECRET)"
        );
    }
    return {};
}

std::string print_config(const Config& config) {
    std::string text;
    std::vector<std::string_view> open;  // the sections we are in
    for (const auto& key : all_keys()) {
        if (!key.show || is_of_another_store(config, key.path)) continue;
        std::vector<std::string_view> parts;
        for (std::size_t at = 0; at <= key.path.size();) {
            const auto dot = std::min(key.path.find('.', at), key.path.size());
            parts.push_back(key.path.substr(at, dot - at));
            at = dot + 1;
        }
        std::size_t depth = 0;
        while (depth + 1 < parts.size() && depth < open.size() && open[depth] == parts[depth])
            ++depth;
        for (open.resize(depth); depth + 1 < parts.size(); ++depth) {
            text += std::string(2 * depth, ' ') + std::string(parts[depth]) + ":\n";
            open.push_back(parts[depth]);
        }
        const auto origin = config.origins.find(key.path);
        text += std::string(2 * depth, ' ') + std::string(parts.back()) + ": " + key.show(config) +
                "  # " + (origin == config.origins.end() ? "default" : origin->second.to_string()) +
                "\n";
    }
    return text;
}

}  // namespace aircheck::app
