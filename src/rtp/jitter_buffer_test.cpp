#include "rtp/jitter_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace aircheck::rtp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Inserted = JitterBuffer::Inserted;

constexpr int kFirst = 65534;  // two packets before the wrap

class JitterBufferTest : public testing::Test {
protected:
    /// Packet `index` of a stream of 20 ms frames that begins two packets before both wraps.
    Inserted insert(int index, Nanoseconds at = 0ms) {
        return insert_number(kFirst + index, static_cast<std::uint32_t>(960 * (index - 2)), at);
    }
    Inserted insert_number(int number, std::uint32_t timestamp, Nanoseconds at = 0ms) {
        const std::uint8_t payload = static_cast<std::uint8_t>(number);
        PacketView view = header(number, timestamp);
        view.payload = BytesView(&payload, 1);
        return buffer_.insert(view, Instant(at));
    }
    Inserted insert_padding(int index) {
        return buffer_.insert(header(kFirst + index, 0), Instant{});
    }
    static PacketView header(int number, std::uint32_t timestamp) {
        PacketView view;
        view.sequence_number = SequenceNumber(static_cast<std::uint16_t>(number));
        view.timestamp = RtpTimestamp(timestamp);
        view.payload_type = 111;
        return view;
    }
    /// Indices of the frames that come out at `at`.
    std::vector<std::int64_t> pop(Nanoseconds at = 0ms) {
        std::vector<std::int64_t> indices;
        while (auto frame = buffer_.pop(Instant(at))) indices.push_back(frame->sequence - kFirst);
        return indices;
    }
    std::vector<std::int64_t> flush() {
        std::vector<std::int64_t> indices;
        while (auto frame = buffer_.flush()) indices.push_back(frame->sequence - kFirst);
        return indices;
    }

    JitterBuffer buffer_;
};

TEST_F(JitterBufferTest, InOrderComesOutAtOnce) {
    EXPECT_THAT(pop(), IsEmpty());
    EXPECT_EQ(insert(0), Inserted::Buffered);
    EXPECT_THAT(pop(), ElementsAre(0));
    insert(1);
    insert(2);
    insert(3);
    EXPECT_THAT(pop(), ElementsAre(1, 2, 3));
    EXPECT_FALSE(buffer_.deadline());
}

TEST_F(JitterBufferTest, FramesTellWhatThePacketSaid) {
    PacketView view = header(65535, 0xfffffc40);
    const Bytes payload = {1, 2, 3};
    view.payload = payload;
    view.marker = true;
    buffer_.insert(view, Instant(5ms));
    insert_number(0, 0, 25ms);
    const auto first = buffer_.pop(Instant(30ms));
    const auto second = buffer_.pop(Instant(30ms));
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->sequence, 65535);
    EXPECT_EQ(first->rtp_timestamp, 0xfffffc40);
    EXPECT_EQ(first->payload_type, 111);
    EXPECT_TRUE(first->marker);
    EXPECT_EQ(first->arrival, Instant(5ms));
    EXPECT_FALSE(first->retransmitted);
    EXPECT_FALSE(first->restarted);
    EXPECT_EQ(first->payload, payload);
    EXPECT_EQ(second->sequence, 65536);
    EXPECT_EQ(second->rtp_timestamp, 0x100000000);
    EXPECT_FALSE(second->marker);
}

