#include "app/options_of.hpp"

#include "net/crypto.hpp"
#include "net/proxy_url.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace aircheck::app {
namespace {

recorder::ParticipantKind to_recorder(ParticipantKind kind) {
    switch (kind) {
        case ParticipantKind::Standard:
            return recorder::ParticipantKind::Standard;
        case ParticipantKind::Ingress:
            return recorder::ParticipantKind::Ingress;
        case ParticipantKind::Egress:
            return recorder::ParticipantKind::Egress;
        case ParticipantKind::Sip:
            return recorder::ParticipantKind::Sip;
        case ParticipantKind::Agent:
            return recorder::ParticipantKind::Agent;
        case ParticipantKind::Connector:
            return recorder::ParticipantKind::Connector;
        case ParticipantKind::Bridge:
            return recorder::ParticipantKind::Bridge;
    }
    return recorder::ParticipantKind::Standard;
}

recorder::Container to_recorder(FileType type) {
    switch (type) {
        case FileType::Mp4:
            return recorder::Container::Mp4;
        case FileType::Ogg:
            return recorder::Container::Ogg;
        case FileType::Mp3:
            return recorder::Container::Mp3;
        case FileType::Wav:
            return recorder::Container::Wav;
        case FileType::Flac:
            return recorder::Container::Flac;
    }
    return recorder::Container::Mp4;
}

recorder::Mixing to_recorder(AudioMixing mixing) {
    switch (mixing) {
        case AudioMixing::Default:
            return recorder::Mixing::Default;
        case AudioMixing::DualChannelAgent:
            return recorder::Mixing::DualChannelAgent;
        case AudioMixing::DualChannelAlternate:
            return recorder::Mixing::DualChannelAlternate;
    }
    return recorder::Mixing::Default;
}

/// OpenSSL's own variable, honoured for every connection: a private authority's certificate.
std::string extra_trust() {
    const char* file = std::getenv("SSL_CERT_FILE");
    return file == nullptr ? "" : file;
}

std::string key_prefix(const Config& config) {
    const std::string& prefix = config.storage.prefix;
    return prefix.empty() || prefix.ends_with('/') ? prefix : prefix + '/';
}

storage::RetryPolicy retry_policy(const Config& config) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    storage::RetryPolicy retry;
    retry.max_retries = config.storage.retries.max_retries;
    retry.min_delay = duration_cast<milliseconds>(config.storage.retries.min_delay);
    retry.max_delay = duration_cast<milliseconds>(config.storage.retries.max_delay);
    return retry;
}

void set_network(storage::StoreNetwork& network, const Config& config, const ProxyConfig& proxy) {
    network.proxy = net::proxy_url(proxy.url, proxy.username, proxy.password.reveal());
    network.ca_file = extra_trust();
    network.retry = retry_policy(config);
}

storage::S3Destination s3_destination(const Config& config, const S3Config& from) {
    storage::S3Destination s3;
    s3.bucket = from.bucket;
    s3.region = from.region;
    s3.endpoint = from.endpoint;
    s3.access_key = from.access_key;
    s3.secret = from.secret.reveal();
    s3.session_token = from.session_token.reveal();
    if (from.force_path_style) s3.addressing = storage::S3Destination::Addressing::Path;
    s3.prefix = key_prefix(config);
    s3.content_disposition = from.content_disposition;
    for (const auto& [key, value] : from.metadata) s3.metadata[key] = value;
    s3.tagging = from.tagging;
    s3.assume_role_arn = from.assume_role_arn;
    s3.assume_role_external_id = from.assume_role_external_id.reveal();
    s3.sts_endpoint = from.sts_endpoint;
    s3.encryption = from.encryption;
    s3.kms_key_id = from.kms_key_id;
    s3.customer_key = from.customer_key.reveal();
    s3.storage_class = from.storage_class;
    s3.lock_mode = from.object_lock.mode;
    s3.lock_days = from.object_lock.days;
    if (from.object_lock.legal_hold) s3.legal_hold = storage::S3Destination::LegalHold::On;
    set_network(s3, config, from.proxy);
    return s3;
}

storage::AzureDestination azure_destination(const Config& config, const AzureConfig& from) {
    storage::AzureDestination azure;
    azure.account = from.account_name;
    azure.container = from.container_name;
    azure.endpoint = from.endpoint;
    azure.account_key = from.account_key.reveal();
    azure.sas_token = from.sas_token.reveal();
    azure.prefix = key_prefix(config);
    azure.content_disposition = from.content_disposition;
    for (const auto& [key, value] : from.metadata) azure.metadata[key] = value;
    set_network(azure, config, from.proxy);
    return azure;
}

