#pragma once

#include "core/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aircheck::bench {

/// Figures beside their budgets, as a table and as JSON.
class Report {
public:
    /// A figure that may be at most, or has to be at least, `budget`.
    enum class Bound { None, AtMost, AtLeast };
    struct Row {
        std::string key = {};   ///< For the JSON: "mix.20.cpu".
        std::string what = {};  ///< For people.
        double value = 0;
        std::string unit = {};
        Bound bound = Bound::None;
        double budget = 0;
    };

    void section(std::string title) { rows_.push_back({.what = std::move(title)}); }
    void add(Row row) { rows_.push_back(std::move(row)); }
    void note(std::string text) { notes_.push_back(std::move(text)); }

    void print() const;
    /// Errors: the file cannot be written.
    [[nodiscard]] Result<> write(const std::string& path) const;

private:
    std::vector<Row> rows_;  ///< Titles have no key.
    std::vector<std::string> notes_;
};

}  // namespace aircheck::bench