TEST_F(JitterBufferTest, ReorderingIsUndone) {
    for (const int index : {0, 2, 1, 5, 4, 3}) insert(index);
    EXPECT_THAT(pop(), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_EQ(buffer_.counters().reordered, 3u);
    EXPECT_EQ(buffer_.counters().lost, 0u);
}

TEST_F(JitterBufferTest, OutOfOrderFramesSayNothingOfTheDelay) {
    insert(0);
    insert(2);
    insert(1);
    EXPECT_FALSE(buffer_.pop(Instant{})->retransmitted);
    EXPECT_TRUE(buffer_.pop(Instant{})->retransmitted);
    EXPECT_FALSE(buffer_.pop(Instant{})->retransmitted);
}

TEST_F(JitterBufferTest, BeforeTheFirstFrameIsOutAnOlderOneIsTaken) {
    insert(1);
    EXPECT_EQ(insert(0), Inserted::Buffered);
    EXPECT_THAT(pop(), ElementsAre(0, 1));
    EXPECT_EQ(insert(-1), Inserted::Late);
}

TEST_F(JitterBufferTest, AMissingPacketIsWaitedForFromTheFirstNewerOne) {
    insert(0, 0ms);
    insert(2, 40ms);
    insert(3, 300ms);
    EXPECT_THAT(pop(839ms), ElementsAre(0));
    EXPECT_EQ(buffer_.deadline(), Instant(840ms));
    EXPECT_THAT(pop(840ms), ElementsAre(2, 3));
    EXPECT_EQ(buffer_.counters().lost, 1u);
}

TEST_F(JitterBufferTest, EachGapHasItsOwnWait) {
    insert(0, 0ms);
    insert(2, 0ms);
    insert(4, 500ms);
    EXPECT_THAT(pop(800ms), ElementsAre(0, 2));
    EXPECT_EQ(buffer_.deadline(), Instant(1300ms));
    insert(3, 900ms);
    EXPECT_THAT(pop(900ms), ElementsAre(3, 4));
    EXPECT_FALSE(buffer_.deadline());
}

TEST_F(JitterBufferTest, ARetransmissionInTimeEndsTheWait) {
    insert(0);
    insert(2);
    EXPECT_THAT(pop(100ms), ElementsAre(0));
    EXPECT_EQ(insert(1, 140ms), Inserted::Buffered);
    EXPECT_THAT(pop(140ms), ElementsAre(1, 2));
}

TEST_F(JitterBufferTest, FramesSayWhatWasGivenUpBeforeThem) {
    insert(0);
    insert(4);
    insert(5);
    EXPECT_EQ(buffer_.pop(Instant(2s))->lost_before, 0u);
    EXPECT_EQ(buffer_.pop(Instant(2s))->lost_before, 3u);
    EXPECT_EQ(buffer_.pop(Instant(2s))->lost_before, 0u);
    EXPECT_EQ(insert(2, 2s), Inserted::Late);
    EXPECT_EQ(buffer_.counters().late, 1u);
}

TEST_F(JitterBufferTest, DuplicatesAreDropped) {
    insert(0);
    insert(2);
    EXPECT_EQ(insert(2), Inserted::Duplicate);
    EXPECT_THAT(pop(), ElementsAre(0));
    EXPECT_EQ(insert(0), Inserted::Late);
    EXPECT_EQ(buffer_.counters().duplicate, 1u);
    EXPECT_EQ(buffer_.size(), 1u);
}

TEST_F(JitterBufferTest, PaddingCountsTheNumberAndGivesNoFrame) {
    insert(0);
    EXPECT_EQ(insert_padding(1), Inserted::Padding);
    insert(2);
    EXPECT_THAT(pop(), ElementsAre(0, 2));
    EXPECT_EQ(buffer_.counters().lost, 0u);
    EXPECT_EQ(buffer_.counters().padding, 1u);
}

TEST_F(JitterBufferTest, LossAroundPaddingIsAddedUp) {
    insert(0);
    insert_padding(2);
    insert(4);
    ASSERT_TRUE(buffer_.pop(Instant(1s)));
    const auto frame = buffer_.pop(Instant(1s));
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->lost_before, 2u);
}

TEST_F(JitterBufferTest, FlushWaitsForNothing) {
    insert(0);
    insert(2);
    insert_padding(3);
    insert(7);
    EXPECT_THAT(flush(), ElementsAre(0, 2, 7));
    EXPECT_EQ(buffer_.counters().lost, 4u);
    EXPECT_EQ(buffer_.size(), 0u);
}

TEST_F(JitterBufferTest, WhenFullTheOldestGapIsGivenUp) {
    buffer_ = JitterBuffer({.max_packets = 4});
    insert(0);
    EXPECT_THAT(pop(), ElementsAre(0));
    for (const int index : {2, 4, 5, 6}) insert(index);
    EXPECT_THAT(pop(), IsEmpty());
    insert(7);
    EXPECT_THAT(pop(), ElementsAre(2));
    EXPECT_EQ(buffer_.size(), 4u);
}

