#include "app/config_keys.hpp"

#include "app/config_key_kinds.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace aircheck::app {
namespace {

constexpr std::string_view kNoChrome = "has no meaning here: recordings need no browser";
constexpr std::string_view kNoGstreamer = "has no meaning here: it tunes GStreamer's pipeline";
constexpr std::string_view kNoDebug = "has no meaning here: render a recording's journal instead";
constexpr std::string_view kNoOutput = "is not in this build yet: it makes no images";
constexpr std::string_view kNotYet = "is not in this build yet and has no effect";

const Names<RecordingUrls> kRecordingUrls = {
    {"link", RecordingUrls::Link},
    {"location", RecordingUrls::Location},
    {"signed", RecordingUrls::Signed}};
const Names<IceTransport> kIceTransports = {
    {"all", IceTransport::All}, {"relay", IceTransport::Relay}};

/// "127.0.0.1:7990", "[::1]:7990", "localhost:7990", ":7990" (every address).
Result<> read_bind(Config& config, const Value& value) {
    AC_TRY(const auto text, read_text(value));
    const auto bad = [&] {
        return fail_at(value, "must be address:port, as in 127.0.0.1:7990, not '" + text + "'");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return bad();
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find_first_of(":[]/") != std::string::npos) {
        return bad();  // an IPv6 address without brackets: where would its port begin?
    }
    std::uint16_t port = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc{} || rest != end) return bad();
    config.http.bind_host = host.empty() ? "0.0.0.0" : host;
    config.http.bind_port = port;
    return {};
}

std::string show_bind(const Config& config) {
    const auto& host = config.http.bind_host;
    const auto text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return quote(text + ":" + std::to_string(config.http.bind_port));
}

Result<std::string> read_database(const Value& value) {
    if (value.node.IsScalar() && value.node.Scalar().empty()) return std::string();
    static constexpr std::string_view kSchemes[] = {"postgres", "postgresql"};
    return read_url(value, kSchemes);
}

Result<std::string> read_directory(const Value& value) {
    AC_TRY(auto text, read_text(value));
    if (text.empty()) return fail_at(value, "must name a folder");
    return text;
}

void add_own_keys(std::vector<Key>& keys) {
    keys.push_back(url_key(
        "ws_url", {"ws", "wss", "http", "https"}, [](auto& c) -> auto& { return c.livekit.ws_url; }
    ));
    keys.push_back(text_key(
        "api_key", [](auto& c) -> auto& { return c.livekit.api_key; }
    ));
    keys.push_back(secret_key(
        "api_secret", [](auto& c) -> auto& { return c.livekit.api_secret; }
    ));
    keys.push_back(secret_key(
        "token", [](auto& c) -> auto& { return c.token; }
    ));
    keys.push_back({"http.bind", Shape::Scalar, read_bind, show_bind, {}});
    keys.push_back(url_key(
        "http.public_url", {"http", "https"}, [](auto& c) -> auto& { return c.http.public_url; }
    ));
    keys.push_back(list_key(
        "http.tokens", [](auto& c) -> auto& { return c.http.tokens; }, read_tokens, show_tokens
    ));
    keys.push_back(bool_key(
        "http.forward", [](auto& c) -> auto& { return c.http.forward; }
    ));
    keys.push_back(bool_key(
        "http.open_probes", [](auto& c) -> auto& { return c.http.open_probes; }
    ));
    keys.push_back(key(
        "data_dir",
        [](auto& c) -> auto& { return c.data_dir; },
        read_directory,
        [](const std::string& text) { return quote(text); }
    ));
    keys.push_back(key(
        "database",
        [](auto& c) -> auto& { return c.database; },
        read_database,
        [](const std::string& url) { return quote(url.empty() ? url : net::redact_url(url)); }
    ));
    keys.push_back(text_key(
        "secrets_key_file", [](auto& c) -> auto& { return c.secrets_key_file; }
    ));
    keys.push_back(duration_key(
        "journal_keep", [](auto& c) -> auto& { return c.journal_keep; }
    ));
    keys.push_back(duration_key(
        "journal_upload", [](auto& c) -> auto& { return c.journal_upload; }
    ));
    keys.push_back(text_key(
        "journal_storage", [](auto& c) -> auto& { return c.journal_storage; }
    ));
    keys.push_back(duration_key(
        "rejoin_window", [](auto& c) -> auto& { return c.rejoin_window; }
    ));
    keys.push_back(number_key(
        "audio.channels", 1, 2, [](auto& c) -> auto& { return c.audio.channels; }
    ));
    keys.push_back(number_key(
        "audio.bitrate", 8, 512, [](auto& c) -> auto& { return c.audio.bitrate_kbps; }
    ));
    keys.push_back(list_key(
        "auto_record",
        [](auto& c) -> auto& { return c.auto_record; },
        read_auto_record,
        show_auto_record
    ));
    keys.push_back(list_key(
        "webhooks", [](auto& c) -> auto& { return c.webhooks; }, read_webhooks, show_webhooks
    ));
    const auto read_urls = [](const Value& value) { return read_choice(value, kRecordingUrls); };
    keys.push_back(key(
        "recording_urls",
        [](auto& c) -> auto& { return c.recording_urls; },
        read_urls,
        [](RecordingUrls urls) { return name_of(urls, kRecordingUrls); }
    ));
    keys.push_back(list_key(
        "network.allow",
        [](auto& c) -> auto& { return c.network_allow; },
        read_network_allow,
        show_texts
    ));
    keys.push_back(key(
        "network.ice_transport",
        [](auto& c) -> auto& { return c.ice_transport; },
        [](const Value& value) { return read_choice(value, kIceTransports); },
        [](IceTransport use) { return name_of(use, kIceTransports); }
    ));
}

