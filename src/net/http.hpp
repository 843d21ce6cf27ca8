#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::net {

/// True when both are the same but for the case of ASCII letters, as names of header fields are
/// compared.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Header fields in order; names compare without case.
class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

    void set(std::string_view name, std::string value);
    void add(std::string_view name, std::string value) {
        fields_.emplace_back(name, std::move(value));
    }
    /// The first value, or "" when absent.
    [[nodiscard]] std::string_view get(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] auto begin() const { return fields_.begin(); }
    [[nodiscard]] auto end() const { return fields_.end(); }

private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace aircheck::net
