#include "notify/retry.hpp"

#include "core/told_time.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iomanip>
#include <locale>
#include <sstream>

namespace aircheck::notify {
namespace {

constexpr Nanoseconds kFirstPauseWhenRefused = std::chrono::minutes(1);

/// Answers that say "ask again" (RFC 9110, RFC 8470), or no answer at all.
bool may_mend_itself(int status) {
    return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

Nanoseconds doubled(Nanoseconds first, int times) {
    Nanoseconds pause = first;
    for (int i = 0; i < times && pause < kLongestPause; ++i) pause *= 2;
    return std::min(pause, kLongestPause);
}

}  // namespace

Verdict judge(const Attempt& attempt) {
    const int status = attempt.http_status;
    if (status >= 200 && status < 300) return {Verdict::Kind::Delivered, {}};
    const WallTime last = attempt.first_due + kGiveUpAfter;
    const bool is_hopeless = status == 410 || attempt.prospect == Prospect::Hopeless;
    if (is_hopeless || attempt.now >= last) return {Verdict::Kind::Dead, {}};
    const bool alone = attempt.prospect == Prospect::ByStatus && may_mend_itself(status);
    const Nanoseconds first = alone ? kFirstPause : kFirstPauseWhenRefused;
    Nanoseconds pause = doubled(first, std::max(attempt.number, 1) - 1);
    if (status == 429 || status == 503) {
        const auto asked = parse_retry_after(attempt.retry_after, attempt.now);
        if (asked) pause = std::max(pause, std::min(*asked, kLongestPause));
    }
    return {Verdict::Kind::Retry, std::min(attempt.now + pause, last)};
}

std::optional<Nanoseconds> parse_retry_after(std::string_view value, WallTime now) {
    constexpr std::int64_t kMostSeconds = 1'000'000'000;
    std::int64_t seconds = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (read.ec == std::errc() && read.ptr == value.data() + value.size() && seconds >= 0) {
        return std::chrono::seconds(std::min(seconds, kMostSeconds));
    }
    // IMF-fixdate (RFC 9110 §5.6.7), the only form that is still written.
    std::tm parts{};
    std::istringstream in{std::string(value)};
    in.imbue(std::locale::classic());
    in >> std::get_time(&parts, "%a, %d %b %Y %H:%M:%S");
    std::string zone;
    in >> zone;
    if (!in || zone != "GMT") return {};
    const WallTime then = told_time(std::chrono::seconds(::timegm(&parts)));
    return std::max(then - now, Nanoseconds::zero());
}

}  // namespace aircheck::notify
