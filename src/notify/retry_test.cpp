#include "notify/retry.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace aircheck::notify {
namespace {

using Kind = Verdict::Kind;

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

struct Row {
    std::string name;
    int status = 0;
    int number = 1;
    std::string retry_after;
    Kind kind = Kind::Retry;
    std::int64_t pause_seconds = 0;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class Judge : public testing::TestWithParam<Row> {};

TEST_P(Judge, DecidesOnATry) {
    const Row& row = GetParam();
    const Verdict verdict = judge({row.number, row.status, row.retry_after, at(1000), at(2000)});
    EXPECT_EQ(verdict.kind, row.kind);
    if (row.kind == Kind::Retry) {
        EXPECT_EQ(verdict.next_try, at(2000 + row.pause_seconds));
    }
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    Judge,
    testing::Values(
        Row{"Ok", 200, 1, "", Kind::Delivered, 0},
        Row{"NoContent", 204, 9, "", Kind::Delivered, 0},
        Row{"NoAnswer", 0, 1, "", Kind::Retry, 1},
        Row{"NoAnswerAgain", 0, 2, "", Kind::Retry, 2},
        Row{"ServerError", 500, 5, "", Kind::Retry, 16},
        Row{"LongestPause", 502, 13, "", Kind::Retry, 3600},
        Row{"NearlyLongest", 502, 12, "", Kind::Retry, 2048},
        Row{"VeryOften", 502, 1'000'000, "", Kind::Retry, 3600},
        Row{"Timeout", 408, 1, "", Kind::Retry, 1},
        Row{"TooEarly", 425, 1, "", Kind::Retry, 1},
        Row{"TooMany", 429, 1, "", Kind::Retry, 1},
        Row{"TooManyAsksForMore", 429, 1, "120", Kind::Retry, 120},
        Row{"TooManyAsksForLess", 429, 9, "5", Kind::Retry, 256},
        Row{"TooManyAsksForAYear", 429, 1, "31536000", Kind::Retry, 3600},
        Row{"AsksForTheEndOfTime", 503, 1, "Fri, 31 Dec 9999 23:59:59 GMT", Kind::Retry, 3600},
        Row{"UnavailableAsks", 503, 1, "30", Kind::Retry, 30},
        Row{"OthersMayNotAsk", 500, 1, "30", Kind::Retry, 1},
        Row{"BadRetryAfter", 503, 1, "soon", Kind::Retry, 1},
        Row{"NotFound", 404, 1, "", Kind::Retry, 60},
        Row{"NotFoundAgain", 404, 3, "", Kind::Retry, 240},
        Row{"Unauthorized", 401, 1, "", Kind::Retry, 60},
        Row{"Redirect", 302, 1, "", Kind::Retry, 60},
        Row{"Gone", 410, 1, "", Kind::Dead, 0}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Judge, WhatNobodyMendsByTryingAgainIsTriedSlowlyOrNotAtAll) {
    const auto judged = [](int number, Prospect prospect) {
        return judge({number, 0, "", at(1000), at(2000), prospect});
    };
    EXPECT_EQ(judged(1, Prospect::NotAlone).next_try, at(2060));
    EXPECT_EQ(judged(2, Prospect::NotAlone).next_try, at(2120));
    EXPECT_EQ(judged(1, Prospect::Hopeless).kind, Kind::Dead);
}

TEST(Judge, GivesUpAfter72Hours) {
    const auto hours = [](int n) { return at(std::int64_t{n} * 3600); };
    // The last try is at 72 h, not a pause later.
    const Verdict last = judge({80, 500, "", hours(0), hours(71) + 1800s});
    EXPECT_EQ(last.kind, Kind::Retry);
    EXPECT_EQ(last.next_try, hours(72));
    EXPECT_EQ(judge({81, 500, "", hours(0), hours(72)}).kind, Kind::Dead);
    EXPECT_EQ(judge({81, 0, "", hours(0), hours(73)}).kind, Kind::Dead);
    EXPECT_EQ(judge({81, 200, "", hours(0), hours(73)}).kind, Kind::Delivered);
}

TEST(Judge, TriesOftenEnoughIn72Hours) {
    // 1 + 2 + … + 2048 s, then hourly: the plan as a whole, from the rule.
    WallTime now = at(0);
    int tries = 0;
    for (;;) {
        const Verdict verdict = judge({++tries, 500, "", at(0), now});
        if (verdict.kind == Kind::Dead) break;
        ASSERT_GT(verdict.next_try, now);
        now = verdict.next_try;
    }
    EXPECT_EQ(now, at(72 * 3600));
    // 12 doubling pauses take 4095 s; 255105 s are left: 70 whole hours and a rest.
    EXPECT_EQ(tries, 1 + 12 + 70 + 1);
}

TEST(RetryAfter, IsSecondsOrADate) {
    // RFC 9110's own example date is 784111777 s after 1970.
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at(784111770)), 7s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at(784111777 + 9)), 0s);
    EXPECT_EQ(parse_retry_after("120", at(0)), 120s);
    EXPECT_EQ(parse_retry_after("0", at(0)), 0s);
    for (const char* bad :
         {"", "-1", "1.5", "1s", "99999999999999999999", "Sun, 06 Nov 1994", "x"}) {
        EXPECT_FALSE(parse_retry_after(bad, at(0))) << bad;
    }
}

}  // namespace
}  // namespace aircheck::notify