void add_service_keys(std::vector<Key>& keys) {
    keys.push_back(duration_key(
        "session_limits.file_output_max_duration",
        [](auto& c) -> auto& { return c.session_limits.file_output_max_duration; }
    ));
    keys.push_back(duration_key(
        "session_limits.segment_output_max_duration",
        [](auto& c) -> auto& { return c.session_limits.segment_output_max_duration; }
    ));
    keys.push_back(duration_key(
        "session_limits.stream_output_max_duration",
        [](auto& c) -> auto& { return c.session_limits.stream_output_max_duration; }
    ));
    keys.push_back(number_key(
        "session_limits.file_output_max_size",
        0,
        std::numeric_limits<std::int64_t>::max(),
        [](auto& c) -> auto& { return c.session_limits.file_output_max_size_bytes; }
    ));
    keys.push_back(ignored("session_limits.image_output_max_duration", Shape::Scalar, kNoOutput));
    keys.push_back(number_key(
        "health_port", 0, 65535, [](auto& c) -> auto& { return c.health_port; }
    ));
    keys.push_back(number_key(
        "prometheus_port", 0, 65535, [](auto& c) -> auto& { return c.prometheus_port; }
    ));
}

/// What livekit/egress knows and this build does not do.
void add_ignored_keys(std::vector<Key>& keys) {
    const auto add = [&](std::string_view why, std::initializer_list<std::string_view> paths) {
        for (const auto path : paths) keys.push_back(ignored(path, Shape::Subtree, why));
    };
    add(kNoOutput, {"max_upload_queue"});
    add(kNoChrome,
        {"template_port",
         "template_base",
         "enable_chrome_sandbox",
         "chrome_flags",
         "insecure",
         "cpu_cost.max_pulse_clients",
         "pulse_sink_reap_grace_sec"});
    add(kNoGstreamer,
        {"latency",
         "latency_overrides",
         "enable_one_shot_sender_report_sync",
         "enable_sync_engine",
         "audio_tempo_controller",
         "video_encoder_threads"});
    add(kNoDebug, {"debug", "debug_handler_port", "test_overrides"});
    add(kNotYet,
        {"backup_after",
         "s3_assume_role_key",
         "s3_assume_role_secret",
         "s3_assume_role_arn",
         "s3_assume_role_external_id",
         "tavus",
         "airtable"});
}

std::vector<Key> make_keys() {
    std::vector<Key> keys;
    add_own_keys(keys);
    add_storage_keys(keys);
    add_service_keys(keys);
    add_logging_keys(keys);
    add_capacity_keys(keys);
    add_redis_keys(keys);
    add_ignored_keys(keys);
    add_former_keys(keys);
    return keys;
}

}  // namespace

const std::vector<Key>& all_keys() {
    static const std::vector<Key> keys = make_keys();
    return keys;
}

const Key* find_key(std::string_view path) {
    for (const auto& key : all_keys()) {
        if (key.path == path) return &key;
        const bool below = path.size() > key.path.size() && path.starts_with(key.path) &&
                           path[key.path.size()] == '.';
        if (below && key.shape == Shape::Subtree) return &key;
    }
    return nullptr;
}

bool is_section(std::string_view path) {
    return std::any_of(all_keys().begin(), all_keys().end(), [&](const Key& key) {
        return key.path.size() > path.size() && key.path.starts_with(path) &&
               key.path[path.size()] == '.';
    });
}

}  // namespace aircheck::app