TEST_F(JitterBufferTest, WhenNobodyPopsItStaysBounded) {
    buffer_ = JitterBuffer({.max_packets = 4});
    for (int index = 0; index < 8; ++index) EXPECT_EQ(insert(index), Inserted::Buffered);
    EXPECT_EQ(insert(8), Inserted::Dropped);
    EXPECT_EQ(buffer_.counters().dropped, 1u);
    EXPECT_EQ(pop().size(), 8u);
    EXPECT_EQ(insert(9), Inserted::Buffered);
}

TEST_F(JitterBufferTest, ARestartKeepsTheBoundToo) {
    buffer_ = JitterBuffer({.max_packets = 4});
    for (int index = 0; index < 7; ++index) insert(index);
    EXPECT_EQ(insert_number(30000, 0), Inserted::Suspicious);
    EXPECT_EQ(insert_number(30001, 960), Inserted::Dropped);
    EXPECT_EQ(buffer_.size(), 7u);
}

TEST_F(JitterBufferTest, AStrayPacketGoesNowhere) {
    insert(0);
    EXPECT_EQ(insert(20000), Inserted::Suspicious);
    EXPECT_EQ(insert(1), Inserted::Buffered);
    EXPECT_THAT(pop(3600s), ElementsAre(0, 1));
    EXPECT_EQ(insert(25000), Inserted::Suspicious);
    EXPECT_EQ(buffer_.counters().dropped, 1u);
    EXPECT_EQ(buffer_.counters().restarts, 0u);
}

TEST_F(JitterBufferTest, TwoInSequenceAfterAJumpAreARestart) {
    insert(0);
    insert(2, 10ms);  // 1 is missing when the sender restarts
    EXPECT_EQ(insert_number(30000, 5, 20ms), Inserted::Suspicious);
    EXPECT_EQ(insert_number(30001, 965, 40ms), Inserted::Buffered);
    EXPECT_THAT(pop(100ms), ElementsAre(0));
    EXPECT_EQ(buffer_.pop(Instant(810ms))->lost_before, 1u);

    const auto first = buffer_.pop(Instant(810ms));
    const auto second = buffer_.pop(Instant(810ms));
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->sequence, kFirst + 3);
    EXPECT_TRUE(first->restarted);
    EXPECT_EQ(first->lost_before, 0u);
    EXPECT_EQ(first->arrival, Instant(20ms));
    EXPECT_EQ(second->rtp_timestamp - first->rtp_timestamp, 960);
    EXPECT_FALSE(second->restarted);
    EXPECT_EQ(buffer_.counters().restarts, 1u);
}

TEST_F(JitterBufferTest, ARestartGoesOnThroughLossAndWrap) {
    insert(0);
    insert_number(30000, 5);
    insert_number(30001, 965);
    insert_number(30003, 2885);
    EXPECT_THAT(pop(1s), ElementsAre(0, 1, 2, 4));
    for (int number = 30004; number < 30004 + 70000; ++number) {
        ASSERT_EQ(insert_number(number, 0), Inserted::Buffered);
        ASSERT_EQ(pop(1s).size(), 1u);
    }
    EXPECT_EQ(buffer_.counters().restarts, 1u);
    EXPECT_EQ(buffer_.counters().lost, 1u);
}

TEST_F(JitterBufferTest, NumbersBeforeARestartAreLateAfterIt) {
    insert(0);
    insert_number(30000, 5);
    insert_number(30001, 965);
    EXPECT_EQ(insert_number(29999, 0), Inserted::Late);
}

TEST_F(JitterBufferTest, ASmallStepBackIsARestartOnceItGoesOn) {
    for (int index = 0; index < 600; ++index) insert(index);
    pop();
    int late = 0;
    for (int index = 0; index < 30; ++index) late += insert(100 + index) == Inserted::Late ? 1 : 0;
    EXPECT_EQ(late, 24);
    const auto frame = buffer_.pop(Instant{});
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->restarted);
    EXPECT_EQ(frame->sequence, kFirst + 600);
}

TEST_F(JitterBufferTest, LateRetransmissionsAmongNewPacketsAreNoRestart) {
    for (int index = 0; index < 600; ++index) insert(index);
    for (int i = 0; i < 100; ++i) {
        pop();
        insert(600 + i);
        EXPECT_EQ(insert(100 + i), Inserted::Late);
    }
    EXPECT_EQ(buffer_.counters().restarts, 0u);
}

