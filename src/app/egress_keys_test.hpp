#pragma once

#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// Every key of livekit/egress's configuration as its README and chart have it, and what becomes of
/// it here.
namespace aircheck::app::egress_keys {

/// key | config.yaml | the option that it ends up in, as options() shows it
inline constexpr std::string_view kHonoured = R"(
api_key | {api_key: AK, api_secret: s} | AK
api_secret | {api_key: k, api_secret: SK} | SK
ws_url | ws_url: wss://lk.example | wss://lk.example
redis.address | redis: {address: 'r:6380'} | r:6380
redis.username | redis: {address: 'r:1', username: u} | u
redis.password | redis: {address: 'r:1', password: p} | p
redis.db | redis: {address: 'r:1', db: 3} | 3
redis.use_tls | redis: {address: 'r:1', use_tls: true} | true
redis.tls.enabled | redis: {address: 'r:1', tls: {enabled: true}} | true
redis.tls.insecure | redis: {address: 'r:1', tls: {enabled: true, insecure: true}} | true
redis.tls.server_name | redis: {address: 'r:1', tls: {enabled: true, server_name: r.example}} | r.example
redis.tls.ca_cert_file | redis: {address: 'r:1', tls: {enabled: true, ca_cert_file: /ca}} | /ca
redis.tls.client_cert_file | redis: {address: 'r:1', tls: {enabled: true, client_cert_file: /c, client_key_file: /k}} | /c
redis.tls.client_key_file | redis: {address: 'r:1', tls: {enabled: true, client_cert_file: /c, client_key_file: /k}} | /k
redis.sentinel_master_name | redis: {sentinel_addresses: ['a:1'], sentinel_master_name: m} | m
redis.sentinel_username | redis: {sentinel_addresses: ['a:1'], sentinel_master_name: m, sentinel_username: su} | su
redis.sentinel_password | redis: {sentinel_addresses: ['a:1'], sentinel_master_name: m, sentinel_password: sp} | sp
redis.sentinel_addresses | redis: {sentinel_addresses: ['a:1', 'b:2'], sentinel_master_name: m} | a:1 b:2
redis.cluster_addresses | redis: {cluster_addresses: ['a:1', 'b:2']} | a:1 b:2
redis.dial_timeout | redis: {address: 'r:1', dial_timeout: 901} | 901ms
redis.read_timeout | redis: {address: 'r:1', read_timeout: 902} | 902ms
redis.write_timeout | redis: {address: 'r:1', write_timeout: 903} | 903ms
redis.max_redirects | redis: {address: 'r:1', max_redirects: 7} | 7
cluster_id | cluster_id: eu | eu
io_create_timeout | io_create_timeout: 4s | 4000ms
io_update_timeout | io_update_timeout: 6s | 6000ms
io_selection_timeout | io_selection_timeout: 2s | 2000ms
health_port | health_port: 8080 | 8080
prometheus_port | prometheus_port: 9090 | 9090
logging.level | logging: {level: WARN} | warn
logging.json | logging: {json: true} | true
session_limits.file_output_max_duration | session_limits: {file_output_max_duration: 1h} | 3600000ms
session_limits.segment_output_max_duration | session_limits: {segment_output_max_duration: 3h} | 10800000ms
session_limits.stream_output_max_duration | session_limits: {stream_output_max_duration: 90m} | 5400000ms
session_limits.file_output_max_size | session_limits: {file_output_max_size: 1048576} | 1048576
disallow_local_storage | disallow_local_storage: true | true
cpu_cost.max_cpu_utilization | cpu_cost: {max_cpu_utilization: 0.65} | 0.65
cpu_cost.max_memory | cpu_cost: {max_memory: 0.5} | 536870912
storage.prefix | storage: {prefix: calls} | calls/
storage.generate_presigned_url | storage: {generate_presigned_url: true} | true
storage.s3.access_key | storage: {s3: {bucket: b, access_key: AK, secret: s}} | AK
storage.s3.secret | storage: {s3: {bucket: b, access_key: k, secret: SK}} | SK
storage.s3.session_token | storage: {s3: {bucket: b, access_key: k, secret: s, session_token: t}} | t
storage.s3.region | storage: {s3: {bucket: b, access_key: k, secret: s, region: eu-north-1}} | eu-north-1
storage.s3.endpoint | storage: {s3: {bucket: b, access_key: k, secret: s, endpoint: 'https://m:9000'}} | https://m:9000
storage.s3.bucket | storage: {s3: {bucket: calls, access_key: k, secret: s}} | calls
storage.s3.force_path_style | storage: {s3: {bucket: b, access_key: k, secret: s, force_path_style: true}} | true
storage.s3.metadata | storage: {s3: {bucket: b, access_key: k, secret: s, metadata: {team: crm}}} | team=crm
storage.s3.tagging | storage: {s3: {bucket: b, access_key: k, secret: s, tagging: a=1}} | a=1
storage.s3.content_disposition | storage: {s3: {bucket: b, access_key: k, secret: s, content_disposition: attachment}} | attachment
storage.s3.proxy_config.url | storage: {s3: {bucket: b, access_key: k, secret: s, proxy_config: {url: 'http://p:3128'}}} | http://p:3128
storage.s3.proxy_config.username | storage: {s3: {bucket: b, access_key: k, secret: s, proxy_config: {url: 'http://p:3128', username: u}}} | http://u:@p:3128
storage.s3.proxy_config.password | storage: {s3: {bucket: b, access_key: k, secret: s, proxy_config: {url: 'http://p:3128', username: u, password: w}}} | http://u:w@p:3128
storage.s3.max_retries | storage: {s3: {max_retries: 3}} | 3
storage.s3.max_retry_delay | storage: {s3: {max_retry_delay: 7s}} | 7000ms
storage.s3.min_retry_delay | storage: {s3: {min_retry_delay: 500ms}} | 500ms
storage.gcp.bucket | storage: {gcp: {bucket: calls}} | calls
storage.gcp.credentials_json | storage: {gcp: {bucket: calls, credentials_json: '{"type": "x"}'}} | {"type": "x"}
storage.gcp.proxy_config | storage: {gcp: {bucket: calls, proxy_config: {url: 'http://p:3128', username: u, password: w}}} | http://u:w@p:3128
storage.azure.account_name | storage: {azure: {account_name: ours, account_key: a2V5, container_name: con}} | ours
storage.azure.account_key | storage: {azure: {account_name: ours, account_key: a2V5, container_name: con}} | a2V5
storage.azure.container_name | storage: {azure: {account_name: ours, account_key: a2V5, container_name: con}} | con
storage.s3.assume_role_arn | storage: {s3: {bucket: b, access_key: k, secret: s, assume_role_arn: 'arn:a'}} | arn:a
storage.s3.assume_role_external_id | storage: {s3: {bucket: b, access_key: k, secret: s, assume_role_arn: 'arn:a', assume_role_external_id: e}} | e
s3 | s3: {bucket: calls, access_key: k, secret: s} | calls
gcp | gcp: {bucket: calls} | calls
azure | azure: {account_name: ours, account_key: a2V5, container_name: con} | con
)";

