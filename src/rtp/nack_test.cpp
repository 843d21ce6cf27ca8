#include "rtp/nack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::rtp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NackGeneratorTest : public testing::Test {
protected:
    void receive(int number, Nanoseconds at = 0ms) {
        generator_.on_packet(SequenceNumber(static_cast<std::uint16_t>(number)), Instant(at));
    }
    std::vector<int> collect(Nanoseconds at) {
        std::vector<SequenceNumber> asked;
        generator_.collect(Instant(at), asked);
        std::vector<int> numbers;
        for (const SequenceNumber number : asked) numbers.push_back(number.value());
        return numbers;
    }

    NackGenerator generator_;
};

TEST_F(NackGeneratorTest, NothingMissing) {
    receive(1);
    receive(2);
    EXPECT_THAT(collect(10s), IsEmpty());
    EXPECT_FALSE(generator_.has_missing());
}

TEST_F(NackGeneratorTest, AsksThreeTimesAtTheServersPace) {
    receive(65534);
    receive(1, 1000ms);  // 65535 and 0 are missing
    EXPECT_THAT(collect(1019ms), IsEmpty());
    EXPECT_THAT(collect(1020ms), ElementsAre(65535, 0));
    EXPECT_THAT(collect(1129ms), IsEmpty());
    EXPECT_TRUE(generator_.has_missing());
    EXPECT_THAT(collect(1130ms), ElementsAre(65535, 0));
    EXPECT_THAT(collect(1240ms), ElementsAre(65535, 0));
    EXPECT_THAT(collect(1350ms), IsEmpty());
    EXPECT_FALSE(generator_.has_missing());
    EXPECT_EQ(generator_.counters().missing, 2u);
    EXPECT_EQ(generator_.counters().requests, 6u);
    EXPECT_EQ(generator_.counters().abandoned, 2u);
}

TEST_F(NackGeneratorTest, ReorderedPacketsAreNotAskedFor) {
    receive(65535);
    receive(1, 0ms);
    receive(0, 15ms);
    EXPECT_THAT(collect(1s), IsEmpty());
    EXPECT_EQ(generator_.counters().reordered, 1u);
    EXPECT_EQ(generator_.counters().requests, 0u);
}

TEST_F(NackGeneratorTest, ARecoveredPacketIsNotAskedForAgain) {
    receive(10);
    receive(13);
    EXPECT_THAT(collect(20ms), ElementsAre(11, 12));
    receive(11, 60ms);
    receive(11, 61ms);  // twice: counted once
    EXPECT_THAT(collect(130ms), ElementsAre(12));
    EXPECT_EQ(generator_.counters().recovered, 1u);
}

TEST_F(NackGeneratorTest, GapsKeepTheirOwnTimes) {
    receive(0);
    receive(2, 0ms);
    receive(4, 100ms);
    EXPECT_THAT(collect(20ms), ElementsAre(1));
    EXPECT_THAT(collect(120ms), ElementsAre(3));
    EXPECT_THAT(collect(130ms), ElementsAre(1));
}

TEST_F(NackGeneratorTest, TheListIsBounded) {
    receive(0);
    for (int number = 2; number <= 500; number += 2) receive(number);
    const auto asked = collect(20ms);
    EXPECT_EQ(asked.size(), 200u);
    EXPECT_EQ(asked.front(), 101);
    EXPECT_EQ(asked.back(), 499);
    EXPECT_EQ(generator_.counters().abandoned, 50u);
}

TEST_F(NackGeneratorTest, AnOutageIsNotAskedFor) {
    receive(0);
    receive(2);
    receive(300);
    EXPECT_THAT(collect(1s), IsEmpty());
    receive(302);
    EXPECT_THAT(collect(1s), ElementsAre(301));
}

TEST_F(NackGeneratorTest, FollowsASenderThatRestarts) {
    receive(30000);
    receive(30002);
    receive(5);  // 29997 back
    receive(7);
    EXPECT_THAT(collect(1s), ElementsAre(6));
}

TEST_F(NackGeneratorTest, TriesCanBeSet) {
    generator_ = NackGenerator({.first_after = std::chrono::milliseconds(0), .max_tries = 1});
    receive(0);
    receive(2);
    EXPECT_THAT(collect(0ms), ElementsAre(1));
    EXPECT_THAT(collect(110ms), IsEmpty());
    EXPECT_FALSE(generator_.has_missing());
}

}  // namespace
}  // namespace aircheck::rtp
