#pragma once

// Private to configuration: the only header of `app` that shows yaml-cpp's types.

#include "app/config.hpp"

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::app {

/// One setting as a source gave it: what, under which dotted path, and where.
struct Value {
    YAML::Node node;
    std::string path;
    Origin origin;
};

/// "aircheck.yaml:12: http.bind: must be …"; `words` never hold a secret's value.
[[nodiscard]] tl::unexpected<Error> fail_at(const Value& value, const std::string& words);

/// Readers of one value; each fails with Errc::InvalidArgument naming path and place.
[[nodiscard]] Result<std::string> read_text(const Value& value);
[[nodiscard]] Result<bool> read_bool(const Value& value);
[[nodiscard]] Result<std::int64_t> read_integer(
    const Value& value, std::int64_t least, std::int64_t most
);
/// "0.8", "4".
[[nodiscard]] Result<double> read_decimal(const Value& value, double least, double most);
/// The shortest text that reads as the same number.
[[nodiscard]] std::string show_decimal(double number);
/// "10s", "4h", or a bare number of seconds; not negative, at most ten years.
[[nodiscard]] Result<Nanoseconds> read_duration(const Value& value);
/// An absolute URL whose scheme is one of `schemes`; gives it as written.
[[nodiscard]] Result<std::string> read_url(
    const Value& value, std::span<const std::string_view> schemes
);
[[nodiscard]] Result<std::vector<std::string>> read_text_list(const Value& value);
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> read_text_map(
    const Value& value
);
/// The elements of a list, each with its own path ("webhooks[0]") and line.
[[nodiscard]] Result<std::vector<Value>> read_list(const Value& value);

/// Names of an enum's values, as configuration spells them.
template <typename Enum>
using Names = std::initializer_list<std::pair<std::string_view, Enum>>;

[[nodiscard]] tl::unexpected<Error> fail_choice(
    const Value& value, std::span<const std::string_view> choices
);

template <typename Enum>
[[nodiscard]] Result<Enum> read_choice(const Value& value, const Names<Enum>& names) {
    AC_TRY(const auto text, read_text(value));
    std::vector<std::string_view> choices;
    for (const auto& [name, meaning] : names) {
        if (name == text) return meaning;
        choices.push_back(name);
    }
    return fail_choice(value, choices);
}

template <typename Enum>
[[nodiscard]] std::string name_of(Enum value, const Names<Enum>& names) {
    for (const auto& [name, meaning] : names) {
        if (meaning == value) return std::string(name);
    }
    return "?";
}

/// The keys of one object in a list; fails on an unknown or repeated key.
class ObjectReader {
public:
    [[nodiscard]] static Result<ObjectReader> open(
        const Value& value, std::initializer_list<std::string_view> known
    );
    /// The key's value, or null when it is absent or empty.
    [[nodiscard]] const Value* find(std::string_view key) const;
    /// Reads `key` with `read` into `target`, if it is there.
    template <typename T, typename Read>
    [[nodiscard]] Result<> take(std::string_view key, T& target, Read read) const {
        if (const auto* value = find(key)) {
            AC_TRY(target, read(*value));
        }
        return {};
    }

private:
    std::vector<Value> values_;
};

/// The one of `candidates` that is closest to `name` in spelling, or "" when none is near.
[[nodiscard]] std::string nearest(std::string_view name, std::span<const std::string> candidates);

/// "; did you mean x?", or nothing.
[[nodiscard]] std::string hint(std::string_view name, std::span<const std::string> candidates);

/// A scalar as YAML that reads back as the same text.
[[nodiscard]] std::string quote(std::string_view text);
/// "1h30m", "10s", "250ms".
[[nodiscard]] std::string show_duration(Nanoseconds duration);

}  // namespace aircheck::app
