#include "notify/envelope.hpp"

#include "notify/webhook_verify.hpp"
#include "proto/livekit_webhook.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::notify {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const WallTime kNow(std::chrono::seconds(1787221216));

Receiver receiver(const std::string& url, Format format = Format::LiveKit) {
    Receiver made;
    made.url = url;
    made.format = format;
    return made;
}

Outbox::Options options() {
    Outbox::Options made;
    made.api_keys = {{"devkey", "devsecret"}, {"second", "secondsecret"}};
    made.secrets_key = Bytes(32, 7);
    return made;
}

livekit::WebhookEvent event(const std::string& name = "egress_ended") {
    livekit::WebhookEvent made;
    made.set_event(name);
    made.set_id("EV_1");
    made.set_created_at(1787221216);
    made.mutable_egress_info()->set_egress_id("EG_1");
    made.mutable_egress_info()->set_room_name("room");
    return made;
}

std::vector<records::Delivery> rows(
    const Envelopes& envelopes,
    const livekit::WebhookEvent& what,
    const std::vector<Receiver>& request_receivers = {},
    Outbox::Origin origin = Outbox::Origin::OwnJob
) {
    auto made = envelopes.rows(what, {}, request_receivers, origin);
    if (!made) ADD_FAILURE() << made.error().to_string();
    return made.value_or(std::vector<records::Delivery>{});
}

TEST(Envelopes, SignAsLiveKitDoes) {
    Outbox::Options given = options();
    given.receivers = {receiver("https://crm.example/hook")};
    given.receivers[0].headers = {{"X-Env", "prod"}, {"authorization", "mine"}};
    const auto envelopes = Envelopes::make(given).value();
    const auto made = rows(envelopes, event());
    ASSERT_THAT(made, SizeIs(1));
    EXPECT_EQ(made[0].fifo_key, "EG_1");
    EXPECT_EQ(made[0].created_at, kNow);
    EXPECT_THAT(made[0].sealed_url, IsEmpty());
    const auto letter = envelopes.letter(made[0], kNow).value();
    const auto& request = letter.request;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://crm.example/hook");
    EXPECT_EQ(request.reach, net::HttpRequest::Reach::Any);
    EXPECT_EQ(request.headers.get("Content-Type"), "application/webhook+json");
    EXPECT_EQ(request.headers.get("X-Env"), "prod");
    EXPECT_FALSE(request.headers.has("webhook-signature"));
    const auto signer =
        verify_webhook(request.headers.get("Authorization"), request.body, given.api_keys, kNow);
    EXPECT_EQ(signer.value(), "devkey");
}

