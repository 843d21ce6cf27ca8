#include "control/bus_reporter.hpp"

#include "core/log.hpp"
#include "proto/livekit_egress.pb.h"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

constexpr Nanoseconds kFirstPause = 250ms;
constexpr Nanoseconds kLongestPause = 60s;
/// livekit-server sends a webhook for an update even when it cannot store it: what it refuses is
/// not repeated for ever.
constexpr int kMostRefusals = 10;

/// Nobody answered, as opposed to an answer that is an error.
bool is_silence(const RpcError& error) {
    return error.code == "deadline_exceeded" || error.code == "unavailable";
}

}  // namespace

bool is_over(const livekit::EgressInfo& info) {
    return info.status() >= livekit::EgressStatus::EGRESS_COMPLETE;
}

struct BusReporter::Job {
    std::optional<livekit::EgressInfo> creating;
    std::function<void()> on_created;
    std::optional<livekit::EgressInfo> waiting;
    std::optional<livekit::EgressInfo> sending;
    Nanoseconds pause = kFirstPause;
    BusClock::TimerId retry = 0;
    int refusals = 0;
    bool is_calling = false;
};

BusReporter::BusReporter(PsrpcClient& io, BusClock& clock, Options options)
    : io_(io), clock_(clock), options_(options) {}

BusReporter::~BusReporter() {
    for (const auto& [id, job] : jobs_) clock_.cancel(job->retry);
}

void BusReporter::on_finished(std::function<void(const std::string& egress_id)> handler) {
    on_finished_ = std::move(handler);
}

void BusReporter::create(const livekit::EgressInfo& info, std::function<void()> on_taken) {
    auto& job = jobs_[info.egress_id()];
    if (!job) job = std::make_unique<Job>();
    job->creating = info;
    job->on_created = std::move(on_taken);
    advance(info.egress_id());
}

void BusReporter::update(const livekit::EgressInfo& info) {
    auto& job = jobs_[info.egress_id()];
    if (!job) job = std::make_unique<Job>();
    const auto is_last = [](const auto& state) { return state && is_over(*state); };
    if ((is_last(job->waiting) || is_last(job->sending)) && !is_over(info)) return;
    job->waiting = info;
    advance(info.egress_id());
}

void BusReporter::advance(const std::string& egress_id) {
    const auto it = jobs_.find(egress_id);
    if (it == jobs_.end()) return;
    Job& job = *it->second;
    if (job.is_calling || job.retry != 0) return;
    if (job.creating) return send_create(egress_id, job);
    if (job.waiting) return send_update(egress_id, job);
    jobs_.erase(it);
}

void BusReporter::send_create(const std::string& egress_id, Job& job) {
    job.is_calling = true;
    ++counters_.calls;
    io_.call(
        "CreateEgress",
        job.creating->SerializeAsString(),
        {options_.create_timeout, options_.selection_timeout},
        [this, alive = std::weak_ptr<bool>(alive_), egress_id](const RpcAnswer<std::string>& answer
        ) {
            if (alive.expired()) return;
            Job& now = *jobs_.at(egress_id);
            if (!is_settled(egress_id, now, answer)) return;
            now.creating.reset();
            const auto on_created = std::exchange(now.on_created, nullptr);
            advance(egress_id);
            if (on_created) on_created();
        }
    );
}

void BusReporter::send_update(const std::string& egress_id, Job& job) {
    job.is_calling = true;
    job.sending = std::exchange(job.waiting, std::nullopt);
    ++counters_.calls;
    io_.call(
        "UpdateEgress",
        job.sending->SerializeAsString(),
        {options_.update_timeout, options_.selection_timeout},
        [this, alive = std::weak_ptr<bool>(alive_), egress_id](const RpcAnswer<std::string>& answer
        ) {
            if (alive.expired()) return;
            Job& now = *jobs_.at(egress_id);
            auto sent = std::exchange(now.sending, std::nullopt);
            // What was not taken waits again, unless something newer does.
            const bool is_last = is_over(*sent);
            if (!is_settled(egress_id, now, answer)) {
                if (!now.waiting) now.waiting = std::move(sent);
                return;
            }
            log::debug(
                "bus.reported",
                {{"egress", egress_id}, {"status", livekit::EgressStatus_Name(sent->status())}}
            );
            const bool is_finished = is_last && !now.waiting;
            advance(egress_id);
            if (is_finished && on_finished_) on_finished_(egress_id);
        }
    );
}

bool BusReporter::is_settled(
    const std::string& egress_id, Job& job, const RpcAnswer<std::string>& answer
) {
    job.is_calling = false;
    if (answer) {
        if (failing_since_) log::info("bus.reports_taken_again");
        failing_since_.reset();
        job.pause = kFirstPause;
        job.refusals = 0;
        return true;
    }
    const RpcError& error = answer.error();
    const bool is_refusal = !is_silence(error);
    if (!failing_since_ || is_refusal) {
        log::warn(
            "bus.report_not_taken",
            {{"egress", egress_id}, {"code", error.code}, {"error", error.message}}
        );
    }
    if (!is_refusal && !failing_since_) failing_since_ = clock_.now();
    if (is_refusal && ++job.refusals > kMostRefusals) {
        log::error("bus.report_given_up", {{"egress", egress_id}, {"error", error.message}});
        ++counters_.given_up;
        job.refusals = 0;
        return true;
    }
    ++counters_.retries;
    job.retry = clock_.after(job.pause, [this, egress_id] {
        jobs_.at(egress_id)->retry = 0;
        advance(egress_id);
    });
    job.pause = std::min(job.pause * 2, kLongestPause);
    return false;
}

void BusReporter::hurry() {
    std::vector<std::string> waiting;
    for (const auto& [id, job] : jobs_) {
        if (job->retry == 0) continue;
        clock_.cancel(std::exchange(job->retry, 0));
        job->pause = kFirstPause;
        waiting.push_back(id);
    }
    for (const std::string& id : waiting) advance(id);
}

}  // namespace aircheck::control