storage::GcsDestination gcs_destination(const Config& config, const GcpConfig& from) {
    storage::GcsDestination gcs;
    gcs.bucket = from.bucket;
    gcs.credentials = from.credentials_json.reveal();
    gcs.endpoint = from.endpoint;
    // Google's own variable, for machines and emulators that have it elsewhere.
    if (const char* host = std::getenv("GCE_METADATA_HOST")) gcs.metadata_host = host;
    gcs.prefix = key_prefix(config);
    gcs.content_disposition = from.content_disposition;
    for (const auto& [key, value] : from.metadata) gcs.metadata[key] = value;
    set_network(gcs, config, from.proxy);
    return gcs;
}

}  // namespace

transport::IceTransport ice_transport(const Config& config) {
    return config.ice_transport == IceTransport::Relay ? transport::IceTransport::Relay
                                                       : transport::IceTransport::All;
}

recorder::RoomAccess room_access(const Config& config) {
    recorder::RoomAccess access;
    access.ws_url = config.livekit.ws_url;
    access.api_key = config.livekit.api_key;
    access.api_secret = config.livekit.api_secret.reveal();
    access.ca_file = extra_trust();
    return access;
}

storage::Destination default_destination(const Config& config) {
    if (config.storage.s3) return s3_destination(config, *config.storage.s3);
    if (config.storage.gcp) return gcs_destination(config, *config.storage.gcp);
    if (config.storage.azure) return azure_destination(config, *config.storage.azure);
    std::string root = config.storage.local_directory;
    if (root.empty()) root = config.data_dir + "/recordings";
    if (!config.storage.prefix.empty()) root += "/" + config.storage.prefix;
    return storage::LocalDestination{std::move(root)};
}

control::RecordingDefaults recording_defaults(const Config& config) {
    control::RecordingDefaults defaults;
    defaults.access = room_access(config);
    defaults.destination = default_destination(config);
    defaults.storage_prefix = key_prefix(config);
    defaults.ca_file = extra_trust();
    defaults.retry = retry_policy(config);
    defaults.local_storage_allowed = !config.disallow_local_storage;
    defaults.channels = static_cast<std::uint16_t>(config.audio.channels);
    defaults.bitrate_bps = static_cast<std::uint32_t>(config.audio.bitrate_kbps) * 1000;
    if (config.origins.contains("audio.bitrate")) {
        defaults.stereo_bitrate_bps = defaults.bitrate_bps;  // Said is said, for two channels too.
    }
    const auto limit_of = [](Nanoseconds limit) {
        return limit.count() > 0 ? std::optional(limit) : std::nullopt;
    };
    defaults.session_limit = limit_of(config.session_limits.file_output_max_duration);
    defaults.segment_session_limit = limit_of(config.session_limits.segment_output_max_duration);
    defaults.stream_session_limit = limit_of(config.session_limits.stream_output_max_duration);
    if (config.session_limits.file_output_max_size_bytes > 0) {
        defaults.max_bytes = config.session_limits.file_output_max_size_bytes;
    }
    defaults.network_allow = config.network_allow;
    return defaults;
}

std::vector<notify::Receiver> receivers(const std::vector<WebhookConfig>& webhooks) {
    std::vector<notify::Receiver> all;
    for (const WebhookConfig& webhook : webhooks) {
        notify::Receiver receiver;
        receiver.url = webhook.url;
        switch (webhook.format) {
            case WebhookFormat::LiveKit:
                receiver.format = notify::Format::LiveKit;
                break;
            case WebhookFormat::Simple:
                receiver.format = notify::Format::Simple;
                break;
            case WebhookFormat::Flat:
                receiver.format = notify::Format::Flat;
                break;
        }
        receiver.include_events = webhook.events;
        for (const auto& [name, value] : webhook.headers) receiver.headers[name] = value.reveal();
        receiver.also_for_bus = webhook.also_for_bus;
        all.push_back(std::move(receiver));
    }
    return all;
}

std::vector<notify::Receiver> rule_receivers(const AutoRecordRule& rule) {
    auto all = receivers(rule.webhooks);
    for (auto& receiver : all) receiver.only_when_named = true;
    return all;
}

std::vector<notify::Receiver> configured_receivers(const Config& config) {
    auto all = receivers(config.webhooks);
    for (const AutoRecordRule& rule : config.auto_record) {
        for (auto& receiver : rule_receivers(rule)) all.push_back(std::move(receiver));
    }
    return all;
}

