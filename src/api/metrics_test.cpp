#include "api/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

MetricsInput busy_worker() {
    MetricsInput input;
    input.worker = "WK_1";
    input.service.active = 3;
    input.service.refused = 2;
    control::Admission::Status now;
    now.load = 0.75;
    now.slots_free = 40;
    now.cores = 2;
    now.cores_used = 1.2;
    now.cores_limit = 1.6;
    now.cpu_load = 0.75;
    now.memory_load = 0.25;
    input.service.admission = now;
    return input;
}

TEST(Metrics, SayHowFullAWorkerIs) {
    EXPECT_THAT(
        to_prometheus(busy_worker()),
        AllOf(
            HasSubstr("\n# TYPE aircheck_load gauge\naircheck_load 0.75\n"),
            HasSubstr("\naircheck_recordings_slots_free 40\n"),
            HasSubstr("\naircheck_recordings_refused_total 2\n"),
            HasSubstr("\nlivekit_egress_available{node_id=\"WK_1\"} 1\n"),
            HasSubstr("\nlivekit_egress_can_accept_request{node_id=\"WK_1\"} 1\n"),
            HasSubstr("\nlivekit_egress_is_terminating{node_id=\"WK_1\"} 0\n"),
            HasSubstr("livekit_node_cpu_load{node_id=\"WK_1\",node_type=\"EGRESS\"} 0.6\n"),
            HasSubstr("\nlivekit_load_ratio{node_id=\"WK_1\",type=\"cpu\"} 0.75\n"),
            HasSubstr("\nlivekit_load_ratio{node_id=\"WK_1\",type=\"memory\"} 0.25\n")
        )
    );
}

TEST(Metrics, SayHowLateAMediaThreadWas) {
    MetricsInput input = busy_worker();
    input.service.counters.longest_stall_seconds = 0.125;
    EXPECT_THAT(
        to_prometheus(input),
        HasSubstr(
            "\n# TYPE aircheck_longest_stall_seconds gauge\naircheck_longest_stall_seconds 0.125\n"
        )
    );
}

TEST(Metrics, AFullOrLeavingWorkerIsNotAvailable) {
    MetricsInput full = busy_worker();
    full.service.admission->load = 1;
    EXPECT_THAT(to_prometheus(full), HasSubstr("\nlivekit_egress_available{node_id=\"WK_1\"} 0\n"));
    MetricsInput leaving = busy_worker();
    leaving.service.is_shutting_down = true;
    const std::string text = to_prometheus(leaving);
    EXPECT_THAT(text, HasSubstr("\nlivekit_egress_available{node_id=\"WK_1\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("\nlivekit_egress_is_terminating{node_id=\"WK_1\"} 1\n"));
}

TEST(Metrics, WithoutAdmissionNothingIsSaidOfLoad) {
    EXPECT_THAT(to_prometheus({}), Not(HasSubstr("aircheck_load")));
}

}  // namespace
}  // namespace aircheck::api
