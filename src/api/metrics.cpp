#include "api/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

namespace aircheck::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric value_of(MetricType type, double value, std::vector<ClientMetric::Label> labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    return metric;
}

class Families {
public:
    /// One sample; samples of one family follow each other.
    void add(
        MetricType type,
        const std::string& name,
        const std::string& help,
        double value,
        std::vector<ClientMetric::Label> labels = {}
    ) {
        if (all.empty() || all.back().name != name) {
            MetricFamily family;
            family.name = name;
            family.help = help;
            family.type = type;
            all.push_back(std::move(family));
        }
        all.back().metric.push_back(value_of(type, value, std::move(labels)));
    }
    void counter(const std::string& name, const std::string& help, std::uint64_t value) {
        add(MetricType::Counter, name, help, static_cast<double>(value));
    }

    std::vector<MetricFamily> all;
};

void add_recorder(Families& families, const MetricsInput& input) {
    const auto& counters = input.service.counters;
    families.add(
        MetricType::Gauge,
        "aircheck_recordings_active",
        "Recordings that run in this process.",
        static_cast<double>(input.service.active)
    );
    families.counter(
        "aircheck_packets_received_total",
        "RTP packets of recorded tracks.",
        counters.packets_received
    );
    families.counter(
        "aircheck_packets_lost_total",
        "Packets given up: never came, or too late.",
        counters.packets_lost
    );
    families.counter(
        "aircheck_packets_late_total",
        "Packets that came after their place was mixed.",
        counters.packets_late
    );
    families.counter(
        "aircheck_samples_concealed_total",
        "Samples (48 kHz) made up for losses.",
        counters.samples_concealed
    );
    families.counter(
        "aircheck_bytes_written_total",
        "Bytes of journals and outputs in the spool.",
        counters.bytes_written
    );
    families.counter(
        "aircheck_bytes_uploaded_total",
        "Bytes of outputs that stores have taken.",
        counters.bytes_uploaded
    );
    families.add(
        MetricType::Counter,
        "aircheck_media_cpu_seconds_total",
        "CPU time of the media threads.",
        counters.media_cpu_seconds
    );
    families.add(
        MetricType::Gauge,
        "aircheck_longest_stall_seconds",
        "How late a media thread looked after its recordings, at worst, since the start.",
        counters.longest_stall_seconds
    );
    families.add(
        MetricType::Gauge,
        "aircheck_cpu_seconds_per_recorded_minute",
        "CPU time of the media threads by minute of media recorded, since the start.",
        counters.recorded_seconds > 0
            ? counters.media_cpu_seconds / (counters.recorded_seconds / 60.0)
            : 0
    );
}

/// How full this machine is; livekit/egress's own names, for its dashboards and autoscalers.
void add_admission(Families& families, const MetricsInput& input) {
    families.counter(
        "aircheck_recordings_refused_total",
        "Starts refused for want of room, or while shutting down.",
        input.service.refused
    );
    if (!input.service.admission) return;
    const control::Admission::Status& now = *input.service.admission;
    const auto gauge = [&](const char* name, const char* help, double value) {
        families.add(MetricType::Gauge, name, help, value);
    };
    gauge("aircheck_load", "How full this worker is: 0 idle, 1 refusing.", now.load);
    gauge(
        "aircheck_recordings_slots_free",
        "Mixed recordings that would fit, by what they cost now.",
        static_cast<double>(now.slots_free)
    );
    gauge("aircheck_cores_used", "Cores measured in use, and expected soon.", now.cores_used);
    gauge("aircheck_cores_limit", "Cores that recordings may use.", now.cores_limit);
    gauge(
        "aircheck_cores_per_recording",
        "What a mixed recording is expected to cost.",
        now.cores_a_recording
    );
    gauge(
        "aircheck_memory_used_bytes",
        "Memory measured in use, and expected soon.",
        static_cast<double>(now.memory_used_bytes)
    );
    gauge(
        "aircheck_memory_limit_bytes",
        "Memory that this process may use; 0: no limit.",
        static_cast<double>(now.memory_limit_bytes)
    );
    const bool takes = now.load < 1 && !input.service.is_shutting_down;
    const auto node = [&](const char* name, const char* help, double value) {
        families.add(MetricType::Gauge, name, help, value, {{"node_id", input.worker}});
    };
    node("livekit_egress_available", "1: another recording would be taken.", takes ? 1 : 0);
    node("livekit_egress_can_accept_request", "As livekit_egress_available.", takes ? 1 : 0);
    node(
        "livekit_egress_is_terminating", "1: shutting down.", input.service.is_shutting_down ? 1 : 0
    );
    families.add(
        MetricType::Gauge,
        "livekit_node_cpu_load",
        "Share of the cores that is in use.",
        now.cores > 0 ? now.cores_used / now.cores : 0,
        {{"node_id", input.worker}, {"node_type", "EGRESS"}}
    );
    for (const auto& [type, load] :
         {std::pair("cpu", now.cpu_load), std::pair("memory", now.memory_load)}) {
        families.add(
            MetricType::Gauge,
            "livekit_load_ratio",
            "Used, by what may be used.",
            load,
            {{"node_id", input.worker}, {"type", type}}
        );
    }
}

}  // namespace

std::string to_prometheus(const MetricsInput& input) {
    Families families;
    for (const auto& [status, count] : input.recordings) {
        families.add(
            MetricType::Gauge,
            "aircheck_recordings",
            "Recordings on record, by status.",
            static_cast<double>(count),
            {{"status", std::string(records::to_string(status))}}
        );
    }
    add_recorder(families, input);
    add_admission(families, input);
    for (const auto& [stage, sum] : input.service.stages) {
        families.add(
            MetricType::Counter,
            "aircheck_join_stage_seconds_sum",
            "Time spent in stages of joining.",
            sum.seconds,
            {{"stage", stage}}
        );
    }
    for (const auto& [stage, sum] : input.service.stages) {
        families.add(
            MetricType::Counter,
            "aircheck_join_stage_seconds_count",
            "How often a stage was passed.",
            static_cast<double>(sum.count),
            {{"stage", stage}}
        );
    }
    for (const auto& [state, count] : input.deliveries) {
        families.add(
            MetricType::Gauge,
            "aircheck_deliveries",
            "Webhook deliveries, by state.",
            static_cast<double>(count),
            {{"state", std::string(records::to_string(state))}}
        );
    }
    families.counter(
        "aircheck_webhooks_sent_total", "Deliveries answered with 2xx.", input.outbox.sent
    );
    families.counter("aircheck_webhooks_failed_total", "Tries that failed.", input.outbox.failed);
    families.counter("aircheck_webhooks_dead_total", "Deliveries given up.", input.outbox.dead);
    families.counter(
        "aircheck_webhooks_refused_total",
        "Webhooks that came without a good signature.",
        input.webhooks_refused
    );
    return prometheus::TextSerializer().Serialize(families.all);
}

}  // namespace aircheck::api