/// key | its value | words of the warning
inline constexpr std::string_view kWarned = R"(
redis.pool_size | 10 | one connection
redis.pool_timeout | 5s | one connection
io_workers | 5 | told on its own
debug_handler_port | 6060 | journal
logging.component_levels | {gst: debug} | logging.level is for every component
logging.sample | true | no line is sampled
logging.sample_initial | 20 | no line is sampled
logging.sample_interval | 250 | no line is sampled
logging.item_sample_seconds | 1 | no line is sampled
logging.item_sample_initial | 10 | no line is sampled
logging.item_sample_interval | 10 | no line is sampled
log_level | info | it is logging.level
session_limits.image_output_max_duration | 1h | no images
max_upload_queue | 60 | no images
s3_assume_role_key | k | not in this build yet
s3_assume_role_secret | s | not in this build yet
s3_assume_role_arn | arn:aws:iam::1:role/x | not in this build yet
s3_assume_role_external_id | e | not in this build yet
backup | {s3: {bucket: second}} | waits in data_dir
backup_storage | /mnt/backup | waits in data_dir
storage.s3.aws_log_level | LogDebug | failed requests are logged
cpu_cost.room_composite_cpu_cost | 3.0 | measured
cpu_cost.audio_room_composite_cpu_cost | 1.0 | measured
cpu_cost.sdk_audio_room_composite_cpu_cost | 0.5 | measured
cpu_cost.web_cpu_cost | 3.0 | measured
cpu_cost.audio_web_cpu_cost | 1 | measured
cpu_cost.participant_cpu_cost | 2 | measured
cpu_cost.track_composite_cpu_cost | 2.0 | measured
cpu_cost.track_cpu_cost | 1.0 | measured
cpu_cost.memory_cost | 1 | measured
cpu_cost.sdk_audio_room_composite_memory_cost | 1.0 | measured
cpu_cost.memory_source | cgroup | measured
cpu_cost.memory_kill_grace_sec | 3 | measured
cpu_cost.cpu_kill_grace_sec | 30 | measured
cpu_cost.max_pulse_clients | 60 | no browser
template_port | 7980 | no browser
template_base | http://localhost:7980/ | no browser
enable_chrome_sandbox | true | no browser
chrome_flags | {disable-gpu: true} | no browser
insecure | true | no browser
pulse_sink_reap_grace_sec | -1 | no browser
latency.jitter_buffer_latency | 2s | GStreamer
latency.audio_mixer_latency | 2.75s | GStreamer
latency.pipeline_latency | 3s | GStreamer
latency.old_packet_threshold | 2.2s | GStreamer
latency.rtpmaxallowedtsdiff | 5s | GStreamer
latency.rtpmaxdriftadjustment | 5ms | GStreamer
latency.rtpdriftadjustmentwindowpercent | 0.5 | GStreamer
latency_overrides | {participant: {pipeline_latency: 4s}} | GStreamer
audio_tempo_controller.enabled | true | GStreamer
audio_tempo_controller.adjustment_rate | 0.1 | GStreamer
enable_one_shot_sender_report_sync | true | GStreamer
enable_sync_engine | true | GStreamer
video_encoder_threads | 2 | GStreamer
debug.enable_profiling | true | journal
debug.enable_track_logging | true | journal
debug.enable_stream_logging | true | journal
debug.enable_chrome_logging | true | journal
debug.prefix | dots | journal
debug.generate_presigned_url | true | journal
debug.s3 | {bucket: dots} | journal
debug.azure | {container_name: dots} | journal
debug.gcp | {bucket: dots} | journal
debug.alioss | {bucket: dots} | journal
test_overrides | {failure_injection_room: x} | journal
local_directory | /out | older livekit/egress
template_address | https://t.example | older livekit/egress
enable_room_composite_sdk_source | true | older livekit/egress
cpu_cost.max_concurrent_web | 18 | older livekit/egress
)";

/// key | config.yaml | words of the refusal
inline constexpr std::string_view kRefused = R"(
storage.alioss.access_key | storage: {alioss: {access_key: k}} | storage.alioss is not in this build yet
storage.alioss.secret | storage: {alioss: {secret: s}} | storage.alioss is not in this build yet
storage.alioss.endpoint | storage: {alioss: {endpoint: e}} | storage.alioss is not in this build yet
storage.alioss.bucket | storage: {alioss: {bucket: b}} | storage.alioss is not in this build yet
alioss | alioss: {bucket: b} | storage.alioss is not in this build yet
)";

struct Row {
    std::string key, given, expected;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.key; }
};

inline std::vector<Row> rows_of(std::string_view table) {
    std::vector<Row> rows;
    std::istringstream lines{std::string(table)};
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find(" | ");
        if (first == std::string::npos) continue;
        const auto last = line.rfind(" | ");
        rows.push_back(
            {line.substr(0, first), line.substr(first + 3, last - first - 3), line.substr(last + 3)}
        );
    }
    return rows;
}

}  // namespace aircheck::app::egress_keys
