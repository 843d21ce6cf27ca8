#pragma once

// Private to configuration: makers of the table's entries, one for each kind of value.

#include "app/config_keys.hpp"
#include "net/url.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace aircheck::app {

// Each `access` is a generic lambda from a Config, const or not, to the member.

template <typename Access, typename Read, typename Show>
Key key(std::string_view path, Access access, Read read, Show show) {
    return {
        path,
        Shape::Scalar,
        [access, read](Config& config, const Value& value) -> Result<> {
            AC_TRY(auto read_value, read(value));
            access(config) = std::move(read_value);
            return {};
        },
        [access, show](const Config& config) -> std::string { return show(access(config)); },
        {}};
}

template <typename Access, typename Read, typename Show>
Key list_key(std::string_view path, Access access, Read read, Show show) {
    auto made = key(path, access, read, show);
    made.shape = Shape::Yaml;
    return made;
}

template <typename Access>
Key text_key(std::string_view path, Access access) {
    return key(path, access, read_text, [](const std::string& text) { return quote(text); });
}

template <typename Access>
Key secret_key(std::string_view path, Access access) {
    const auto read = [](const Value& value) -> Result<Secret> {
        AC_TRY(auto text, read_text(value));
        return Secret(std::move(text));
    };
    return key(path, access, read, [](const Secret& secret) {
        return std::string(secret.empty() ? "\"\"" : R"("***")");
    });
}

template <typename Access>
Key bool_key(std::string_view path, Access access) {
    return key(path, access, read_bool, [](bool value) { return value ? "true" : "false"; });
}

template <typename Access>
Key number_key(std::string_view path, std::int64_t least, std::int64_t most, Access access) {
    using Number = std::remove_reference_t<decltype(access(std::declval<Config&>()))>;
    const auto read = [least, most](const Value& value) -> Result<Number> {
        AC_TRY(const auto number, read_integer(value, least, most));
        return static_cast<Number>(number);
    };
    return key(path, access, read, [](auto number) { return std::to_string(number); });
}

template <typename Access>
Key decimal_key(std::string_view path, double least, double most, Access access) {
    const auto read = [least, most](const Value& value) {
        return read_decimal(value, least, most);
    };
    return key(path, access, read, show_decimal);
}

template <typename Access>
Key duration_key(std::string_view path, Access access) {
    return key(path, access, read_duration, show_duration);
}

template <typename Access>
Key url_key(std::string_view path, std::initializer_list<std::string_view> schemes, Access access) {
    const std::vector<std::string_view> kept(schemes);
    const auto read = [kept](const Value& value) -> Result<std::string> {
        AC_TRY(const auto text, read_text(value));
        if (text.empty()) return text;
        AC_TRY(auto url, read_url(value, kept));
        while (url.ends_with('/')) url.pop_back();
        return url;
    };
    return key(path, access, read, [](const std::string& url) {
        return quote(net::redact_url(url));
    });
}

inline Key ignored(std::string_view path, Shape shape, std::string_view why) {
    return {path, shape, {}, {}, why};
}

/// How much of the machine recordings may take.
void add_capacity_keys(std::vector<Key>& keys);

}  // namespace aircheck::app
