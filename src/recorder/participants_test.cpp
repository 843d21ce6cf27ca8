#include "recorder/participants.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace aircheck::recorder {
namespace {

const WallTime kNow = parse_iso8601("2026-08-20T10:15:15Z").value();

signal::Participant participant(
    const std::string& sid, signal::ParticipantKind kind, std::int64_t joined_at_ms = 0
) {
    signal::Participant participant;
    participant.sid = sid;
    participant.identity = "id-" + sid;
    participant.kind = kind;
    participant.joined_at_ms = joined_at_ms;
    return participant;
}

TEST(ParticipantList, TakesAllButMachinesForHumans) {
    using Kind = signal::ParticipantKind;
    const struct {
        const char* name;
        Kind kind;
        std::size_t humans;
    } rows[] = {
        {"STANDARD", Kind::Standard, 1},
        {"SIP", Kind::Sip, 1},
        {"CONNECTOR", Kind::Connector, 1},
        {"BRIDGE", Kind::Bridge, 1},
        {"AGENT", Kind::Agent, 0},
        {"EGRESS", Kind::Egress, 0},
        {"INGRESS", Kind::Ingress, 0},
    };
    for (const auto& row : rows) {
        ParticipantList list;
        list.update(participant("PA_1", row.kind), kNow);
        EXPECT_EQ(list.humans(), row.humans) << row.name;
    }
}

TEST(ParticipantList, CountsHumansWhoAreHere) {
    using Kind = signal::ParticipantKind;
    ParticipantList list;
    list.update(participant("PA_standard", Kind::Standard), kNow);
    list.update(participant("PA_sip", Kind::Sip), kNow);
    list.update(participant("PA_agent", Kind::Agent), kNow);
    EXPECT_EQ(list.humans(), 2U);
    list.left("PA_sip", kNow + 1s);
    list.left("PA_sip", kNow + 2s);
    list.left("PA_nobody", kNow);
    EXPECT_EQ(list.humans(), 1U);
    for (const ParticipantSummary& who : list.all()) {
        const bool gone = who.sid == "PA_sip";
        EXPECT_EQ(who.left_at, gone ? std::optional(kNow + 1s) : std::nullopt) << who.sid;
    }
}

TEST(ParticipantList, BearsAJoiningTimeThatNoClockHas) {
    using Kind = signal::ParticipantKind;
    ParticipantList list;
    list.update(
        participant("PA_1", Kind::Standard, std::numeric_limits<std::int64_t>::max()), kNow
    );
    EXPECT_EQ(to_iso8601(list.all().at(0).joined_at), "2200-01-01T00:00:00.000Z");
}

TEST(ParticipantList, KeepsTheJoiningTimeAndTheNewestWords) {
    ParticipantList list;
    list.update(participant("PA_2", signal::ParticipantKind::Standard, 5'000), kNow);
    list.update(participant("PA_1", signal::ParticipantKind::Sip), kNow);  // no time: now
    auto changed = participant("PA_1", signal::ParticipantKind::Sip);
    changed.name = "Ann";
    changed.attributes = {{"sip.phoneNumber", "+49"}};
    list.left("PA_1", kNow + 1s);
    list.update(changed, kNow + 5s);
    const auto all = list.all();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].sid, "PA_2");
    EXPECT_EQ(all[0].joined_at, WallTime(5s));
    EXPECT_EQ(all[1].joined_at, kNow);
    EXPECT_EQ(all[1].name, "Ann");
    EXPECT_EQ(all[1].kind, ParticipantKind::Sip);
    EXPECT_EQ(all[1].attributes.at("sip.phoneNumber"), "+49");
    EXPECT_FALSE(all[1].left_at);
}

TEST(ParticipantList, ForgetsOnlyThoseWhoLeft) {
    ParticipantList list;
    list.update(participant("PA_stays", signal::ParticipantKind::Standard, 1), kNow);
    for (int i = 0; i < 10'500; ++i) {
        const std::string sid = "PA_" + std::to_string(i);
        list.update(participant(sid, signal::ParticipantKind::Standard, 2 + i), kNow);
        list.left(sid, kNow);
    }
    EXPECT_EQ(list.all().size(), 10'000U);
    EXPECT_EQ(list.all().front().sid, "PA_stays");
    EXPECT_EQ(list.humans(), 1U);
}

}  // namespace
}  // namespace aircheck::recorder
