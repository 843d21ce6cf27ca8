#include "control/auto_record.hpp"

#include "proto/livekit_models.pb.h"

#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using std::chrono_literals::operator""h;

TEST(AutoRecordRule, FirstMatchWins) {
    std::vector<AutoRecordRule> rules(4);
    rules[0].rooms = "support-*";
    rules[1].rooms = "support-vip";
    rules[2].rooms = "[ab]?";
    rules[3].rooms = "exact";
    const struct {
        const char* room;
        int rule;  // -1: none
    } rows[] = {
        {"support-1", 0},
        {"support-", 0},
        {"support-vip", 0},
        {"support-a/b", 0},
        {"support", -1},
        {"my-support-1", -1},
        {"a1", 2},
        {"c1", -1},
        {"exact", 3},
        {"Exact", -1},
        {"", -1},
    };
    for (const auto& row : rows) {
        const auto* const expected =
            row.rule < 0 ? nullptr : &rules[static_cast<std::size_t>(row.rule)];
        EXPECT_EQ(rule_for(rules, row.room), expected) << row.room;
    }
    EXPECT_EQ(rule_for({}, "any"), nullptr);
    const std::vector<AutoRecordRule> all(1);
    EXPECT_EQ(rule_for(all, ".hidden/room"), all.data());
}

TEST(AutoRecordRule, CountsOnlyThoseItWaitsFor) {
    AutoRecordRule rule;
    livekit::ParticipantInfo who;
    using Kind = livekit::ParticipantInfo;
    const std::pair<Kind::Kind, bool> by_default[] = {
        {Kind::STANDARD, true},
        {Kind::SIP, true},
        {Kind::AGENT, true},
        {Kind::EGRESS, false},
        {Kind::INGRESS, false},
    };
    for (const auto& [kind, expected] : by_default) {
        who.set_kind(kind);
        EXPECT_EQ(counts(rule, who), expected) << kind;
    }
    rule.skip_kinds = {recorder::ParticipantKind::Agent};
    who.set_kind(Kind::AGENT);
    EXPECT_FALSE(counts(rule, who));
    who.set_kind(Kind::STANDARD);
    EXPECT_TRUE(counts(rule, who));
    who.mutable_permission()->set_hidden(true);
    EXPECT_FALSE(counts(rule, who));
    who.mutable_permission()->set_hidden(false);
    who.mutable_permission()->set_recorder(true);
    EXPECT_FALSE(counts(rule, who));
}

TEST(AutoRecordRule, BecomesARequest) {
    AutoRecordRule rule;
    rule.mixing = recorder::Mixing::DualChannelAgent;
    rule.container = recorder::Container::Ogg;
    rule.filepath = "{room_name}.ogg";
    rule.end.last_human_left = true;
    rule.end.max_duration = 4h;
    rule.receivers.emplace_back().url = "https://crm.example/hook";
    RecordingDefaults defaults;
    defaults.destination = storage::LocalDestination{"/srv"};
    defaults.session_limit = 24h;
    defaults.max_bytes = 1'000;
    const auto request = request_of(rule, "support-1", defaults);
    EXPECT_EQ(request.room_name, "support-1");
    EXPECT_EQ(request.origin, "rule");
    EXPECT_EQ(request.mixing, recorder::Mixing::DualChannelAgent);
    EXPECT_EQ(request.encoding.codec, recorder::AudioCodec::Opus);
    EXPECT_EQ(request.encoding.channels, 2);
    EXPECT_EQ(request.encoding.bitrate_bps, 96'000U);
    EXPECT_EQ(request.filepath, "{room_name}.ogg");
    EXPECT_TRUE(request.end.last_human_left);
    EXPECT_EQ(request.end.max_duration, Nanoseconds(4h));
    EXPECT_EQ(request.end.session_limit, Nanoseconds(24h));
    EXPECT_EQ(request.end.max_bytes, 1'000U);
    EXPECT_EQ(std::get<storage::LocalDestination>(request.destination).root, "/srv");
    ASSERT_EQ(request.receivers.size(), 1U);
    EXPECT_EQ(request.receivers[0].url, "https://crm.example/hook");

    rule.end.max_duration.reset();
    EXPECT_FALSE(request_of(rule, "r", defaults).end.max_duration);
}

}  // namespace
}  // namespace aircheck::control
