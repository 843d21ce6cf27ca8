#include "app/progress.hpp"

#include <gtest/gtest.h>

namespace aircheck::app {
namespace {

TEST(Progress, TimesAreHoursMinutesSeconds) {
    EXPECT_EQ(clock_text(0s), "00:00:00");
    EXPECT_EQ(clock_text(59'999ms), "00:00:59");
    EXPECT_EQ(clock_text(3723s), "01:02:03");
    EXPECT_EQ(clock_text(360000s), "100:00:00");
}

}  // namespace
}  // namespace aircheck::app
