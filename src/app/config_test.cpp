#include "app/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace aircheck::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ConfigSources yaml(std::string text) {
    ConfigSources sources;
    sources.file = NamedText{"aircheck.yaml", std::move(text)};
    return sources;
}

/// The loaded configuration, or a failure that shows why there is none.
Config must_load(const ConfigSources& sources) {
    auto config = load(sources);
    if (!config) {
        ADD_FAILURE() << config.error().to_string();
        return {};
    }
    return *std::move(config);
}

constexpr const char* kS3 = "storage: {s3: {bucket: b, access_key: k, secret: s}}\n";

TEST(Config, NothingSetGivesTheDocumentedDefaults) {
    const auto config = must_load({});
    EXPECT_EQ(config.http.bind_host, "127.0.0.1");
    EXPECT_EQ(config.http.bind_port, 7990);
    EXPECT_TRUE(config.http.is_loopback());
    EXPECT_EQ(config.data_dir, "./aircheck-data");
    EXPECT_EQ(config.storage.local_directory, "./aircheck-data/recordings");
    EXPECT_FALSE(config.storage.s3);
    EXPECT_EQ(config.journal_keep, std::chrono::hours(24));
    EXPECT_EQ(config.rejoin_window, 60s);
    EXPECT_EQ(config.audio.channels, 1);
    EXPECT_EQ(config.audio.bitrate_kbps, 48);
    EXPECT_EQ(config.recording_urls, RecordingUrls::Link);
    EXPECT_EQ(config.logging.level, log::Level::Info);
    EXPECT_THAT(config.auto_record, IsEmpty());
    EXPECT_THAT(config.warnings, IsEmpty());
    EXPECT_THAT(config.origins, IsEmpty());
}

/// One setting in every source at once; each row takes the winner of the row before away.
TEST(Config, SourcesWinInTheDocumentedOrder) {
    ConfigSources sources = yaml("ws_url: ws://file\n");
    sources.flags = {{"ws_url", "ws://flag", "--url"}};
    sources.environment = {{"AIRCHECK_WS_URL", "ws://own"}, {"LIVEKIT_URL", "ws://general"}};
    sources.dotenv = NamedText{".env", "\nLIVEKIT_URL=ws://dotenv\n"};

    const auto expect = [&](const char* url, SourceKind kind, const char* where) {
        const auto config = must_load(sources);
        EXPECT_EQ(config.livekit.ws_url, url);
        ASSERT_TRUE(config.origins.contains("ws_url"));
        EXPECT_EQ(config.origins.at("ws_url").kind, kind);
        EXPECT_EQ(config.origins.at("ws_url").to_string(), where);
    };
    expect("ws://flag", SourceKind::Flag, "--url");
    sources.flags.clear();
    expect("ws://own", SourceKind::Variable, "AIRCHECK_WS_URL");
    sources.environment.erase("AIRCHECK_WS_URL");
    expect("ws://file", SourceKind::File, "aircheck.yaml:1");
    sources.file.reset();
    expect("ws://general", SourceKind::GeneralVariable, "LIVEKIT_URL");
    sources.environment.clear();
    expect("ws://dotenv", SourceKind::DotEnv, ".env:2 (LIVEKIT_URL)");
}

TEST(Config, AnEmptyVariableIsAsGoodAsNone) {
    auto sources = yaml("data_dir: /srv\n");
    sources.environment = {{"AIRCHECK_DATA_DIR", ""}, {"AWS_BUCKET", ""}};
    const auto config = must_load(sources);
    EXPECT_EQ(config.data_dir, "/srv");
    EXPECT_FALSE(config.storage.s3);
}

TEST(Config, VariablesReachNestedKeysAndHoldListsAsYaml) {
    ConfigSources sources;
    sources.environment = {
        {"AIRCHECK_HTTP__BIND", "[::1]:8080"},
        {"AIRCHECK_AUTO_RECORD", R"([{rooms: "a-*", end_grace: 1m30s}, {rooms: "b"}])"},
        {"AIRCHECK_STORAGE__S3", "{bucket: b, access_key: k}"},
        {"AIRCHECK_STORAGE__S3__SECRET", "yes: *not-yaml"},
        {"AIRCHECK_TOKEN", "hush"}};
    const auto config = must_load(sources);
    EXPECT_EQ(config.http.bind_host, "::1");
    EXPECT_EQ(config.http.bind_port, 8080);
    ASSERT_EQ(config.auto_record.size(), 2U);
    EXPECT_EQ(config.auto_record[0].rooms, "a-*");
    EXPECT_EQ(config.auto_record[0].end_grace, 90s);
    ASSERT_TRUE(config.storage.s3);
    EXPECT_EQ(config.storage.s3->bucket, "b");
    EXPECT_EQ(config.storage.s3->secret.reveal(), "yes: *not-yaml");
    EXPECT_EQ(config.token.reveal(), "hush");
}

