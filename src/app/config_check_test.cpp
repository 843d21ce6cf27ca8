#include "app/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::app {
namespace {

using testing::HasSubstr;
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

std::string message(const ConfigSources& sources) {
    const auto config = load(sources);
    if (config) return "(loaded)";
    EXPECT_EQ(config.error().code, make_error_code(Errc::InvalidArgument));
    return config.error().context;
}

/// Every line that livekit/egress reads and this build does nothing with (egress-survey, section
/// 2).
TEST(Config, EachKeyWithoutEffectIsWarnedOfOnceByName) {
    const std::vector<std::string> lines = {
        "cpu_cost: {room_composite_cpu_cost: 1}",
        "cpu_cost: {audio_room_composite_cpu_cost: 1}",
        "cpu_cost: {sdk_audio_room_composite_cpu_cost: 1}",
        "cpu_cost: {web_cpu_cost: 1}",
        "cpu_cost: {audio_web_cpu_cost: 1}",
        "cpu_cost: {participant_cpu_cost: 1}",
        "cpu_cost: {track_composite_cpu_cost: 1}",
        "cpu_cost: {track_cpu_cost: 1}",
        "cpu_cost: {memory_cost: 1}",
        "cpu_cost: {sdk_audio_room_composite_memory_cost: 1}",
        "cpu_cost: {memory_source: 1}",
        "cpu_cost: {memory_kill_grace_sec: 1}",
        "cpu_cost: {cpu_kill_grace_sec: 1}",
        "cpu_cost: {max_pulse_clients: 1}",
        "template_port: 7980",
        "template_base: http://localhost:7980/",
        "debug_handler_port: 6060",
        "enable_chrome_sandbox: true",
        "chrome_flags: {disable-gpu: true}",
        "insecure: true",
        "max_upload_queue: 60",
        "io_workers: 5",
        "backup: {s3: {bucket: x}}",
        "s3_assume_role_key: k",
        "s3_assume_role_secret: s",
        "s3_assume_role_arn: a",
        "s3_assume_role_external_id: e",
        "debug: {enable_profiling: true}",
        "latency: {pipeline_latency: 3s, rtpmaxallowedtsdiff: 5s}",
        "latency_overrides: {participant: {}}",
        "video_encoder_threads: 2",
        "enable_one_shot_sender_report_sync: true",
        "enable_sync_engine: true",
        "audio_tempo_controller: {enabled: true}",
        "test_overrides: {x: 1}",
        "pulse_sink_reap_grace_sec: 30",
        "tavus: {base_url: x}",
        "logging: {sample: true}",
        "log_level: debug"};
    for (const auto& line : lines) {
        SCOPED_TRACE(line);
        const auto config = must_load(yaml(line));
        EXPECT_EQ(config.warnings.size(), 1U);
        if (config.warnings.empty()) continue;
        EXPECT_THAT(config.warnings[0], HasSubstr("aircheck.yaml:1: "));
        const auto name = line.substr(0, line.find(':'));
        EXPECT_THAT(config.warnings[0], HasSubstr(name));
    }
}

TEST(Config, AWarningNamesWhatIsInsideASection) {
    const auto config =
        must_load(yaml("latency: {pipeline_latency: 3s, jitter_buffer_latency: 2s}"));
    ASSERT_EQ(config.warnings.size(), 1U);
    EXPECT_THAT(
        config.warnings[0],
        HasSubstr("latency (pipeline_latency, jitter_buffer_latency) has no meaning")
    );
}

// The container image brings a .env that names its folder.
TEST(Config, ALocalFolderOfTheDotEnvIsNoDecisionAgainstAStore) {
    auto sources = yaml("storage: {s3: {bucket: b, access_key: a, secret: s}}");
    sources.dotenv = NamedText{".env", "AIRCHECK_STORAGE__LOCAL__DIRECTORY=/out\n"};
    EXPECT_EQ(must_load(sources).storage.local_directory, "/out");
    EXPECT_EQ(must_load(sources).warnings.size(), 0U);
    sources.file = NamedText{"aircheck.yaml", "storage: {alioss: {bucket: b}}"};
    EXPECT_THAT(message(sources), HasSubstr("no other storage is set"));
}

TEST(Config, VariablesOfLaterPartsAreWarnedOfTogether) {
    ConfigSources sources;
    sources.environment = {{"TAVUS_API_KEY", "x"}, {"TAVUS_ENABLE_RECORDING", "true"}};
    const auto config = must_load(sources);
    ASSERT_EQ(config.warnings.size(), 1U);
    EXPECT_THAT(config.warnings[0], HasSubstr("TAVUS_API_KEY, TAVUS_ENABLE_RECORDING"));
}

struct BadRow {
    std::string name, text, expected;
    friend void PrintTo(const BadRow& row, std::ostream* out) { *out << row.name; }
};
class BadConfig : public testing::TestWithParam<BadRow> {};

TEST_P(BadConfig, IsRefusedNamingKeyAndLine) {
    EXPECT_THAT(message(yaml(GetParam().text)), HasSubstr(GetParam().expected));
}
INSTANTIATE_TEST_SUITE_P(
    Yaml,
    BadConfig,
    testing::Values(
        BadRow{
            "Unknown",
            "http: {}\nhttp_bind: x",
            "aircheck.yaml:2: http_bind is not a known setting; did you mean http.bind?"},
        BadRow{
            "UnknownNested",
            "storage:\n  s3:\n    buckett: x",
            "aircheck.yaml:3: storage.s3.buckett is not a known setting; did you mean "
            "storage.s3.bucket?"},
        BadRow{"OldTopLevelS3", "s3: {bucket: x, secret: s}", "storage.s3.access_key"},
        BadRow{"OldTopLevelS3Key", "s3:\n  buckett: x", "aircheck.yaml:2: storage.s3.buckett"},
        BadRow{
            "OldTopLevelAliOss", "alioss: {bucket: x}", "storage.alioss is not in this build yet"},
        BadRow{"FarFromAll", "zzzzzzzzzz: 1", "zzzzzzzzzz is not a known setting"},
        BadRow{"NotYaml", "a: [1\nb: 2", "is not YAML"},
        BadRow{"NotAnObject", "- a\n- b", "aircheck.yaml: must be an object"},
        BadRow{"SectionIsText", "storage: s3", "storage must be an object"},
        BadRow{"TextIsList", "data_dir: [a]", "data_dir must be one value"},
        BadRow{"Twice", "data_dir: a\ndata_dir: b", "aircheck.yaml:2: data_dir is set twice"},
        BadRow{"EmptyFolder", "data_dir: ''", "data_dir must name a folder"},
        BadRow{"BindWithoutPort", "http: {bind: localhost}", "http.bind must be address:port"},
        BadRow{"BindNakedIpv6", "http: {bind: '::1:80'}", "http.bind must be address:port"},
        BadRow{"BindPort", "http: {bind: '127.0.0.1:70000'}", "http.bind must be address:port"},
        BadRow{
            "UrlScheme",
            "ws_url: ftp://x",
            "ws_url must be a URL that begins with ws:// or wss:// or http:// or https://"},
        BadRow{
            "Database",
            "database: mysql://x/y",
            "database must be a URL that begins with postgres://"},
        BadRow{"Duration", "journal_keep: soon", "journal_keep must be a duration like"},
        BadRow{
            "Channels",
            "audio: {channels: 6}",
            "audio.channels must be a whole number from 1 to 2"},
        BadRow{"Port", "health_port: -1", "health_port must be a whole number from 0 to 65535"},
        BadRow{
            "Level",
            "logging: {level: loud}",
            "logging.level must be trace, debug, info, warn, error or off, not 'loud'"},
        BadRow{"Bool", "disallow_local_storage: perhaps", "must be true or false"},
        BadRow{
            "Video",
            "auto_record:\n  - rooms: '*'\n    audio_only: false",
            "aircheck.yaml:3: auto_record[0].audio_only must be true"},
        BadRow{
            "RuleKey",
            "auto_record: [{romos: x}]",
            "auto_record[0].romos is not a known setting; did you mean rooms?"},
        BadRow{
            "RuleChoice",
            "auto_record: [{end_when: never}]",
            "auto_record[0].end_when must be room_finished or last_human_left, not 'never'"},
        BadRow{
            "RuleKind",
            "auto_record: [{skip_kinds: [robot]}]",
            "auto_record[0].skip_kinds[0] must be standard"},
        BadRow{"RuleGlob", "auto_record: [{rooms: 'a[b'}]", "auto_record[0].rooms has a '['"},
        BadRow{"RuleTwice", "auto_record: [{rooms: a, rooms: b}]", "rooms is set twice"},
        BadRow{
            "CpuShare",
            "cpu_cost: {max_cpu_utilization: 80}",
            "cpu_cost.max_cpu_utilization must be a number from 0 to 1, not '80'"},
        BadRow{"CpuNan", "cpu_cost: {max_cpu_utilization: nan}", "must be a number from 0 to 1"},
        BadRow{"CpuText", "cpu_cost: {max_cpu_utilization: 0.8x}", "must be a number"},
        BadRow{"Memory", "cpu_cost: {max_memory: -1}", "cpu_cost.max_memory must be a number"},
        BadRow{"CostUnknown", "cpu_cost: {track: 1}", "cpu_cost.track"},
        BadRow{"RulesNoList", "auto_record: {rooms: a}", "auto_record must be a list"},
        BadRow{"HookWithoutUrl", "webhooks: [{format: flat}]", "webhooks[0] has no url"},
        BadRow{
            "HookUrl", "webhooks: [{url: 'file:///etc/passwd'}]", "webhooks[0].url must be a URL"},
        BadRow{
            "HookEvent",
            "webhooks: [{url: 'http://x', events: [room_started]}]",
            "webhooks[0].events[0] must be egress_started, egress_updated or egress_ended"},
        BadRow{"HookHeader", "webhooks: [{url: 'http://x', headers: {'a b': c}}]", "header name"},
        BadRow{
            "HookHeaderLine",
            "webhooks: [{url: 'http://x', headers: {a: \"b\\r\\nc: d\"}}]",
            "line break"},
        BadRow{
            "TokenHash",
            "http: {tokens: [{name: a, sha256: abc, scopes: [read]}]}",
            "64 hexadecimal digits"},
        BadRow{
            "TokenScopes",
            "http: {tokens: [{name: a, sha256: " + std::string(64, '0') + "}]}",
            "has no scopes"},
        BadRow{"IceTransport", "network: {ice_transport: none}", "network.ice_transport must be"},
        BadRow{"Network", "network: {allow: [10.0.0.0/99]}", "network.allow must list addresses"},
        BadRow{
            "S3NoBucket",
            "storage: {s3: {access_key: k, secret: s}}",
            "storage.s3.bucket (or AWS_BUCKET) is missing"},
        BadRow{
            "S3NoSecret",
            "storage: {s3: {bucket: b, access_key: k}}",
            "storage.s3.secret (or AWS_SECRET_KEY) is missing"},
        BadRow{
            "Delays",
            "storage: {s3: {min_retry_delay: 1m}}",
            "must not be longer than storage.s3.max_retry_delay"},
        BadRow{
            "OnlyAliOss",
            "storage: {alioss: {bucket: x}}",
            "storage.alioss is not in this build yet, and no other storage"},
        BadRow{
            "GcpNoBucket",
            "storage: {gcp: {credentials_json: '{}'}}",
            "storage.gcp.bucket (or GCP_BUCKET) is missing"},
        BadRow{
            "GcpNoSuchFile",
            "storage: {gcp: {bucket: b, credentials_json: /nowhere/key.json}}",
            "storage.gcp.credentials_json names '/nowhere/key.json'"},
        BadRow{
            "AzureNoContainer",
            "storage: {azure: {account_name: x, account_key: k}}",
            "storage.azure.container_name (or AZURE_STORAGE_CONTAINER) is missing"},
        BadRow{
            "AzureNoAccount",
            "storage: {azure: {container_name: x, account_key: k}}",
            "storage.azure.account_name (or AZURE_STORAGE_ACCOUNT) is missing"},
        BadRow{
            "AzureNoKey",
            "storage: {azure: {container_name: x, account_name: a}}",
            "storage.azure.account_key (or AZURE_STORAGE_KEY) is missing"},
        BadRow{
            "AzureSaidTwice",
            "storage: {azure: {container_name: x, account_name: a, connection_string: 'A=b'}}",
            "storage.azure.connection_string says what account_name"},
        BadRow{
            "AzureConnectionString",
            "storage: {azure: {container_name: x, connection_string: 'hunter2'}}",
            "the connection string is not Name=value"},
        BadRow{"KeyWithoutSecret", "api_key: k", "api_secret (or LIVEKIT_API_SECRET) is missing"}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(Config, HeadersThatAircheckWritesCannotBeConfigured) {
    const auto headers = [](const std::string& format, const std::string& name) {
        return yaml(
            "webhooks: [{url: 'https://x', format: " + format + ", headers: {" + name + ": y}}]"
        );
    };
    for (const char* name :
         {"content-type", "User-Agent", "webhook-id", "Webhook-Signature", "Host"}) {
        EXPECT_THAT(message(headers("flat", name)), HasSubstr(std::string("headers.") + name));
    }
    EXPECT_THAT(
        message(headers("livekit", "Authorization")),
        HasSubstr("headers.Authorization cannot be set")
    );
    EXPECT_EQ(must_load(headers("flat", "Authorization")).webhooks.size(), 1U);
    EXPECT_EQ(must_load(headers("livekit", "X-Key")).webhooks.size(), 1U);
}

TEST(Config, AMisspelledVariableIsRefusedLikeAMisspelledKey) {
    ConfigSources sources;
    sources.environment = {{"AIRCHECK_HTTP__BINDD", "x"}};
    EXPECT_THAT(
        message(sources),
        HasSubstr(
            "AIRCHECK_HTTP__BINDD (http.bindd) is not a known setting; did you mean http.bind?"
        )
    );
}

TEST(Config, MessagesNeverHoldTheValueOfAUrl) {
    EXPECT_THAT(message(yaml("database: mysql://u:hunter2@x/y")), Not(HasSubstr("hunter2")));
}

TEST(Config, RetriesMayStandWithoutABucket) {
    const auto config = must_load(yaml("storage: {s3: {max_retries: 9}}"));
    EXPECT_FALSE(config.storage.s3);
    EXPECT_EQ(config.storage.retries.max_retries, 9);
}

struct ServeRow {
    std::string name, text, expected;  // empty: may serve
    friend void PrintTo(const ServeRow& row, std::ostream* out) { *out << row.name; }
};
class CheckForServe : public testing::TestWithParam<ServeRow> {};

TEST_P(CheckForServe, RefusesWhatWouldBeOpenOrBroken) {
    const auto result = check_for_serve(must_load(yaml(GetParam().text)));
    if (GetParam().expected.empty()) {
        EXPECT_TRUE(result) << result.error().context;
    } else {
        ASSERT_FALSE(result);
        EXPECT_THAT(result.error().context, HasSubstr(GetParam().expected));
    }
}
INSTANTIATE_TEST_SUITE_P(
    Serve,
    CheckForServe,
    testing::Values(
        ServeRow{"Loopback", "", ""},
        ServeRow{"Localhost", "http: {bind: 'localhost:1'}", ""},
        ServeRow{"Ipv6Loopback", "http: {bind: '[::1]:1'}", ""},
        ServeRow{
            "OpenWithoutSecret",
            "http: {bind: ':7990', public_url: 'https://x'}",
            "aircheck.yaml:1: http.bind reaches beyond this machine"},
        ServeRow{"OpenWithToken", "token: t\nhttp: {bind: ':7990', public_url: 'https://x'}", ""},
        ServeRow{
            "OpenWithKeys",
            "api_key: k\napi_secret: s\nhttp: {bind: ':7990', public_url: 'https://x'}",
            ""},
        ServeRow{
            "LinksNeedAnAddress",
            "token: t\nhttp: {bind: '0.0.0.0:7990'}",
            "http.public_url is missing"},
        ServeRow{
            "LocationsDoNot",
            "token: t\nrecording_urls: location\nhttp: {bind: '0.0.0.0:7990'}",
            ""},
        ServeRow{
            "PostgresNeedsAKeyFile", "database: postgres://db/x", "secrets_key_file is missing"},
        ServeRow{"PostgresWithKeyFile", "database: postgres://db/x\nsecrets_key_file: /k", ""},
        ServeRow{
            "ForwardingNeedsAServer", "http: {forward: true}", "http.forward has nowhere to go"},
        ServeRow{"DelegatingNeedsAServer", "delegate: livekit", "delegate has nobody to go to"},
        ServeRow{"DelegatingToNobodyDoesNot", "delegate: none", ""},
        ServeRow{
            "RulesNeedAServer", "auto_record: [{rooms: x}]", "auto_record needs a LiveKit server"},
        ServeRow{
            "RulesMayBeLocal",
            "ws_url: ws://x\napi_key: k\napi_secret: s\nauto_record: [{rooms: x}]",
            ""},
        ServeRow{
            "RulesNeedABucketWhereLocalStorageIsDisallowed",
            "ws_url: ws://x\napi_key: k\napi_secret: s\ndisallow_local_storage: true\n"
            "auto_record: [{rooms: x}]",
            "aircheck.yaml:5: auto_record has nowhere to put recordings"},
        ServeRow{
            "RulesHaveABucket",
            "ws_url: ws://x\napi_key: k\napi_secret: s\ndisallow_local_storage: true\n"
            "auto_record: [{rooms: x}]\nstorage: {s3: {bucket: b, access_key: k, secret: s}}",
            ""},
        ServeRow{"ServerNeedsKeys", "ws_url: ws://x", "ws_url needs api_key"}
    ),
    [](const auto& row) { return row.param.name; }
);

}  // namespace
}  // namespace aircheck::app
