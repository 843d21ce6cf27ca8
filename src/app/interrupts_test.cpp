#include "app/interrupts.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace aircheck::app {
namespace {

using Meaning = StopSignals::Meaning;

struct Step {
    int signal;
    std::chrono::milliseconds at;
    Meaning meaning;
};
struct Row {
    const char* name;
    std::vector<Step> steps;
};

class StopSignalsTest : public testing::TestWithParam<Row> {};

TEST_P(StopSignalsTest, Mean) {
    StopSignals signals;
    const Instant start{std::chrono::hours(1)};
    for (const Step& step : GetParam().steps) {
        EXPECT_EQ(signals.take(step.signal, start + step.at), step.meaning) << step.at.count();
    }
}

INSTANTIATE_TEST_SUITE_P(
    All,
    StopSignalsTest,
    testing::Values(
        Row{"AServiceManagersThree",
            {{SIGTERM, 0ms, Meaning::Drain},
             {SIGTERM, 3'300'000ms, Meaning::Hurry},
             {SIGTERM, 3'600'000ms, Meaning::Leave}}},
        Row{"QuitDrainsToo", {{SIGQUIT, 0ms, Meaning::Drain}, {SIGQUIT, 1s, Meaning::Hurry}}},
        Row{"CtrlCHurriesAtOnce", {{SIGINT, 0ms, Meaning::Hurry}, {SIGINT, 1s, Meaning::Leave}}},
        Row{"CtrlCHurriesADrain",
            {{SIGTERM, 0ms, Meaning::Drain},
             {SIGINT, 10ms, Meaning::Hurry},
             {SIGTERM, 20ms, Meaning::Leave}}},
        Row{"OneThatCameTwiceIsOne",
            {{SIGINT, 0ms, Meaning::Hurry},
             {SIGINT, 299ms, Meaning::Echo},
             {SIGINT, 300ms, Meaning::Leave}}},
        Row{"EchoesOfADrainDoNotHurry",
            {{SIGTERM, 0ms, Meaning::Drain},
             {SIGTERM, 5ms, Meaning::Echo},
             {SIGTERM, 1s, Meaning::Hurry},
             {SIGTERM, 1001ms, Meaning::Echo}}}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Interrupts, ASecondCtrlCIsNoEchoOfTheFirst) {
    Interrupts interrupts;
    const Instant start{std::chrono::hours(1)};
    EXPECT_EQ(interrupts.take(start), Interrupts::Meaning::First);
    EXPECT_EQ(interrupts.take(start + 299ms), Interrupts::Meaning::Echo);
    EXPECT_EQ(interrupts.take(start + 300ms), Interrupts::Meaning::Second);
}

}  // namespace
}  // namespace aircheck::app
