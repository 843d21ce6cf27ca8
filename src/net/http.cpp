#include "net/http.hpp"

#include <algorithm>

namespace aircheck::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

void Headers::set(std::string_view name, std::string value) {
    std::erase_if(fields_, [&](const auto& field) {
        return equal_ignoring_case(field.first, name);
    });
    add(name, std::move(value));
}

std::string_view Headers::get(std::string_view name) const {
    for (const auto& [field, value] : fields_) {
        if (equal_ignoring_case(field, name)) return value;
    }
    return "";
}

bool Headers::has(std::string_view name) const {
    return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) {
        return equal_ignoring_case(field.first, name);
    });
}

}  // namespace aircheck::net
