#include "storage/http_date.hpp"

#include <cstdio>
#include <string_view>

namespace aircheck::storage {
namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view kDays = "SunMonTueWedThuFriSat";

}  // namespace

std::string http_date(WallTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(seconds - day);
    const std::size_t weekday = std::chrono::weekday(day).c_encoding();
    const std::size_t month = static_cast<unsigned>(date.month()) - 1;
    char text[64];
    std::snprintf(
        text,
        sizeof text,
        "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT",
        kDays.substr(3 * weekday).data(),
        static_cast<unsigned>(date.day()),
        kMonths.substr(3 * month).data(),
        static_cast<int>(date.year()),
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count())
    );
    return text;
}

std::optional<WallTime> parse_http_date(const std::string& text) {
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    char month[4] = {};
    if (std::sscanf(
            text.c_str(),
            "%*3s, %d %3s %d %d:%d:%d GMT",
            &day,
            month,
            &year,
            &hour,
            &minute,
            &second
        ) != 6) {
        return {};
    }
    // What a clock can say: a year without bounds would overflow the sum below.
    const auto is_in = [](int value, int first, int last) {
        return value >= first && value <= last;
    };
    if (!is_in(year, 1970, 2200) || !is_in(day, 1, 31) || !is_in(hour, 0, 23) ||
        !is_in(minute, 0, 59) || !is_in(second, 0, 60)) {
        return {};
    }
    const std::size_t index = kMonths.find(month);
    const std::chrono::year_month_day date{
        std::chrono::year(year),
        std::chrono::month(static_cast<unsigned>(index / 3 + 1)),
        std::chrono::day(static_cast<unsigned>(day))};
    if (index == std::string_view::npos || index % 3 != 0 || !date.ok()) return {};
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

}  // namespace aircheck::storage
