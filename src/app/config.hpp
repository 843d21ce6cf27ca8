#pragma once

#include "core/log.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::app {

/// A value that must never be shown: streams, logs and --print-config give "***" for it.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    /// The value itself, for the one place that sends or signs with it.
    [[nodiscard]] const std::string& reveal() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }
    bool operator==(const Secret&) const = default;

private:
    std::string value_;
};
std::ostream& operator<<(std::ostream& out, const Secret& secret);

/// Where a value in force came from, in the order of who wins (design.md, 2.2).
enum class SourceKind { Flag, Variable, File, GeneralVariable, DotEnv, Default };
struct Origin {
    SourceKind kind = SourceKind::Default;
    std::string name;  ///< "--bind", "AIRCHECK_HTTP__BIND", "aircheck.yaml", "AWS_BUCKET"; empty
                       ///< for defaults.
    int line = 0;      ///< In the file or the .env, from 1; 0 where there is none.

    /// "--bind", "AIRCHECK_HTTP__BIND", "aircheck.yaml:12", ".env:3 (AWS_BUCKET)", "default".
    [[nodiscard]] std::string to_string() const;
};

struct LiveKitConfig {
    std::string ws_url;  ///< ws, wss, http or https; empty: no server was named.
    std::string api_key;
    Secret api_secret;
};

enum class Scope { Record, Read, Admin };
struct ApiToken {
    std::string name;
    std::string sha256;  ///< Of the token, 64 lower-case hexadecimal digits.
    std::vector<Scope> scopes;
};

struct HttpConfig {
    std::string bind_host = "127.0.0.1";  ///< Without brackets.
    std::uint16_t bind_port = 7990;       ///< 0: any free port.
    std::string public_url;               ///< Without a trailing slash; empty: not told.
    std::vector<ApiToken> tokens;
    bool forward = false;  ///< LiveKit's own calls are passed on to ws_url.
    bool open_probes =
        false;  ///< /metrics, /healthz and /readyz answer beyond loopback without a token.

    [[nodiscard]] bool is_loopback() const;
};

struct AudioConfig {
    int channels = 1;
    int bitrate_kbps = 48;  ///< 96 with two channels, where nothing is said.
};

enum class WebhookFormat { LiveKit, Simple, Flat };
struct WebhookConfig {
    std::string url;
    WebhookFormat format = WebhookFormat::LiveKit;
    std::vector<std::string> events;  ///< egress_started, egress_updated, egress_ended; empty: all.
    std::vector<std::pair<std::string, Secret>> headers;
    bool also_for_bus = false;
};

/// LiveKit's ParticipantInfo.Kind, by its names in lower case.
enum class ParticipantKind { Standard, Ingress, Egress, Sip, Agent, Connector, Bridge };
enum class StartOn { ParticipantJoined, RoomStarted };
enum class FileType { Mp4, Ogg, Mp3, Wav, Flac };
enum class AudioMixing { Default, DualChannelAgent, DualChannelAlternate };
enum class EndWhen { RoomFinished, LastHumanLeft };

/// One rule of `auto_record`; the first whose `rooms` matches the room's name wins.
struct AutoRecordRule {
    std::string rooms = "*";  ///< Glob: * and ? and [a-z].
    StartOn on = StartOn::ParticipantJoined;
    std::vector<ParticipantKind> skip_kinds = {ParticipantKind::Egress, ParticipantKind::Ingress};
    FileType file_type = FileType::Mp4;
    AudioMixing audio_mixing = AudioMixing::Default;
    std::string filepath;  ///< LiveKit's template; empty: LiveKit's default name.
    bool disable_manifest = false;
    bool track_files = false;    ///< Each track's own file beside the mix.
    std::string track_filepath;  ///< Their template; empty: beside the mix.
    EndWhen end_when = EndWhen::RoomFinished;
    Nanoseconds end_grace = 10s;
    Nanoseconds max_duration{0};          ///< 0: no limit.
    std::vector<WebhookConfig> webhooks;  ///< Besides the global ones.
};

struct ProxyConfig {
    std::string url;
    std::string username;
    Secret password;
};

/// S3's Object Lock.
struct ObjectLockConfig {
    std::string mode;  ///< GOVERNANCE or COMPLIANCE; empty: none.
    int days = 0;
    bool legal_hold = false;
};

