#include "notify/courier.hpp"

#include "core/log.hpp"

#include <algorithm>

namespace aircheck::notify {
namespace {

constexpr Nanoseconds kTellEvery = std::chrono::minutes(1);
/// Receivers that fail and are remembered; beyond, one more gets requests as if it did not.
constexpr std::size_t kMostFailing = 1000;

bool is_silent(const Answer& answer) {
    return answer.http_status == 0 || answer.http_status == 429 || answer.http_status == 503;
}

}  // namespace

records::Store::ClaimTerms Courier::terms(WallTime now) const {
    records::Store::ClaimTerms terms;
    terms.now = now;
    terms.worker = options_.worker;
    terms.lease = options_.lease;
    terms.limit = static_cast<int>(options_.at_once - counters_.in_flight);
    terms.per_receiver = static_cast<int>(std::max(options_.at_once / 2, 1U));
    for (const auto& [receiver, line] : lines_) {
        const int most = line.is_silent ? 1 : terms.per_receiver;
        terms.room.emplace(receiver, most - static_cast<int>(line.in_flight));
    }
    return terms;
}

bool Courier::has_room() const {
    const std::lock_guard lock(mutex_);
    return counters_.in_flight < options_.at_once;
}

Result<std::vector<records::Delivery>> Courier::take(WallTime now) {
    AC_CHECK_OK(settle_rest());
    records::Store::ClaimTerms wanted;
    {
        const std::lock_guard lock(mutex_);
        wanted = terms(now);
    }
    if (wanted.limit <= 0) return std::vector<records::Delivery>();
    AC_TRY(auto taken, store_.claim_deliveries(wanted));
    const std::lock_guard lock(mutex_);
    counters_.in_flight += taken.size();
    for (const records::Delivery& delivery : taken) ++lines_[delivery.receiver].in_flight;
    return taken;
}

void Courier::settle(const records::Delivery& delivery, const Answer& answer, WallTime now) {
    Attempt attempt;
    attempt.number = delivery.attempts + 1;
    attempt.http_status = answer.http_status;
    attempt.prospect = answer.prospect;
    attempt.retry_after = answer.retry_after;
    attempt.first_due = delivery.first_due;
    attempt.now = now;
    const Verdict verdict = judge(attempt);
    Outcome outcome;
    outcome.is_delivered = verdict.kind == Verdict::Kind::Delivered;
    outcome.result = {
        delivery.delivery_id,
        options_.worker,
        delivery.leased_until,
        answer.http_status,
        answer.error,
        now,
        {}};
    if (verdict.kind == Verdict::Kind::Retry) outcome.result.next_try = verdict.next_try;
    if (const auto recorded = put_on_record(outcome); !recorded) {
        log::error("outbox.unwritable", {{"error", recorded.error().to_string()}});
        keep(outcome);
    }
    const std::lock_guard lock(mutex_);
    Line& line = lines_[delivery.receiver];
    --line.in_flight;
    --counters_.in_flight;
    line.is_silent = !outcome.is_delivered && is_silent(answer);
    if (outcome.is_delivered)
        delivered(delivery);
    else
        failed(delivery, outcome.result, now);
    const bool is_forgotten = line.failures == 0 || lines_.size() > kMostFailing;
    if (line.in_flight == 0 && is_forgotten) lines_.erase(delivery.receiver);
}

Result<> Courier::put_on_record(const Outcome& outcome) {
    const records::Store::FailedTry& result = outcome.result;
    return outcome.is_delivered
               ? store_.mark_delivered(result.delivery_id, result.http_status, result.at)
               : store_.mark_failed(result);
}

void Courier::keep(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    unrecorded_.push_back(std::move(outcome));
}

Result<> Courier::settle_rest() {
    std::vector<Outcome> rest;
    {
        const std::lock_guard lock(mutex_);
        rest.swap(unrecorded_);
    }
    Result<> all;
    for (const Outcome& outcome : rest) {
        const auto recorded = put_on_record(outcome);
        // Not there any more: nothing is left to be told of it.
        if (recorded || recorded.error().code == Errc::NotFound) continue;
        keep(outcome);
        all = recorded;
    }
    return all;
}

void Courier::delivered(const records::Delivery& delivery) {
    ++counters_.sent;
    log::debug(
        "webhook.delivered",
        {{"egress", delivery.egress_id}, {"event", delivery.event}, {"to", delivery.url}}
    );
    Line& line = lines_[delivery.receiver];
    if (line.failures > 0) {
        log::info(
            "webhook.receiver_is_back", {{"to", delivery.url}, {"failed_tries", line.failures}}
        );
    }
    line.failures = line.untold = 0;
}

void Courier::failed(
    const records::Delivery& delivery, const records::Store::FailedTry& result, WallTime now
) {
    ++counters_.failed;
    const bool is_dead = !result.next_try;
    if (is_dead) ++counters_.dead;
    Line& line = lines_[delivery.receiver];
    const bool is_told = is_dead || line.failures == 0 || now - line.told_at >= kTellEvery;
    ++line.failures;
    if (!is_told) {
        ++line.untold;
        return;
    }
    log::write(
        is_dead ? log::Level::Error : log::Level::Warn,
        is_dead ? "webhook.dead" : "webhook.failed",
        {{"egress", delivery.egress_id},
         {"event", delivery.event},
         {"delivery", delivery.delivery_id},
         {"to", delivery.url},
         {"tries", delivery.attempts + 1},
         {"error", result.error},
         {"more_failures", line.untold}}
    );
    line.untold = 0;
    if (!is_dead) line.told_at = now;
}

Courier::Counters Courier::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

}  // namespace aircheck::notify
