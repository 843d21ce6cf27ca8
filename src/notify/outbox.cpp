#include "notify/outbox.hpp"

#include "core/foreign_text.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "notify/envelope.hpp"
#include "notify/retry.hpp"
#include "proto/livekit_webhook.pb.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace aircheck::notify {
namespace {

constexpr Nanoseconds kLongestSleep =
    30s;  // Another process may add deliveries to the same database.
constexpr Nanoseconds kShortestSleep =
    1s;  // What is due may be held back by another process's lease.
constexpr Nanoseconds kPruneEvery = std::chrono::hours(1);
constexpr Nanoseconds kKeepDelivered = std::chrono::hours(24 * 7);

/// What a try came to, in words for `deliveries list`.
struct Answer {
    int http_status = 0;
    std::string retry_after;
    std::string error;
};

/// What a configured receiver answers is shown to its owner; what a request's URL answers is not:
/// it might be somebody else's.
Answer answer_of(const Result<net::HttpResponse>& response, bool configured) {
    if (!response) return {0, {}, response.error().to_string()};
    Answer answer;
    answer.http_status = response->status;
    answer.retry_after = response->headers.get("Retry-After");
    answer.error = "answered " + std::to_string(response->status);
    const std::string words = configured ? first_words(response->body) : "";
    if (!words.empty()) answer.error += ": " + words;
    return answer;
}

}  // namespace

struct Outbox::Impl {
    Impl(records::Store& records, Envelopes made)
        : store(records),
          envelopes(std::move(made)),
          pool("notify", std::max(envelopes.options().max_in_flight, 1U)) {}
    ~Impl() { stop(); }

    void start();
    void stop();
    void wake();
    void run();
    /// Sends what is due; returns how long there is nothing to do.
    Nanoseconds send_due();
    void send(const records::Delivery& delivery);
    void finish(const records::Delivery& delivery, const Answer& answer, WallTime now);
    void give_up(const records::Delivery& delivery, const Error& error, WallTime now);
    void failed(records::Store::FailedTry result, const records::Delivery& delivery);
    void prune_sometimes(WallTime now);

    records::Store& store;
    const Envelopes envelopes;
    net::HttpClient client;

    std::mutex mutex;  // Over the four below.
    std::condition_variable changed;
    bool stopping = false;
    bool woken = false;
    unsigned in_flight = 0;

    std::atomic<std::uint64_t> sent = 0, failures = 0, dead = 0;
    WallTime pruned_at;  // Of the thread below.
    std::thread thread;
    net::Pool pool;  // Last: its jobs use all of the above.
};

void Outbox::Impl::start() {
    if (thread.joinable()) return;
    if (const auto released = store.release_leases(envelopes.options().worker); !released) {
        // They end by themselves.
        log::warn("outbox.leases_kept", {{"error", released.error().to_string()}});
    }
    thread = std::thread([this] { run(); });
}

void Outbox::Impl::stop() {
    {
        const std::lock_guard lock(mutex);
        stopping = true;
    }
    changed.notify_all();
    if (thread.joinable()) thread.join();
    pool.finish();
}

void Outbox::Impl::wake() {
    {
        const std::lock_guard lock(mutex);
        woken = true;
    }
    changed.notify_all();
}

void Outbox::Impl::run() {
    for (;;) {
        {
            const std::lock_guard lock(mutex);
            if (stopping) return;
            woken = false;
        }
        prune_sometimes(wall_now());
        const Nanoseconds idle = send_due();
        std::unique_lock lock(mutex);
        changed.wait_for(lock, idle, [this] { return stopping || woken; });
    }
}

Nanoseconds Outbox::Impl::send_due() {
    unsigned free = 0;
    {
        const std::lock_guard lock(mutex);
        free = envelopes.options().max_in_flight - in_flight;
    }
    if (free == 0) return kLongestSleep;  // The first that is done wakes us.
    const WallTime now = wall_now();
    // Longer than any request takes: a lease ends only when its process is gone.
    const Nanoseconds lease = envelopes.options().timeout + 45s;
    const auto due =
        store.claim_deliveries(now, static_cast<int>(free), envelopes.options().worker, lease);
    if (!due) {
        log::error("outbox.unreadable", {{"error", due.error().to_string()}});
        return kShortestSleep;
    }
    {
        const std::lock_guard lock(mutex);
        in_flight += static_cast<unsigned>(due->size());
    }
    for (const records::Delivery& delivery : *due) {
        pool.run([this, delivery] {
            send(delivery);
            {
                const std::lock_guard lock(mutex);
                --in_flight;
                woken = true;  // The next one of its line may go.
            }
            changed.notify_all();
        });
    }
    if (!due->empty()) return kShortestSleep;
    const auto next = store.next_delivery_at();
    if (!next || !*next) return next ? kLongestSleep : kShortestSleep;
    return std::clamp(**next - wall_now(), kShortestSleep, kLongestSleep);
}