/// livekit/egress's storage.s3, with more to it; complete: the bucket is there, and both of key and
/// secret or neither (then they are the machine's own).
struct S3Config {
    std::string access_key;
    Secret secret;
    Secret session_token;
    std::string region;    ///< Empty: found out by asking.
    std::string endpoint;  ///< A URL, or a host (https); empty: AWS's own of the region.
    std::string bucket;
    bool force_path_style = false;
    ProxyConfig proxy;
    std::vector<std::pair<std::string, std::string>> metadata;
    std::string tagging;
    std::string content_disposition = "inline";
    std::string assume_role_arn;
    Secret assume_role_external_id;
    std::string sts_endpoint;
    std::string encryption;  ///< AES256, aws:kms, aws:kms:dsse; empty: the bucket's.
    std::string kms_key_id;
    Secret customer_key;  ///< Base64 of 32 bytes.
    std::string storage_class;
    ObjectLockConfig object_lock;
};

/// livekit/egress's storage.azure, with more ways to say the same; complete: account, container and
/// a key or a SAS are there.
struct AzureConfig {
    std::string account_name;
    Secret account_key;
    std::string container_name;
    std::string endpoint;  ///< The account's blob service; empty: Azure's own.
    Secret sas_token;
    Secret connection_string;  ///< Where it is set: read into the four others.
    ProxyConfig proxy;
    std::vector<std::pair<std::string, std::string>> metadata;
    std::string content_disposition = "inline";
};

/// livekit/egress's storage.gcp, with more to it.
struct GcpConfig {
    Secret credentials_json;  ///< A service account's key, or the path of a file with one; empty:
                              ///< the machine's own account.
    std::string bucket;
    std::string endpoint;  ///< Empty: Google's own.
    ProxyConfig proxy;
    std::vector<std::pair<std::string, std::string>> metadata;
    std::string content_disposition = "inline";
};

/// storage.s3.max_retries and its delays; they hold for every store, those of requests too.
struct RetryConfig {
    int max_retries = 5;  ///< Further tries of one request before the upload is put off.
    Nanoseconds max_delay = 5s;
    Nanoseconds min_delay = 100ms;
};

struct StorageConfig {
    std::string prefix;  ///< Put before every output's path.
    bool generate_presigned_url = false;
    RetryConfig retries;
    /// At most one; none: outputs stay in `local_directory`.
    std::optional<S3Config> s3;
    std::optional<GcpConfig> gcp;
    std::optional<AzureConfig> azure;
    std::string local_directory;  ///< Root of local storage; data_dir + "/recordings" unless set.

    /// Whether outputs leave this machine.
    [[nodiscard]] bool has_store() const { return s3 || gcp || azure; }
};

/// The smallest limit of config, rule and request wins; 0: none.
struct SessionLimits {
    Nanoseconds file_output_max_duration{0};
    Nanoseconds segment_output_max_duration{0};
    Nanoseconds stream_output_max_duration{0};
    std::uint64_t file_output_max_size_bytes = 0;
};

/// How much of this machine recordings may take.
struct CapacityLimits {
    double max_cpu_utilization = 0.8;  ///< Of its cores; 0: the default.
    double max_memory_gib = 0;         ///< 0: nine tenths of what there is.
    std::size_t max_recordings = 0;    ///< 0: as many as fit.
};

struct LoggingConfig {
    log::Level level = log::Level::Info;
    log::Format format = log::Format::Text;
};

/// LiveKit's `redis` section; what is not in it has no meaning for one connection.
struct RedisConfig {
    struct Tls {
        bool enabled = false;
        bool insecure = false;
        std::string server_name;
        std::string ca_cert_file;
        std::string client_cert_file;
        std::string client_key_file;
    };

    std::string address;
    std::string username;
    Secret password;
    int db = 0;
    bool use_tls = false;
    Tls tls;
    std::string sentinel_master_name;
    std::string sentinel_username;
    Secret sentinel_password;
    std::vector<std::string> sentinel_addresses;
    std::vector<std::string> cluster_addresses;
    int dial_timeout_ms = 0;  ///< These three: 0 is the default.
    int read_timeout_ms = 0;
    int write_timeout_ms = 0;
    int max_redirects = 2;

    [[nodiscard]] bool is_configured() const;
};

/// The worker on livekit-server's bus.
struct BusConfig {
    std::string cluster_id;
    Nanoseconds io_create_timeout = 15s;
    Nanoseconds io_update_timeout = 30s;
    Nanoseconds io_selection_timeout = 1s;  ///< psrpc's own.
};