TEST(Config, VariablesThatAreNoSettingsOfOursAreLeftAlone) {
    ConfigSources sources;
    sources.environment = {
        {"AIRCHECK_BIN", "build/aircheck"},
        {"AIRCHECK_SERVICE_HOST", "10.0.0.1"},
        {"AIRCHECK_SERVICE_PORT_HTTP", "7990"},
        {"AIRCHECK_PORT", "tcp://10.0.0.1:7990"},
        {"AIRCHECK_PORT_7990_TCP_ADDR", "10.0.0.1"},
        {"PATH", "/bin"}};
    EXPECT_THAT(must_load(sources).warnings, IsEmpty());
}

TEST(Config, TheGuidesVariablesMakeAnS3Storage) {
    ConfigSources sources;
    sources.dotenv = NamedText{
        ".env",
        "# from the guide\n"
        "LIVEKIT_API_KEY=devkey\n"
        "LIVEKIT_API_SECRET=secret\n"
        "AWS_ACCESS_KEY=your-access-key\n"
        "AWS_SECRET_KEY=your-secret-key\n"
        "AWS_BUCKET=dr-fillion-recordings\n"
        "AWS_REGION=us-east-1\n"
        "AWS_ENDPOINT_URL=http://127.0.0.1:9000\n"};
    const auto config = must_load(sources);
    EXPECT_EQ(config.livekit.api_key, "devkey");
    EXPECT_EQ(config.livekit.api_secret.reveal(), "secret");
    ASSERT_TRUE(config.storage.s3);
    EXPECT_EQ(config.storage.s3->access_key, "your-access-key");
    EXPECT_EQ(config.storage.s3->secret.reveal(), "your-secret-key");
    EXPECT_EQ(config.storage.s3->bucket, "dr-fillion-recordings");
    EXPECT_EQ(config.storage.s3->region, "us-east-1");
    EXPECT_EQ(config.storage.s3->endpoint, "http://127.0.0.1:9000");
}

struct CredentialRow {
    std::string name;
    std::map<std::string, std::string> environment;
    std::string access_key, secret, session_token;
    friend void PrintTo(const CredentialRow& row, std::ostream* out) { *out << row.name; }
};
class Credentials : public testing::TestWithParam<CredentialRow> {};