TEST(Envelopes, SignOurFormatsAsStandardWebhooks) {
    Outbox::Options given = options();
    given.receivers = {receiver("https://n8n.example/a", Format::Simple)};
    given.receivers[0].headers = {{"Authorization", "Basic x"}};
    given.receivers[0].signing_key = "second";
    const auto envelopes = Envelopes::make(given).value();
    const auto made = rows(envelopes, event());
    const auto first = envelopes.letter(made.at(0), kNow).value().request;
    const auto second = envelopes.letter(made.at(0), kNow + 1s).value().request;
    EXPECT_EQ(first.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(first.headers.get("Authorization"), "Basic x");  // What n8n's header check wants.
    EXPECT_EQ(first.headers.get("webhook-id"), "EV_1");
    EXPECT_EQ(second.headers.get("webhook-id"), "EV_1");  // The same on every try,
    EXPECT_EQ(second.headers.get("webhook-timestamp"), "1787221217");
    EXPECT_NE(
        first.headers.get("webhook-signature"), second.headers.get("webhook-signature")
    );  // freshly signed.
    EXPECT_EQ(first.body, second.body);
}

TEST(Envelopes, KeepRequestUrlsSealedAndOffPrivateNetworks) {
    Outbox::Options given = options();
    given.allow = {"10.0.0.0/8", "hooks.inside"};
    const auto envelopes = Envelopes::make(given).value();
    const std::string url = "https://me:pw@hooks.example/x?token=t0psecret";
    const auto made = rows(envelopes, event(), {receiver(url)});
    ASSERT_THAT(made, SizeIs(1));
    for (const std::string& shown : {made[0].url, made[0].receiver}) {
        EXPECT_THAT(shown, HasSubstr("hooks.example"));
        EXPECT_THAT(shown, Not(HasSubstr("t0psecret")));
        EXPECT_THAT(shown, Not(HasSubstr("pw@")));
    }
    const auto letter = envelopes.letter(made[0], kNow).value();
    EXPECT_EQ(letter.request.url, url);
    EXPECT_EQ(letter.request.reach, net::HttpRequest::Reach::PublicOnly);
    EXPECT_EQ(letter.request.allow, given.allow);
    EXPECT_FALSE(letter.configured);

    auto other_row = made[0];
    other_row.delivery_id = "DL_other";
    EXPECT_EQ(envelopes.letter(other_row, kNow).error().code, Errc::PermissionDenied);
    Outbox::Options other = options();
    other.secrets_key = Bytes(32, 8);
    EXPECT_EQ(
        Envelopes::make(other).value().letter(made[0], kNow).error().code, Errc::PermissionDenied
    );
}

TEST(Envelopes, NamesOfReceiversDifferAsTheirUrlsDo) {
    const std::string one =
        receiver_name(receiver("https://n8n.example/webhook/egress_events?token=abc"));
    const std::string two =
        receiver_name(receiver("https://n8n.example/webhook/egress_events?token=abd"));
    EXPECT_NE(one, two);
    EXPECT_TRUE(one.ends_with("#d3b76c7d")) << one;  // By sha256sum.
}

struct FilterRow {
    std::string name;
    std::vector<std::string> include, exclude;
    std::string event;
    bool expected;
    friend void PrintTo(const FilterRow& row, std::ostream* out) { *out << row.name; }
};
class Filters : public testing::TestWithParam<FilterRow> {};

TEST_P(Filters, DecideWhoIsTold) {
    Receiver filtered = receiver("https://a.example/");
    filtered.include_events = GetParam().include;
    filtered.exclude_events = GetParam().exclude;
    EXPECT_EQ(wants(filtered, GetParam().event), GetParam().expected);
    const auto envelopes = Envelopes::make(options()).value();
    EXPECT_THAT(
        rows(envelopes, event(GetParam().event), {filtered}), SizeIs(GetParam().expected ? 1 : 0)
    );
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    Filters,
    testing::Values(
        FilterRow{"NoFilter", {}, {}, "egress_updated", true},
        FilterRow{"Included", {"egress_ended"}, {}, "egress_ended", true},
        FilterRow{"NotIncluded", {"egress_ended"}, {}, "egress_started", false},
        FilterRow{"Excluded", {}, {"egress_updated"}, "egress_updated", false},
        FilterRow{"NotExcluded", {}, {"egress_updated"}, "egress_ended", true},
        FilterRow{"IncludeWins", {"egress_ended"}, {"egress_ended"}, "egress_ended", true}
    ),
    [](const auto& row) { return row.param.name; }
);

Receiver of_rule(const std::string& url, Format format = Format::Flat) {
    Receiver made = receiver(url, format);
    made.only_when_named = true;
    return made;
}

TEST(Envelopes, OfARulesReceiverAreConfigured) {
    Outbox::Options given = options();
    Receiver crm = of_rule("http://10.0.0.7/hook?token=t0psecret");
    crm.headers = {{"Authorization", "Bearer crm"}};
    crm.include_events = {"egress_ended"};
    given.receivers = {crm};
    const auto envelopes = Envelopes::make(given).value();
    EXPECT_THAT(rows(envelopes, event()), IsEmpty()) << "no rule started this one";
    EXPECT_THAT(rows(envelopes, event("egress_started"), {crm}), IsEmpty());
    EXPECT_THAT(rows(envelopes, event(), {crm}, Outbox::Origin::BusJob), IsEmpty());
    EXPECT_THAT(rows(envelopes, event(), {of_rule("https://unknown.example/")}), IsEmpty());
    const auto made = rows(envelopes, event(), {crm});
    ASSERT_THAT(made, SizeIs(1));
    EXPECT_THAT(made[0].sealed_url, IsEmpty());
    EXPECT_THAT(made[0].url, Not(HasSubstr("t0psecret")));
    EXPECT_THAT(made[0].headers, IsEmpty());
    EXPECT_EQ(made[0].format, "flat");
    const auto letter = envelopes.letter(made[0], kNow).value();
    EXPECT_TRUE(letter.configured);
    EXPECT_EQ(letter.request.url, crm.url);
    EXPECT_EQ(letter.request.reach, net::HttpRequest::Reach::Any);
    EXPECT_EQ(letter.request.headers.get("Authorization"), "Bearer crm");

    // Today's headers go out, not those of when the event was.
    given.receivers[0].headers = {{"Authorization", "Bearer new"}};
    const auto later = Envelopes::make(given).value().letter(made[0], kNow).value();
    EXPECT_EQ(later.request.headers.get("Authorization"), "Bearer new");

    EXPECT_EQ(
        Envelopes::make(options()).value().letter(made[0], kNow).error().code, Errc::NotFound
    );
}

TEST(Envelopes, OfARequestDoNotBorrowWhatARuleConfigures) {
    Outbox::Options given = options();
    given.receivers = {of_rule("http://10.0.0.7/hook")};
    given.receivers[0].headers = {{"Authorization", "Bearer crm"}};
    const auto envelopes = Envelopes::make(given).value();
    const auto made = rows(envelopes, event(), {receiver("http://10.0.0.7/hook")});
    ASSERT_THAT(made, SizeIs(1));
    const auto letter = envelopes.letter(made[0], kNow).value();
    EXPECT_FALSE(letter.configured);
    EXPECT_EQ(letter.request.reach, net::HttpRequest::Reach::PublicOnly);
    EXPECT_THAT(letter.request.headers.get("Authorization"), Not(HasSubstr("crm")));
}

TEST(Envelopes, OfRulesThatShareAUrlGoOutAsEachRuleSays) {
    Outbox::Options given = options();
    const Receiver same = of_rule("https://a.example/");
    Receiver with_header = same;
    with_header.headers = {{"X-Rule", "second"}};
    const Receiver simple = of_rule("https://a.example/", Format::Simple);
    given.receivers = {same, same, with_header, simple};
    const auto envelopes = Envelopes::make(given).value();
    std::vector<std::string> names;
    for (const Receiver& rules : {same, with_header, simple}) {
        const auto made = rows(envelopes, event(), {rules});
        ASSERT_THAT(made, SizeIs(1));
        names.push_back(made[0].receiver);
        EXPECT_EQ(made[0].format, to_string(rules.format));
        const auto request = envelopes.letter(made[0], kNow).value().request;
        EXPECT_EQ(request.headers.has("X-Rule"), !rules.headers.empty());
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
    EXPECT_THAT(rows(envelopes, event(), {same, same, simple}), SizeIs(1));
}

TEST(Envelopes, OfARuleThatNamesAGlobalReceiverGoOutOnce) {
    Outbox::Options given = options();
    Receiver rules = of_rule("https://a.example/");
    rules.include_events = {"egress_ended"};
    Receiver same_letters = of_rule("https://b.example/", Format::LiveKit);
    given.receivers = {
        receiver("https://a.example/"), receiver("https://b.example/"), rules, same_letters};
    const auto envelopes = Envelopes::make(given).value();
    const auto ended = rows(envelopes, event("egress_ended"), {rules, same_letters});
    ASSERT_THAT(ended, SizeIs(2));
    EXPECT_EQ(ended[0].format, "flat") << "as the rule says";
    EXPECT_THAT(ended[1].url, HasSubstr("b.example"));
    // What the rule does not want, the global one still does.
    const auto started = rows(envelopes, event("egress_started"), {rules, same_letters});
    ASSERT_THAT(started, SizeIs(2));
    for (const auto& row : started) EXPECT_EQ(row.format, "livekit");
    EXPECT_THAT(rows(envelopes, event("egress_ended")), SizeIs(2));
}

TEST(Envelopes, OfBusJobsGoOnlyToWhoAsked) {
    Outbox::Options given = options();
    given.receivers = {receiver("https://a.example/"), receiver("https://b.example/")};
    given.receivers[1].also_for_bus = true;
    const auto envelopes = Envelopes::make(given).value();
    // livekit-server tells the request's own receivers.
    const auto made =
        rows(envelopes, event(), {receiver("https://c.example/")}, Outbox::Origin::BusJob);
    ASSERT_THAT(made, SizeIs(1));
    EXPECT_THAT(made[0].url, HasSubstr("b.example"));
}

TEST(Envelopes, OfRequestsWithUnknownKeysAreNotSent) {
    const auto envelopes = Envelopes::make(options()).value();
    Receiver unknown = receiver("https://a.example/");
    unknown.signing_key = "nobody";
    EXPECT_THAT(rows(envelopes, event(), {unknown}), IsEmpty());
    EXPECT_THAT(rows(envelopes, event(), {receiver("ftp://a.example/")}), IsEmpty());
    EXPECT_THAT(rows(envelopes, event(), {unknown, receiver("https://b.example/")}), SizeIs(1));
}

TEST(Envelopes, WithoutAnEgressIdKeepTheOrderOfTheRoom) {
    const auto envelopes = Envelopes::make(options()).value();
    livekit::WebhookEvent failed = event();
    failed.mutable_egress_info()->clear_egress_id();
    EXPECT_EQ(rows(envelopes, failed, {receiver("https://a.example/")}).at(0).fifo_key, "room");
}

TEST(Envelopes, NeedAnEventWithIdAndTime) {
    const auto envelopes = Envelopes::make(options()).value();
    livekit::WebhookEvent nameless = event();
    nameless.clear_id();
    EXPECT_EQ(
        envelopes.rows(nameless, {}, {}, Outbox::Origin::OwnJob).error().code, Errc::InvalidArgument
    );
}

TEST(Envelopes, OfReceiversThatAreGoneSaySo) {
    Outbox::Options given = options();
    given.receivers = {receiver("https://a.example/")};
    const auto made = rows(Envelopes::make(given).value(), event());
    EXPECT_EQ(
        Envelopes::make(options()).value().letter(made.at(0), kNow).error().code, Errc::NotFound
    );
    given.api_keys = {{"second", "secondsecret"}};
    EXPECT_EQ(
        Envelopes::make(given).value().letter(made.at(0), kNow).error().code, Errc::PermissionDenied
    );
}

TEST(Envelopes, RefuseBadSettingsByName) {
    struct Bad {
        std::string part;
        std::function<void(Outbox::Options&)> spoil;
    };
    const std::vector<Bad> rows = {
        {"secrets_key_file", [](auto& o) { o.secrets_key.resize(16); }},
        {"nobody", [](auto& o) { o.default_key = "nobody"; }},
        {"signing_key", [](auto& o) { o.receivers[0].signing_key = "nobody"; }},
        {"no API key", [](auto& o) { o.api_keys.clear(); }},
        {"twice", [](auto& o) { o.receivers.push_back(o.receivers[0]); }},
        {"no http(s) URL", [](auto& o) { o.receivers[0].url = "n8n.example/hook"; }},
        {"no http(s) URL", [](auto& o) { o.receivers[0].url = "file:///etc/passwd"; }},
    };
    for (const Bad& bad : rows) {
        Outbox::Options given = options();
        given.receivers = {receiver("https://a.example/")};
        ASSERT_TRUE(Envelopes::make(given));
        bad.spoil(given);
        const auto refused = Envelopes::make(given);
        ASSERT_FALSE(refused) << bad.part;
        EXPECT_EQ(refused.error().code, Errc::InvalidArgument);
        EXPECT_THAT(refused.error().context, HasSubstr(bad.part));
    }
}

TEST(FormatNames, AreThoseOfTheConfiguration) {
    for (const Format format : {Format::LiveKit, Format::Simple, Format::Flat}) {
        EXPECT_EQ(parse_format(to_string(format)), format);
    }
    EXPECT_EQ(parse_format("livekit"), Format::LiveKit);
    EXPECT_EQ(parse_format("simple"), Format::Simple);
    EXPECT_EQ(parse_format("flat"), Format::Flat);
    EXPECT_FALSE(parse_format("LiveKit"));
}

TEST(Envelopes, TellARulesReceiverAsItIsConfiguredNow) {
    Outbox::Options given = options();
    given.receivers = {receiver("https://n8n.example/flow"), receiver("https://n8n.example/flow")};
    given.receivers[0].headers = {{"X-Key", "new"}};
    given.receivers[1].format = Format::Flat;
    given.receivers[0].only_when_named = given.receivers[1].only_when_named = true;
    const auto envelopes = Envelopes::make(given).value();
    // A recording began before the header was changed, and its process died.
    Receiver named = given.receivers[0];
    named.headers = {{"X-Key", "old"}};
    const auto made = rows(envelopes, event(), {named});
    ASSERT_THAT(made, SizeIs(1));
    EXPECT_EQ(made[0].format, "livekit");
    EXPECT_EQ(envelopes.letter(made[0], kNow).value().request.headers.get("X-Key"), "new");
    named.format = Format::Simple;  // Not configured any more.
    EXPECT_THAT(rows(envelopes, event(), {named}), IsEmpty());
}

}  // namespace
}  // namespace aircheck::notify
