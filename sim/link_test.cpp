#include "sim/link.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace aircheck::sim {
namespace {

struct Far final : Link::Output {
    void deliver(Link::Kind, BytesView packet) override {
        got.push_back(packet[0] << 8 | packet[1]);
        at.push_back(now);
    }
    std::vector<int> got;
    std::vector<Instant> at;
    std::uint64_t lost = 0;
    Instant now{100s};
};

Far send_10000(const LinkQuality& quality) {
    Far far;
    Link link(quality, 1);
    for (int i = 0; i < 10'000; ++i) {
        const Bytes packet{static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
        link.push(Link::Kind::Rtp, packet, far.now, far);
        for (int step = 0; step < 10; ++step) {
            far.now += 2ms;
            link.run(far.now, far);
        }
    }
    for (int step = 0; step < 100; ++step) {
        far.now += 2ms;
        link.run(far.now, far);
    }
    far.lost = link.lost();
    return far;
}

TEST(Link, APerfectOneHandsOnAtOnce) {
    const auto far = send_10000({});
    ASSERT_EQ(far.got.size(), 10'000u);
    EXPECT_EQ(far.at[0], Instant(100s));
}

TEST(Link, LosesAboutWhatItShould) {
    LinkQuality quality;
    quality.loss = 0.05;
    const auto far = send_10000(quality);
    EXPECT_EQ(far.lost, 10'000 - far.got.size());
    EXPECT_GT(far.got.size(), 9'400u);
    EXPECT_LT(far.got.size(), 9'600u);
    EXPECT_TRUE(std::is_sorted(far.got.begin(), far.got.end()));
}

TEST(Link, TheSameSeedIsTheSameLuck) {
    LinkQuality quality;
    quality.loss = 0.05;
    quality.jitter = 30ms;
    quality.reorder = 0.02;
    quality.duplicate = 0.01;
    EXPECT_EQ(send_10000(quality).got, send_10000(quality).got);
    const auto first = send_10000(quality).got;
    quality.seed = 2;
    EXPECT_NE(send_10000(quality).got, first);
}

TEST(Link, JitterDelaysButKeepsOrder) {
    LinkQuality quality;
    quality.delay = 10ms;
    quality.jitter = 60ms;
    const auto far = send_10000(quality);
    ASSERT_EQ(far.got.size(), 10'000u);
    EXPECT_TRUE(std::is_sorted(far.got.begin(), far.got.end()));
    std::set<Nanoseconds> delays;
    for (std::size_t i = 0; i < far.at.size(); ++i) {
        const auto delay = far.at[i] - (Instant(100s) + 20ms * static_cast<int>(i));
        EXPECT_GE(delay, 10ms);
        EXPECT_LE(delay, 74ms);
        delays.insert(delay);
    }
    EXPECT_GT(delays.size(), 10u);
}

TEST(Link, ReordersAndDuplicates) {
    LinkQuality quality;
    quality.reorder = 0.05;
    quality.duplicate = 0.1;
    const auto far = send_10000(quality);
    EXPECT_GT(far.got.size(), 10'800u);
    EXPECT_LT(far.got.size(), 11'200u);
    EXPECT_FALSE(std::is_sorted(far.got.begin(), far.got.end()));
    EXPECT_EQ(std::set<int>(far.got.begin(), far.got.end()).size(), 10'000u);
}

}  // namespace
}  // namespace aircheck::sim
