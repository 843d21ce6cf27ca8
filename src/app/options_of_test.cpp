#include "app/options_of.hpp"

#include "control/recording_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::app {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

WebhookConfig webhook(const std::string& url) {
    WebhookConfig made;
    made.url = url;
    made.format = WebhookFormat::Flat;
    made.headers = {{"Authorization", Secret("Bearer x")}};
    made.events = {"egress_ended"};
    return made;
}

TEST(OptionsOf, RulesWebhooksAreConfiguredButToldOnlyOfTheirOwn) {
    Config config;
    config.webhooks = {webhook("https://global.example/")};
    config.auto_record.resize(2);
    config.auto_record[0].webhooks = {webhook("http://10.0.0.7/first")};
    config.auto_record[1].webhooks = {webhook("http://10.0.0.7/second")};

    const auto all = configured_receivers(config);
    ASSERT_THAT(all, SizeIs(3));
    EXPECT_EQ(all[0].url, "https://global.example/");
    EXPECT_FALSE(all[0].only_when_named);
    EXPECT_EQ(all[1].url, "http://10.0.0.7/first");
    EXPECT_TRUE(all[1].only_when_named);
    EXPECT_EQ(all[2].url, "http://10.0.0.7/second");
    EXPECT_TRUE(all[2].only_when_named);

    const auto rules = auto_record_rules(config);
    ASSERT_THAT(rules, SizeIs(2));
    ASSERT_THAT(rules[1].receivers, SizeIs(1));
    const notify::Receiver& named = rules[1].receivers[0];
    EXPECT_TRUE(named.only_when_named);
    EXPECT_EQ(named.url, "http://10.0.0.7/second");
    EXPECT_EQ(named.format, notify::Format::Flat);
    EXPECT_EQ(named.headers.at("Authorization"), "Bearer x");
    EXPECT_THAT(named.include_events, ElementsAre("egress_ended"));
}

Config with_bucket() {
    Config config;
    config.storage.s3.emplace();
    config.storage.s3->bucket = "calls";
    config.storage.s3->access_key = "key";
    config.storage.s3->object_lock.mode = "COMPLIANCE";
    config.storage.s3->object_lock.days = 30;
    config.storage.s3->storage_class = "GLACIER_IR";
    config.storage.prefix = "prod";
    return config;
}

TEST(OptionsOf, JournalsAreCopiedToTheBucketWithoutWhatKeepsThemThere) {
    const auto copies = journal_copies(with_bucket()).value();
    ASSERT_TRUE(copies);
    EXPECT_EQ(copies->every, 30s);
    const auto& s3 = std::get<storage::S3Destination>(copies->destination);
    EXPECT_EQ(s3.bucket, "calls");
    EXPECT_EQ(s3.prefix, "prod/");
    EXPECT_EQ(s3.lock_mode + s3.storage_class, "");
    EXPECT_EQ(s3.lock_days, 0);
}

TEST(OptionsOf, JournalStorageIsAnotherPlace) {
    Config config = with_bucket();
    config.journal_storage = "s3://journals/of/calls";
    const auto moved = journal_copies(config).value();
    EXPECT_EQ(storage::describe(moved->destination), "s3://journals/of/calls");
    EXPECT_EQ(std::get<storage::S3Destination>(moved->destination).access_key, "key");
    config.journal_storage = "/mnt/shared";
    EXPECT_EQ(storage::describe(journal_copies(config).value()->destination), "/mnt/shared");
    for (const char* wrong : {"gs://journals", "s3://", "ftp://a/b"}) {
        config.journal_storage = wrong;
        const auto refused = journal_copies(config);
        ASSERT_FALSE(refused) << wrong;
        EXPECT_THAT(refused.error().context, testing::HasSubstr("journal_storage"));
    }
}

TEST(OptionsOf, WithoutABucketThereIsNoPlaceForThem) {
    Config config;
    EXPECT_FALSE(journal_copies(config).value());
    config.journal_storage = "/mnt/shared";
    EXPECT_TRUE(journal_copies(config).value());
    config.journal_upload = 0s;
    EXPECT_FALSE(journal_copies(config).value());
}

TEST(OptionsOf, LimitsOfTheMachine) {
    const auto limits_of = [](const char* text) {
        ConfigSources sources;
        sources.file = NamedText{"aircheck.yaml", text};
        return admission_options(load(sources).value(), {2.0, 1000});
    };
    const auto usual = limits_of("");
    EXPECT_EQ(usual.capacity.cores, 2.0);
    EXPECT_EQ(usual.capacity.memory_bytes, 1000U);
    EXPECT_EQ(usual.max_cpu_utilization, 0.8);
    EXPECT_EQ(usual.max_memory_bytes, 0U);
    EXPECT_EQ(usual.max_recordings, 0U);
    EXPECT_EQ(limits_of("cpu_cost: {max_cpu_utilization: 0}").max_cpu_utilization, 0.8);
    const auto set =
        limits_of("{max_recordings: 7, cpu_cost: {max_cpu_utilization: 0.5, max_memory: 1.5}}");
    EXPECT_EQ(set.max_cpu_utilization, 0.5);
    EXPECT_EQ(set.max_memory_bytes, 1'610'612'736U);
    EXPECT_EQ(set.max_recordings, 7U);
}

TEST(OptionsOf, ABitrateThatIsSetHoldsForTwoChannelsToo) {
    const std::tuple<const char*, std::uint32_t, std::uint32_t> rows[] = {
        {"", 48'000, 96'000},
        {"audio: {bitrate: 64}", 64'000, 64'000},
        {"audio: {bitrate: 48}", 48'000, 48'000},
    };
    for (const auto& [text, mono, dual] : rows) {
        ConfigSources sources;
        sources.file = NamedText{"aircheck.yaml", text};
        const auto defaults = recording_defaults(load(sources).value());
        const auto bitrate = [&](recorder::Mixing mixing) {
            return control::default_encoding(defaults, mixing, recorder::Container::Mp4)
                .bitrate_bps;
        };
        EXPECT_EQ(bitrate(recorder::Mixing::Default), mono) << text;
        EXPECT_EQ(bitrate(recorder::Mixing::DualChannelAgent), dual) << text;
    }
}

TEST(OptionsOf, AProxysPasswordMayHoldAnything) {
    Config config;
    config.storage.s3.emplace();
    config.storage.s3->proxy = {"http://proxy.example:3128", "an:n", Secret("p@ss/w:rd")};
    const auto destination = std::get<storage::S3Destination>(default_destination(config));
    EXPECT_EQ(destination.proxy, "http://an%3An:p%40ss%2Fw%3Ard@proxy.example:3128");
}

TEST(OptionsOf, WhatRequestsMayReachIsTheConfigurations) {
    Config config;
    EXPECT_THAT(recording_defaults(config).network_allow, ElementsAre());
    EXPECT_EQ(ice_transport(config), transport::IceTransport::All);
    config.ice_transport = IceTransport::Relay;
    EXPECT_EQ(ice_transport(config), transport::IceTransport::Relay);
    config.network_allow = {"10.0.0.0/8", "minio.inside"};
    EXPECT_THAT(
        recording_defaults(config).network_allow, ElementsAre("10.0.0.0/8", "minio.inside")
    );
}

}  // namespace
}  // namespace aircheck::app