TEST_P(Credentials, StayTheSetTheyWereIssuedAs) {
    ConfigSources sources;
    sources.environment = GetParam().environment;
    sources.environment["AWS_BUCKET"] = "b";
    const auto config = must_load(sources);
    ASSERT_TRUE(config.storage.s3);
    EXPECT_EQ(config.storage.s3->access_key, GetParam().access_key);
    EXPECT_EQ(config.storage.s3->secret.reveal(), GetParam().secret);
    EXPECT_EQ(config.storage.s3->session_token.reveal(), GetParam().session_token);
}
INSTANTIATE_TEST_SUITE_P(
    Aws,
    Credentials,
    testing::Values(
        CredentialRow{"Guides", {{"AWS_ACCESS_KEY", "g"}, {"AWS_SECRET_KEY", "gs"}}, "g", "gs", ""},
        CredentialRow{
            "AwsOwn",
            {{"AWS_ACCESS_KEY_ID", "a"},
             {"AWS_SECRET_ACCESS_KEY", "as"},
             {"AWS_SESSION_TOKEN", "at"}},
            "a",
            "as",
            "at"},
        CredentialRow{
            "BothSpellings",
            {{"AWS_ACCESS_KEY", "g"},
             {"AWS_SECRET_KEY", "gs"},
             {"AWS_ACCESS_KEY_ID", "a"},
             {"AWS_SECRET_ACCESS_KEY", "as"},
             {"AWS_SESSION_TOKEN", "at"}},
            "g",
            "gs",
            ""},
        CredentialRow{
            "Mixed", {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_KEY", "gs"}}, "a", "gs", ""}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Config, ASessionTokenOfTheEnvironmentIsNotPutBesideTheFilesKey) {
    auto sources = yaml(kS3);
    sources.environment = {{"AWS_SESSION_TOKEN", "other"}, {"AWS_ACCESS_KEY_ID", "other"}};
    EXPECT_TRUE(must_load(sources).storage.s3->session_token.empty());
}

TEST(Config, AwsVariablesOfOtherProgramsAloneMakeNoStorage) {
    ConfigSources sources;
    sources.environment = {{"AWS_REGION", "eu-west-1"}, {"AWS_ACCESS_KEY_ID", "k"}};
    EXPECT_FALSE(must_load(sources).storage.s3);
}

TEST(Config, AllOfS3IsRead) {
    const auto config = must_load(yaml(R"(
storage:
  prefix: calls/
  generate_presigned_url: true
  s3:
    bucket: b
    access_key: k
    secret: s
    session_token: t
    region: eu-central-1
    endpoint: minio.local:9000
    force_path_style: true
    proxy_config: {url: "http://proxy:3128", username: u, password: p}
    max_retries: 7
    max_retry_delay: 10s
    min_retry_delay: 200ms
    metadata: {team: support}
    tagging: a=1&b=2
    content_disposition: attachment
)"));
    ASSERT_TRUE(config.storage.s3);
    const auto& s3 = *config.storage.s3;
    EXPECT_EQ(config.storage.prefix, "calls/");
    EXPECT_TRUE(config.storage.generate_presigned_url);
    EXPECT_EQ(s3.session_token.reveal(), "t");
    EXPECT_EQ(s3.region, "eu-central-1");
    EXPECT_EQ(s3.endpoint, "minio.local:9000");
    EXPECT_TRUE(s3.force_path_style);
    EXPECT_EQ(s3.proxy.url, "http://proxy:3128");
    EXPECT_EQ(s3.proxy.username, "u");
    EXPECT_EQ(s3.proxy.password.reveal(), "p");
    EXPECT_EQ(config.storage.retries.max_retries, 7);
    EXPECT_EQ(config.storage.retries.max_delay, 10s);
    EXPECT_EQ(config.storage.retries.min_delay, 200ms);
    EXPECT_THAT(s3.metadata, ElementsAre(std::pair<std::string, std::string>("team", "support")));
    EXPECT_EQ(s3.tagging, "a=1&b=2");
    EXPECT_EQ(s3.content_disposition, "attachment");
}

TEST(Config, RulesWebhooksAndTokensAreReadWhole) {
    const std::string sha(64, 'a');
    const auto config = must_load(yaml(
        "http:\n"
        "  tokens: [{name: crm, sha256: " +
        std::string(64, 'A') + ", scopes: [record, read]}]\n" + R"(
auto_record:
  - rooms: "support-*"
    on: room_started
    skip_kinds: [egress, ingress, agent]
    audio_only: true
    file_type: ogg
    audio_mixing: dual_channel_agent
    filepath: recordings/{room_name}-{time}.ogg
    end_when: last_human_left
    end_grace: 5s
    max_duration: 4h
    webhooks: [{url: "https://rule.example/hook"}]
webhooks:
  - url: https://n8n.example/webhook/egress_events
    format: simple
    events: egress_ended
    headers: {X-Key: abc}
)"
    ));
    ASSERT_EQ(config.auto_record.size(), 1U);
    const auto& rule = config.auto_record[0];
    EXPECT_EQ(rule.rooms, "support-*");
    EXPECT_EQ(rule.on, StartOn::RoomStarted);
    EXPECT_THAT(
        rule.skip_kinds,
        ElementsAre(ParticipantKind::Egress, ParticipantKind::Ingress, ParticipantKind::Agent)
    );
    EXPECT_EQ(rule.file_type, FileType::Ogg);
    EXPECT_EQ(rule.audio_mixing, AudioMixing::DualChannelAgent);
    EXPECT_EQ(rule.filepath, "recordings/{room_name}-{time}.ogg");
    EXPECT_EQ(rule.end_when, EndWhen::LastHumanLeft);
    EXPECT_EQ(rule.end_grace, 5s);
    EXPECT_EQ(rule.max_duration, std::chrono::hours(4));
    ASSERT_EQ(rule.webhooks.size(), 1U);
    EXPECT_EQ(rule.webhooks[0].url, "https://rule.example/hook");
    ASSERT_EQ(config.webhooks.size(), 1U);
    EXPECT_EQ(config.webhooks[0].format, WebhookFormat::Simple);
    EXPECT_THAT(config.webhooks[0].events, ElementsAre("egress_ended"));
    ASSERT_EQ(config.webhooks[0].headers.size(), 1U);
    EXPECT_EQ(config.webhooks[0].headers[0].second.reveal(), "abc");
    ASSERT_EQ(config.http.tokens.size(), 1U);
    EXPECT_EQ(config.http.tokens[0].sha256, sha);
    EXPECT_THAT(config.http.tokens[0].scopes, ElementsAre(Scope::Record, Scope::Read));
}

TEST(Config, StereoHasTwiceTheBitrateUnlessOneIsSet) {
    EXPECT_EQ(must_load(yaml("audio: {channels: 2}")).audio.bitrate_kbps, 96);
    EXPECT_EQ(must_load(yaml("audio: {channels: 2, bitrate: 48}")).audio.bitrate_kbps, 48);
}

TEST(PrintConfig, ShowsValuesAndOriginsAndMasksSecrets) {
    auto sources = yaml(R"(
api_key: devkey
api_secret: hunter2
database: postgres://u:hunter3@db/x
http:
  bind: 127.0.0.1:8000
webhooks: [{url: "https://x/y?token=hunter4", headers: {X-Key: hunter5}}]
storage: {s3: {bucket: b, access_key: k, secret: hunter6, proxy_config: {url: "http://u:hunter7@p"}}}
)");
    sources.environment = {{"AIRCHECK_TOKEN", "hunter8"}};
    const auto text = print_config(must_load(sources));
    EXPECT_THAT(text, Not(HasSubstr("hunter")));
    EXPECT_THAT(
        text,
        HasSubstr("\napi_key: devkey  # aircheck.yaml:2\napi_secret: \"***\"  # "
                  "aircheck.yaml:3\ntoken: \"***\"  # AIRCHECK_TOKEN\n")
    );
    EXPECT_THAT(
        text,
        HasSubstr(
            "\nhttp:\n  bind: 127.0.0.1:8000  # aircheck.yaml:6\n  public_url: \"\"  # default\n"
        )
    );
    EXPECT_THAT(text, HasSubstr("\n    proxy_config:\n      url: "));
    EXPECT_THAT(text, HasSubstr("\ndata_dir: ./aircheck-data  # default\n"));
}

TEST(PrintConfig, GivesYamlThatLoadsToTheSame) {
    const auto first = must_load(yaml(std::string(kS3) + R"(
http: {bind: "[::1]:99", public_url: "https://a.example/", open_probes: true, forward: true}
auto_record: [{rooms: "support-*", skip_kinds: [], filepath: "a b/{time}", max_duration: 90m}]
webhooks: [{url: "https://x/y", format: flat, events: [egress_ended]}]
network: {allow: [10.0.0.0/8, "fd00::/8"], ice_transport: relay}
logging: {level: debug, json: true}
session_limits: {file_output_max_duration: 1h30m, file_output_max_size: 1000}
cpu_cost: {max_cpu_utilization: 0.65, max_memory: 1.5}
max_recordings: 40
)"));
    const auto printed = print_config(first);
    const auto second = must_load(yaml(printed));
    EXPECT_EQ(second.http.bind_host, "::1");
    EXPECT_EQ(second.http.public_url, "https://a.example");
    ASSERT_EQ(second.auto_record.size(), 1U);
    EXPECT_THAT(second.auto_record[0].skip_kinds, IsEmpty());
    EXPECT_EQ(second.auto_record[0].filepath, "a b/{time}");
    EXPECT_EQ(second.auto_record[0].max_duration, std::chrono::minutes(90));
    EXPECT_EQ(second.session_limits.file_output_max_duration, std::chrono::minutes(90));
    EXPECT_EQ(second.session_limits.file_output_max_size_bytes, 1000U);
    EXPECT_EQ(second.capacity.max_cpu_utilization, 0.65);
    EXPECT_EQ(second.capacity.max_memory_gib, 1.5);
    EXPECT_EQ(second.capacity.max_recordings, 40U);
    EXPECT_THAT(second.network_allow, ElementsAre("10.0.0.0/8", "fd00::/8"));
    EXPECT_EQ(second.ice_transport, IceTransport::Relay);
    EXPECT_EQ(second.logging.format, log::Format::Json);
    EXPECT_TRUE(second.http.open_probes);
    EXPECT_TRUE(second.http.forward);
}

TEST(Secret, PrintsStarsOnly) {
    std::ostringstream out;
    out << Secret("hunter2") << "," << Secret();
    EXPECT_EQ(out.str(), "***,");
}

}  // namespace
}  // namespace aircheck::app
