#include "bench/report.hpp"

#include "bench/machine.hpp"

#include "core/time.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>

namespace aircheck::bench {
namespace {

bool is_kept(const Report::Row& row) {
    switch (row.bound) {
        case Report::Bound::None:
            return true;
        case Report::Bound::AtMost:
            return row.value <= row.budget;
        case Report::Bound::AtLeast:
            return row.value >= row.budget;
    }
    return true;
}

std::string number(double value) {
    char text[32];
    const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 4;
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

}  // namespace

void Report::print() const {
    std::printf("\n%s\n", describe_machine().c_str());
    for (const Row& row : rows_) {
        if (row.key.empty()) {
            std::printf("\n%s\n", row.what.c_str());
            continue;
        }
        std::printf(
            "  %-58s %9s %-10s", row.what.c_str(), number(row.value).c_str(), row.unit.c_str()
        );
        if (row.bound != Bound::None) {
            const char* sign = row.bound == Bound::AtMost ? "<=" : ">=";
            std::printf(
                "  %s %-6s %s", sign, number(row.budget).c_str(), is_kept(row) ? "kept" : "MISSED"
            );
        }
        std::printf("\n");
    }
    if (!notes_.empty()) std::printf("\n");
    for (const std::string& note : notes_) std::printf("  %s\n", note.c_str());
    std::fflush(stdout);
}

Result<> Report::write(const std::string& path) const {
    nlohmann::ordered_json all;
    all["date"] = to_iso8601(wall_now());
    all["version"] = AIRCHECK_VERSION;
    all["machine"] = describe_machine();
    for (const Row& row : rows_) {
        if (row.key.empty()) continue;
        nlohmann::ordered_json figure;
        figure["what"] = row.what;
        figure["value"] = row.value;
        figure["unit"] = row.unit;
        if (row.bound != Bound::None) {
            figure[row.bound == Bound::AtMost ? "at_most" : "at_least"] = row.budget;
            figure["kept"] = is_kept(row);
        }
        all["figures"][row.key] = std::move(figure);
    }
    all["notes"] = notes_;
    std::ofstream file(path);
    file << all.dump(2) << "\n";
    file.close();
    if (!file) return fail(Errc::Failed, path + ": cannot be written");
    return {};
}

}  // namespace aircheck::bench
