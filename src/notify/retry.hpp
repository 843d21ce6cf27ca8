#pragma once

#include "core/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aircheck::notify {

/// What a repetition may bring.
enum class Prospect {
    ByStatus,  ///< What the answer's status says.
    NotAlone,  ///< Nothing, unless somebody changes something.
    Hopeless,
};

/// What one try of a delivery came to.
struct Attempt {
    int number = 1;           ///< 1 for the first.
    int http_status = 0;      ///< 0: no answer (connection, TLS, timeout).
    std::string retry_after;  ///< The answer's header, or "".
    WallTime first_due;       ///< When the delivery was created, or replayed.
    WallTime now;
    Prospect prospect = Prospect::ByStatus;
};

struct Verdict {
    enum class Kind { Delivered, Retry, Dead } kind = Kind::Delivered;
    WallTime next_try;  ///< Of Retry.
};

inline constexpr Nanoseconds kFirstPause = 1s;
inline constexpr Nanoseconds kLongestPause = std::chrono::hours(1);
inline constexpr Nanoseconds kGiveUpAfter = std::chrono::hours(72);

/// Decides on a try. 2xx: delivered. 410 Gone: dead at once (Standard Webhooks: the receiver wants
/// no more). All else is tried again, for a receiver that is broken, misconfigured or not deployed
/// yet answers with any of 3xx, 4xx, 5xx: after 1 s, doubling to 1 h, until 72 h after the first.
/// Answers that a repetition alone does not mend (3xx, 4xx but 408, 425, 429) start at one minute.
/// Retry-After (seconds, or an HTTP date) of 429 and 503 lengthens the pause, to at most 1 h. The
/// last try is at 72 h.
[[nodiscard]] Verdict judge(const Attempt& attempt);

/// Seconds or an HTTP date (RFC 9110 §10.2.3); empty when it is neither.
[[nodiscard]] std::optional<Nanoseconds> parse_retry_after(std::string_view value, WallTime now);

}  // namespace aircheck::notify
