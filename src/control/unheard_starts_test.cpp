#include "control/unheard_starts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Instant kNow(1000s);

TEST(UnheardStarts, WhoHearsInTimeKeepsTheRecording) {
    UnheardStarts starts;
    EXPECT_FALSE(starts.answered("", kNow + 1s, "EG_1", kNow));
    EXPECT_FALSE(starts.answered("", std::nullopt, "EG_2", kNow));
    EXPECT_THAT(starts.take_due(kNow + std::chrono::hours(1)), IsEmpty());
}

TEST(UnheardStarts, WithoutARequestIdItEndsAtOnce) {
    UnheardStarts starts;
    EXPECT_TRUE(starts.answered("", kNow - 1ns, "EG_1", kNow));
    EXPECT_EQ(starts.next_due(), kNow);
    EXPECT_THAT(starts.take_due(kNow), ElementsAre("EG_1"));
    EXPECT_THAT(starts.take_due(kNow), IsEmpty()) << "once";
    EXPECT_EQ(starts.next_due(), std::nullopt);
}

TEST(UnheardStarts, WithOneItWaitsForTheRetry) {
    UnheardStarts starts;
    for (const std::string id : {"one", "two"}) {
        starts.waits(id, kNow - 1s);
        EXPECT_TRUE(starts.answered(id, std::nullopt, "EG_" + id, kNow));
    }
    EXPECT_THAT(starts.take_due(kNow + UnheardStarts::kGrace - 1ns), IsEmpty());
    starts.waits("one", kNow + 40s);
    EXPECT_FALSE(starts.answered("one", std::nullopt, "EG_one", kNow + 30s)) << "asked again";
    EXPECT_THAT(starts.take_due(kNow + UnheardStarts::kGrace), ElementsAre("EG_two"));
}

TEST(UnheardStarts, ARetryThatIsTooLateWaitsForTheNext) {
    UnheardStarts starts;
    starts.waits("one", kNow);
    EXPECT_TRUE(starts.answered("one", std::nullopt, "EG_1", kNow + 1s));
    starts.waits("one", kNow + 30s);
    EXPECT_TRUE(starts.answered("one", std::nullopt, "EG_1", kNow + 31s));
    EXPECT_THAT(starts.take_due(kNow + 61s), IsEmpty());
    EXPECT_THAT(starts.take_due(kNow + 91s), ElementsAre("EG_1"));
}

TEST(UnheardStarts, OfSeveralCallersTheMostPatientCounts) {
    UnheardStarts starts;
    starts.waits("one", kNow + 1s);
    starts.waits("one", kNow + 5s);
    starts.waits("one", kNow + 2s);
    EXPECT_EQ(starts.latest("one"), kNow + 5s);
    EXPECT_FALSE(starts.answered("one", std::nullopt, "EG_1", kNow + 4s));
    starts.waits("two", kNow + 1s);
    starts.waits("two", std::nullopt);
    starts.waits("two", kNow + 2s);
    EXPECT_EQ(starts.latest("two"), std::nullopt);
    EXPECT_FALSE(starts.answered("two", std::nullopt, "EG_2", kNow + 4s));
}

TEST(UnheardStarts, ARefusalLeavesNothing) {
    UnheardStarts starts;
    starts.waits("one", kNow - 1s);
    EXPECT_FALSE(starts.answered("one", std::nullopt, "", kNow));
    EXPECT_EQ(starts.latest("one"), std::nullopt);
    EXPECT_EQ(starts.next_due(), std::nullopt);
}

}  // namespace
}  // namespace aircheck::control
