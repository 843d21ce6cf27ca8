#include "api/call_times.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace aircheck::api {
namespace {

TEST(TwirpTimeout, IsANumberOfMilliseconds) {
    EXPECT_EQ(twirp_timeout("").value(), std::nullopt);
    EXPECT_EQ(twirp_timeout("10000").value(), Nanoseconds(10s));
    EXPECT_EQ(twirp_timeout("0").value(), Nanoseconds(0s));
    EXPECT_EQ(twirp_timeout("-5").value(), Nanoseconds(0s)) << "its time is up";
    EXPECT_EQ(twirp_timeout("9000000000000000000").value(), Nanoseconds(std::chrono::hours(24)));
    for (const std::string bad : {"10s", "1.5", " 1000", "0x10", "99999999999999999999", "soon"}) {
        const auto read = twirp_timeout(bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().code, "invalid_argument");
        EXPECT_EQ(
            read.error().message, "X-Twirp-Timeout-Ms: '" + bad + "' is no number of milliseconds"
        );
    }
}

/// Runs a loop until somebody was answered twice, or has waited long enough for it.
struct Caller {
    net::Loop loop;
    std::vector<net::HttpServerResponse> heard;
    net::HttpServer::Respond respond = [this](net::HttpServerResponse answer) {
        heard.push_back(std::move(answer));
        loop.stop();
    };
};

TEST(CallTimes, WhoWaitsTooLongHearsIt) {
    Caller caller;
    CallTimes times(caller.loop);
    const auto limited = times.limit(caller.respond, 0s);
    caller.loop.run("test");
    ASSERT_EQ(caller.heard.size(), 1U);
    EXPECT_EQ(caller.heard[0].status, 408);
    EXPECT_EQ(
        caller.heard[0].body,
        R"({"code":"deadline_exceeded","msg":"the time that the caller gave is up"})"
    );
}

TEST(CallTimes, WhoIsAnsweredHearsNothingElse) {
    Caller caller;
    CallTimes times(caller.loop);
    const auto first = times.limit(caller.respond, 1ms);
    caller.loop.post([&] {
        net::HttpServerResponse answer;
        answer.status = 204;
        first(answer);
    });
    caller.loop.run("test");
    ASSERT_EQ(caller.heard.size(), 1U);
    EXPECT_EQ(caller.heard[0].status, 204);
    // The first call's timer would have run before this one's.
    const auto second = times.limit(caller.respond, 20ms);
    caller.loop.run("test");
    ASSERT_EQ(caller.heard.size(), 2U);
    EXPECT_EQ(caller.heard[1].status, 408);
}

TEST(CallTimes, AnAnswerMayComeAfterTheServerHasGone) {
    Caller caller;
    net::HttpServer::Respond limited;
    {
        CallTimes times(caller.loop);
        limited = times.limit(caller.respond, 1ms);
    }
    limited({});
    caller.loop.run("test");
    EXPECT_EQ(caller.heard.size(), 1U);
}

}  // namespace
}  // namespace aircheck::api