std::string worker_name(const Config& config) {
    char host[256] = "localhost";
    static_cast<void>(gethostname(host, sizeof host - 1));
    std::error_code error;
    const auto place = std::filesystem::weakly_canonical(config.data_dir, error);
    return std::string(host) + ":" + (error ? config.data_dir : place.string());
}

notify::Outbox::Options outbox_options(const Config& config, const Bytes& secrets_key) {
    notify::Outbox::Options options;
    options.receivers = configured_receivers(config);
    options.api_keys = auth_options(config).api_keys;
    options.default_key = config.livekit.api_key;
    options.secrets_key = secrets_key;
    options.worker = worker_name(config);
    options.ca_file = extra_trust();
    options.allow = config.network_allow;
    return options;
}

control::RecordingLinks recording_links(const Config& config, const Bytes& secrets_key) {
    control::RecordingLinks links;
    switch (config.recording_urls) {
        case RecordingUrls::Link:
            links.urls = control::RecordingLinks::Urls::Link;
            break;
        case RecordingUrls::Location:
            links.urls = control::RecordingLinks::Urls::Location;
            break;
        case RecordingUrls::Signed:
            links.urls = control::RecordingLinks::Urls::Signed;
            break;
    }
    links.public_url = public_url(config, config.http.bind_port);
    links.secrets_key = secrets_key;
    return links;
}

std::vector<control::AutoRecordRule> auto_record_rules(const Config& config) {
    std::vector<control::AutoRecordRule> rules;
    for (const AutoRecordRule& from : config.auto_record) {
        control::AutoRecordRule rule;
        rule.rooms = from.rooms;
        rule.on = from.on == StartOn::RoomStarted ? control::AutoRecordRule::On::RoomStarted
                                                  : control::AutoRecordRule::On::ParticipantJoined;
        rule.skip_kinds.clear();
        for (const ParticipantKind kind : from.skip_kinds) {
            rule.skip_kinds.push_back(to_recorder(kind));
        }
        rule.container = to_recorder(from.file_type);
        rule.mixing = to_recorder(from.audio_mixing);
        rule.filepath = from.filepath;
        rule.writes_manifest = !from.disable_manifest;
        if (from.track_files) rule.track_files = recorder::TrackFiles{from.track_filepath};
        rule.end.last_human_left = from.end_when == EndWhen::LastHumanLeft;
        rule.end.end_grace = from.end_grace;
        if (from.max_duration.count() > 0) rule.end.max_duration = from.max_duration;
        rule.receivers = rule_receivers(from);
        rules.push_back(std::move(rule));
    }
    return rules;
}

api::AuthOptions auth_options(const Config& config) {
    api::AuthOptions options;
    if (!config.livekit.api_key.empty()) {
        options.api_keys[config.livekit.api_key] = config.livekit.api_secret.reveal();
    }
    for (const ApiToken& token : config.http.tokens) {
        api::StaticToken known;
        known.name = token.name;
        known.sha256 = token.sha256;
        for (const Scope scope : token.scopes) {
            known.may_record |= scope == Scope::Record;
            known.may_read |= scope == Scope::Read;
            known.is_admin |= scope == Scope::Admin;
        }
        options.tokens.push_back(std::move(known));
    }
    if (!config.token.empty()) {
        const std::string digest = to_hex(net::sha256(as_bytes(config.token.reveal())));
        options.tokens.push_back({"AIRCHECK_TOKEN", digest, true, true, true});
    }
    return options;
}

std::string public_url(const Config& config, std::uint16_t bound_port) {
    if (!config.http.public_url.empty()) return config.http.public_url;
    const bool v6 = config.http.bind_host.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + config.http.bind_host + "]" : config.http.bind_host;
    return "http://" + host + ":" + std::to_string(bound_port);
}

std::string database_of(const Config& config) {
    return config.database.empty() ? config.data_dir + "/aircheck.db" : config.database;
}

std::string secrets_key_file_of(const Config& config) {
    return config.secrets_key_file.empty() ? config.data_dir + "/secrets.key"
                                           : config.secrets_key_file;
}

control::Admission::Options admission_options(
    const Config& config, const control::Capacity& capacity
) {
    constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
    control::Admission::Options options;
    options.capacity = capacity;
    if (config.capacity.max_cpu_utilization > 0) {
        options.max_cpu_utilization = config.capacity.max_cpu_utilization;
    }
    options.max_memory_bytes = static_cast<std::uint64_t>(config.capacity.max_memory_gib * kGiB);
    options.max_recordings = config.capacity.max_recordings;
    return options;
}

}  // namespace aircheck::app