/// Who does what this build cannot.
enum class DelegateTo {
    None,    ///< Nobody: it is refused.
    LiveKit  ///< livekit-server, with livekit/egress behind it.
};

/// What `audio_recording_url` holds.
enum class RecordingUrls { Link, Location, Signed };
/// Which addresses media may take: all, or TURN servers' alone.
enum class IceTransport { All, Relay };

/// Everything that can be set, checked and with defaults filled in. Plain data, read-only after
/// load().
struct Config {
    LiveKitConfig livekit;
    HttpConfig http;
    Secret token;  ///< AIRCHECK_TOKEN: a token of scope admin; empty: none.
    std::string data_dir = "./aircheck-data";
    std::string database;          ///< postgres://…; empty: SQLite in data_dir.
    std::string secrets_key_file;  ///< Empty: a file in data_dir, made when first needed.
    Nanoseconds journal_keep = std::chrono::hours(24);
    Nanoseconds journal_upload = 30s;  ///< 0: journals are not copied.
    /// A folder, or "s3://bucket/prefix", "gs://…", "azure://account/container/…" of the kind that
    /// is configured; empty: the configured bucket.
    std::string journal_storage;
    Nanoseconds rejoin_window = 60s;
    AudioConfig audio;
    std::vector<AutoRecordRule> auto_record;
    std::vector<WebhookConfig> webhooks;
    StorageConfig storage;
    bool disallow_local_storage = false;  ///< Requests without a bucket are refused.
    SessionLimits session_limits;
    CapacityLimits capacity;
    RecordingUrls recording_urls = RecordingUrls::Link;
    std::uint16_t health_port = 0;      ///< 0: no such listener.
    std::uint16_t prometheus_port = 0;  ///< 0: no such listener.
    LoggingConfig logging;
    RedisConfig redis;
    BusConfig bus;
    DelegateTo delegate = DelegateTo::None;
    /// Addresses (1.2.3.4, 10.0.0.0/8, fd00::/8) and host names that URLs in requests may reach
    /// although private.
    std::vector<std::string> network_allow;
    IceTransport ice_transport = IceTransport::All;

    /// Origin of each key that was set somewhere, by its dotted path ("storage.s3.bucket").
    std::map<std::string, Origin, std::less<>> origins;
    /// Settings accepted without effect, each named once; to be logged by the command.
    std::vector<std::string> warnings;
};

/// A setting from the command line: the key's dotted path, its value as text (YAML for lists and
/// objects), and the flag to name in messages.
struct FlagValue {
    std::string key;
    std::string value;
    std::string flag;
};
struct NamedText {
    std::string name;  ///< A path, or "EGRESS_CONFIG_BODY"; shown in messages.
    std::string text;
};

/// Everything load() reads, gathered beforehand: load() itself touches neither process nor disk.
struct ConfigSources {
    std::vector<FlagValue> flags;
    std::map<std::string, std::string> environment;
    std::optional<NamedText> file;
    std::optional<NamedText> dotenv;
};

/// Merges the sources, checks every value and fills in defaults. Pure.
///
/// Fails with Errc::InvalidArgument (exit 2) on an unknown key (naming its line and the nearest
/// known key), a value of the wrong kind or range, and a setting of a later version whose neglect
/// would put recordings elsewhere than asked. Messages name the key and where it was set, never a
/// secret's value.
[[nodiscard]] Result<Config> load(const ConfigSources& sources);

/// What only `serve` needs: a secret before it listens beyond loopback, public_url for links, a key
/// file with PostgreSQL. Fails with Errc::InvalidArgument naming the setting.
[[nodiscard]] Result<> check_for_serve(const Config& config);

/// YAML of everything in force, a comment after each value saying where it came from, secrets as
/// "***".
[[nodiscard]] std::string print_config(const Config& config);

/// What the command line says of configuration, before anything is read.
struct SourceFlags {
    std::string config_file;  ///< --config
    std::string config_body;  ///< --config-body
    std::vector<FlagValue> values;
};

/// Reads the process's environment, the YAML (--config-body, --config, EGRESS_CONFIG_BODY,
/// EGRESS_CONFIG_FILE: the first given) and `.env` in the working directory. Fails when a file that
/// was named cannot be read.
[[nodiscard]] Result<ConfigSources> gather_sources(SourceFlags flags);

}  // namespace aircheck::app
