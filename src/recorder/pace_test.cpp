#include "recorder/pace.hpp"

#include <gtest/gtest.h>

namespace aircheck::recorder {
namespace {

Instant at(Nanoseconds since) { return Instant(100s + since); }

TEST(Pace, HurriesForAWhile) {
    Pace pace;
    EXPECT_EQ(pace.until_next(at(0s)), 250ms);
    pace.hurry(at(1s));
    EXPECT_EQ(pace.until_next(at(1s)), 100ms);
    EXPECT_EQ(pace.until_next(at(10'999ms)), 100ms);
    EXPECT_EQ(pace.until_next(at(11s)), 250ms);
}

TEST(Pace, CountsFromTheLastTrouble) {
    Pace pace;
    pace.hurry(at(1s));
    pace.hurry(at(8s));
    EXPECT_EQ(pace.until_next(at(17s)), 100ms);
    EXPECT_EQ(pace.until_next(at(18s)), 250ms);
}

}  // namespace
}  // namespace aircheck::recorder