TEST_F(JitterBufferTest, ARestartedFlagIsNotLostOnPadding) {
    insert(0);
    buffer_.insert(header(30000, 0), Instant{});
    insert_number(30001, 960);
    EXPECT_FALSE(buffer_.pop(Instant{})->restarted);
    EXPECT_TRUE(buffer_.pop(Instant{})->restarted);
}

/// One copy of a packet on its way.
struct Delivery {
    Nanoseconds arrival;
    int index;
};

struct Path {
    const char* name;
    double loss, duplication;
    int jitter_ms;
    friend void PrintTo(const Path& path, std::ostream* out) { *out << path.name; }
};
class JitterBufferPath : public testing::TestWithParam<Path> {};

/// What a seeded path makes of `count` packets sent every 20 ms.
std::vector<Delivery> deliver(const Path& path, int count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> chance(0, 1);
    std::uniform_int_distribution<int> delay_ms(0, path.jitter_ms);
    std::vector<Delivery> deliveries;
    for (int index = 0; index < count; ++index) {
        const auto sent = index * 20ms;
        if (index == 0) {
            deliveries.push_back({0ms, 0});  // what is handed out first is the beginning
        } else if (chance(random) >= path.loss) {
            deliveries.push_back({sent + std::chrono::milliseconds(delay_ms(random)), index});
        } else if (chance(random) < 0.7) {  // NACK brings most of them back
            deliveries.push_back({sent + 150ms + std::chrono::milliseconds(delay_ms(random)), index}
            );
        }
        if (chance(random) < path.duplication) {
            deliveries.push_back({sent + std::chrono::milliseconds(delay_ms(random)), index});
        }
    }
    std::ranges::stable_sort(deliveries, {}, &Delivery::arrival);
    return deliveries;
}

TEST_P(JitterBufferPath, EveryPacketThatArrivedComesOutOnceInOrder) {
    constexpr int kCount = 20'000;
    for (const unsigned seed : {1u, 2u, 3u}) {
        const auto deliveries = deliver(GetParam(), kCount, seed);
        std::vector<bool> arrived(kCount);
        for (const Delivery& delivery : deliveries) {
            arrived[static_cast<std::size_t>(delivery.index)] = true;
        }

        JitterBuffer buffer;
        std::vector<bool> released(kCount);
        std::int64_t next = 0;
        const auto take = [&](const EncodedFrame& frame) {
            const std::int64_t index = frame.sequence - 65000;
            ASSERT_GE(index, next);
            EXPECT_EQ(frame.lost_before, index - next);
            EXPECT_EQ(frame.rtp_timestamp, 0xfff00000 + index * 960);
            EXPECT_EQ(
                frame.payload,
                (Bytes{static_cast<std::uint8_t>(index), static_cast<std::uint8_t>(index >> 8)})
            );
            released[static_cast<std::size_t>(index)] = true;
            next = index + 1;
        };
        Nanoseconds tick = 0ms;
        for (const Delivery& delivery : deliveries) {
            for (; tick <= delivery.arrival; tick += 100ms) {
                while (auto frame = buffer.pop(Instant(tick))) take(*frame);
            }
            const Bytes payload = {
                static_cast<std::uint8_t>(delivery.index),
                static_cast<std::uint8_t>(delivery.index >> 8)};
            PacketView packet;
            packet.sequence_number =
                SequenceNumber(static_cast<std::uint16_t>(65000 + delivery.index));
            packet.timestamp =
                RtpTimestamp(0xfff00000 + static_cast<std::uint32_t>(delivery.index) * 960);
            packet.payload = payload;
            buffer.insert(packet, Instant(delivery.arrival));
        }
        while (auto frame = buffer.flush()) take(*frame);
        EXPECT_EQ(released, arrived);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Seeded,
    JitterBufferPath,
    testing::Values(
        Path{"Clean", 0, 0, 0},
        Path{"Reordered", 0, 0, 90},
        Path{"Lossy", 0.05, 0, 0},
        Path{"Everything", 0.05, 0.02, 90},
        Path{"Terrible", 0.4, 0.2, 300}
    ),
    [](const auto& path) { return path.param.name; }
);

}  // namespace
}  // namespace aircheck::rtp
