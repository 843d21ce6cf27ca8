#include "core/time.hpp"

#include <time.h>

#include <charconv>
#include <cstdio>

namespace aircheck {
namespace {

Nanoseconds read(clockid_t clock) {
    timespec ts{};
    clock_gettime(clock, &ts);
    return std::chrono::seconds(ts.tv_sec) + Nanoseconds(ts.tv_nsec);
}

/// Takes `digits` digits from the front of `text`; false when there are fewer.
bool take_number(std::string_view& text, std::size_t digits, int& value) {
    if (text.size() < digits) return false;
    const auto* end = text.data() + digits;
    if (std::from_chars(text.data(), end, value).ptr != end || value < 0) return false;
    text.remove_prefix(digits);
    return true;
}

bool take_char(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

Instant monotonic_now() { return Instant(read(CLOCK_MONOTONIC)); }
WallTime wall_now() { return WallTime(read(CLOCK_REALTIME)); }

std::string to_iso8601(WallTime time) {
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - days));
    char text[48];
    std::snprintf(
        text,
        sizeof text,
        "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count())
    );
    return text;
}

Result<WallTime> parse_iso8601(std::string_view text) {
    const std::string whole(text);
    const auto bad = [&] { return fail(Errc::Malformed, "time '" + whole + "' is not ISO 8601"); };
    int year{}, month{}, day{}, hour{}, minute{}, second{};
    const bool ok =
        take_number(text, 4, year) && take_char(text, "-") && take_number(text, 2, month) &&
        take_char(text, "-") && take_number(text, 2, day) && take_char(text, "Tt ") &&
        take_number(text, 2, hour) && take_char(text, ":") && take_number(text, 2, minute) &&
        take_char(text, ":") && take_number(text, 2, second);
    if (!ok) return bad();
    const std::chrono::year_month_day date{
        std::chrono::year(year),
        std::chrono::month(static_cast<unsigned>(month)),
        std::chrono::day(static_cast<unsigned>(day))};
    // 64 bits of nanoseconds reach from 1677 to 2262.
    const bool fits = year >= 1900 && year <= 2200;
    if (!fits || !date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
    Nanoseconds fraction{0};
    if (take_char(text, ".")) {
        std::int64_t unit = 100'000'000;
        int digit{};
        if (!take_number(text, 1, digit)) return bad();
        do {
            fraction += Nanoseconds(digit * unit);
            unit /= 10;
        } while (take_number(text, 1, digit));
    }
    Nanoseconds offset{0};
    if (!take_char(text, "Zz")) {
        const bool minus = !text.empty() && text.front() == '-';
        int hours{}, minutes{};
        if (!take_char(text, "+-") || !take_number(text, 2, hours)) return bad();
        take_char(text, ":");
        if (!take_number(text, 2, minutes)) return bad();
        offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
        if (minus) offset = -offset;
    }
    if (!text.empty()) return bad();
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction - offset;
}

Result<Nanoseconds> parse_duration(std::string_view text) {
    const std::string whole(text);
    const auto bad = [&] {
        return fail(Errc::Malformed, "duration '" + whole + "' is not like 30s, 1m30s or 4h");
    };
    if (text.empty()) return bad();
    double total = 0;
    while (!text.empty()) {
        double number{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || !(number >= 0)) return bad();
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        double unit = 0;
        std::size_t length = 1;
        if (text.empty()) {
            unit = total == 0 ? 1 : 0;
            length = 0;
        } else if (text.starts_with("ms")) {
            unit = 1e-3;
            length = 2;
        } else if (text.front() == 's') {
            unit = 1;
        } else if (text.front() == 'm') {
            unit = 60;
        } else if (text.front() == 'h') {
            unit = 3600;
        } else if (text.front() == 'd') {
            unit = 86400;
        }
        if (unit == 0) return bad();
        text.remove_prefix(length);
        total += number * unit;
    }
    if (total > 1e9) return bad();
    return Nanoseconds(static_cast<std::int64_t>(total * 1e9 + 0.5));
}

}  // namespace aircheck
