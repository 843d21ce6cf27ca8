#pragma once

// Private to configuration: the table of every key, known, later or without meaning here.

#include "app/config.hpp"
#include "app/config_value.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::app {

/// What a key's value looks like: how text of a variable or flag is read.
enum class Shape {
    Scalar,   ///< One value: a variable's text is taken as it stands.
    Yaml,     ///< A list or an object: a variable's text is YAML.
    Subtree,  ///< Whatever lies below is accepted too (sections that are not honoured).
};

/// One key of the configuration by its dotted path.
struct Key {
    std::string_view path;
    Shape shape = Shape::Scalar;
    /// Reads the value into the Config (whose stores exist while loading); empty for keys that
    /// are accepted without effect.
    std::function<Result<>(Config&, const Value&)> apply;
    /// The value in force as YAML on one line, secrets masked.
    std::function<std::string(const Config&)> show;
    /// Why the key has no effect; empty when it has.
    std::string_view why_ignored;
};

/// Every accepted key, those of one section side by side, in the order in which they are printed.
[[nodiscard]] const std::vector<Key>& all_keys();
/// The key at `path`, or the Subtree key above it; null when there is none.
[[nodiscard]] const Key* find_key(std::string_view path);
/// Whether some key lies below `path` ("storage", "storage.s3").
[[nodiscard]] bool is_section(std::string_view path);

/// InvalidArgument: what is wrong with the key at `path`, and where it was set.
[[nodiscard]] tl::unexpected<Error> fail_setting(
    const Config& config, std::string_view path, const std::string& words
);

/// The keys of `storage`, and what must hold among them: one store at most is left, and complete.
void add_storage_keys(std::vector<Key>& keys);
[[nodiscard]] Result<> finish_stores(Config& config);
/// "storage.s3": the section of the store in force, where there is one.
[[nodiscard]] std::string_view store_section(const Config& config);
/// Before the keys are applied: room for what they say of each store.
void begin_stores(Config& config);
/// Whether the key at `path` says something of a store that is not the one in force.
[[nodiscard]] bool is_of_another_store(const Config& config, std::string_view path);

/// The keys of `logging`, and those of livekit/egress's older versions, its README and its chart.
void add_logging_keys(std::vector<Key>& keys);
void add_former_keys(std::vector<Key>& keys);
/// Whether a file may have the store at its top level, as livekit/egress had it before `storage`.
[[nodiscard]] bool is_former_store(std::string_view name);

/// The keys of `redis` and of the bus's worker, and what must hold among them.
void add_redis_keys(std::vector<Key>& keys);
[[nodiscard]] Result<> check_redis(Config& config);
[[nodiscard]] Result<> check_redis_for_serve(const Config& config);

/// Lists that have their own files.
[[nodiscard]] Result<std::vector<AutoRecordRule>> read_auto_record(const Value& value);
[[nodiscard]] Result<std::vector<WebhookConfig>> read_webhooks(const Value& value);
[[nodiscard]] Result<std::vector<ApiToken>> read_tokens(const Value& value);
[[nodiscard]] Result<std::vector<std::string>> read_network_allow(const Value& value);
[[nodiscard]] std::string show_auto_record(const std::vector<AutoRecordRule>& rules);
[[nodiscard]] std::string show_webhooks(const std::vector<WebhookConfig>& webhooks);
[[nodiscard]] std::string show_tokens(const std::vector<ApiToken>& tokens);
[[nodiscard]] std::string show_texts(const std::vector<std::string>& texts);

}  // namespace aircheck::app