void Outbox::Impl::send(const records::Delivery& delivery) {
    const WallTime now = wall_now();
    auto letter = envelopes.letter(delivery, now);
    if (!letter) {
        if (letter.error().code == Errc::NotFound) return give_up(delivery, letter.error(), now);
        return finish(delivery, {0, {}, letter.error().to_string()}, now);
    }
    const auto response = client.send(letter->request);
    // A repetition does not mend it: what may be reached is configuration.
    if (!response && response.error().code == net::HttpErrc::AddressRefused) {
        return give_up(delivery, response.error(), wall_now());
    }
    finish(delivery, answer_of(response, letter->configured), wall_now());
}

void Outbox::Impl::finish(const records::Delivery& delivery, const Answer& answer, WallTime now) {
    Attempt attempt;
    attempt.number = delivery.attempts + 1;
    attempt.http_status = answer.http_status;
    attempt.retry_after = answer.retry_after;
    attempt.first_due = delivery.first_due;
    attempt.now = now;
    const Verdict verdict = judge(attempt);
    if (verdict.kind == Verdict::Kind::Delivered) {
        ++sent;
        log::debug(
            "webhook.delivered",
            {{"egress", delivery.egress_id}, {"event", delivery.event}, {"to", delivery.url}}
        );
        const auto marked = store.mark_delivered(delivery.delivery_id, answer.http_status, now);
        // It goes out once more when its lease ends: at least once.
        if (!marked) log::error("outbox.unwritable", {{"error", marked.error().to_string()}});
        return;
    }
    records::Store::FailedTry result{
        delivery.delivery_id, answer.http_status, answer.error, now, {}};
    if (verdict.kind == Verdict::Kind::Retry) result.next_try = verdict.next_try;
    failed(std::move(result), delivery);
}

void Outbox::Impl::give_up(const records::Delivery& delivery, const Error& error, WallTime now) {
    failed({delivery.delivery_id, 0, error.to_string(), now, {}}, delivery);
}

void Outbox::Impl::failed(records::Store::FailedTry result, const records::Delivery& delivery) {
    ++failures;
    const bool is_dead = !result.next_try;
    if (is_dead) ++dead;
    log::write(
        is_dead ? log::Level::Error : log::Level::Warn,
        is_dead ? "webhook.dead" : "webhook.failed",
        {{"egress", delivery.egress_id},
         {"event", delivery.event},
         {"delivery", delivery.delivery_id},
         {"to", delivery.url},
         {"tries", delivery.attempts + 1},
         {"error", result.error}}
    );
    const auto marked = store.mark_failed(result);
    if (!marked) log::error("outbox.unwritable", {{"error", marked.error().to_string()}});
}

void Outbox::Impl::prune_sometimes(WallTime now) {
    if (now - pruned_at < kPruneEvery) return;
    pruned_at = now;
    const auto pruned = store.prune(now - kKeepDelivered);
    if (!pruned) log::warn("outbox.not_pruned", {{"error", pruned.error().to_string()}});
}

Outbox::Outbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Outbox::~Outbox() = default;

Result<std::unique_ptr<Outbox>> Outbox::create(records::Store& store, Options options) {
    AC_TRY(auto envelopes, Envelopes::make(std::move(options)));
    return std::unique_ptr<Outbox>(new Outbox(std::make_unique<Impl>(store, std::move(envelopes))));
}

Result<std::vector<records::Delivery>> Outbox::prepare(
    const livekit::WebhookEvent& event,
    const EventFacts& facts,
    const std::vector<Receiver>& named,
    Origin origin
) const {
    return impl_->envelopes.rows(event, facts, named, origin);
}

Result<> Outbox::enqueue(
    const livekit::WebhookEvent& event,
    const EventFacts& facts,
    const std::vector<Receiver>& named,
    Origin origin
) {
    AC_TRY(const auto deliveries, prepare(event, facts, named, origin));
    AC_CHECK_OK(impl_->store.add_deliveries(deliveries));
    wake();
    return {};
}

void Outbox::start() { impl_->start(); }
void Outbox::wake() { impl_->wake(); }
void Outbox::stop() { impl_->stop(); }

Outbox::Counters Outbox::counters() const {
    Counters counters;
    counters.sent = impl_->sent;
    counters.failed = impl_->failures;
    counters.dead = impl_->dead;
    const std::lock_guard lock(impl_->mutex);
    counters.in_flight = impl_->in_flight;
    return counters;
}

}  // namespace aircheck::notify
