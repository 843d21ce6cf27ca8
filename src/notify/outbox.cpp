#include "notify/outbox.hpp"

#include "core/foreign_text.hpp"
#include "core/log.hpp"
#include "core/log_limit.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "notify/courier.hpp"
#include "notify/envelope.hpp"
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
constexpr Nanoseconds kAfterFailure = 5s;  // Of the database.
constexpr Nanoseconds kPruneEvery = std::chrono::hours(1);
constexpr Nanoseconds kKeepDelivered = std::chrono::hours(24 * 7);

/// What a configured receiver answers is shown to its owner; what a request's URL answers is not:
/// it might be somebody else's.
Answer answer_of(const Result<net::HttpResponse>& response, bool configured) {
    Answer answer;
    if (!response) {
        answer.error = response.error().to_string();
        // What may be reached is configuration.
        const bool is_refused = response.error().code == net::HttpErrc::AddressRefused;
        if (is_refused) answer.prospect = Prospect::Hopeless;
        return answer;
    }
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
          courier(
              records,
              {envelopes.options().worker,
               std::max(envelopes.options().max_in_flight, 1U),
               // A lease ends only when its process is gone.
               envelopes.options().timeout + 45s}
          ),
          pool("notify", std::max(envelopes.options().max_in_flight, 1U)) {}
    ~Impl() { stop(); }

    void start();
    void stop();
    void wake();
    void run();
    /// Sends what is due; returns how long there is nothing to do.
    Nanoseconds send_due();
    Answer send(const records::Delivery& delivery);
    void prune_sometimes(WallTime now);
    /// The database's clock, which several workers share, as of the last look at it.
    [[nodiscard]] WallTime shared_now() const { return wall_now() + Nanoseconds(ahead); }

    records::Store& store;
    const Envelopes envelopes;
    net::HttpClient client;
    Courier courier;

    std::mutex mutex;  // Over the two below.
    std::condition_variable changed;
    bool stopping = false;
    bool woken = false;

    std::atomic<Nanoseconds::rep> ahead = 0;  ///< The database's clock, of ours.
    WallTime pruned_at;                       // Of the thread below, as is the next one.
    log::LineLimit unreadable{std::chrono::minutes(1)};
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
    if (const auto settled = courier.settle_rest(); !settled) {
        log::error("outbox.unwritable", {{"error", settled.error().to_string()}});
    }
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
    if (!courier.has_room()) return kLongestSleep;  // The first that is done wakes us.
    const auto now = store.now();
    const auto due = now ? courier.take(*now) : tl::unexpected(now.error());
    if (!due) {
        if (const auto more = unreadable.pass(monotonic_now())) {
            log::error(
                "outbox.unreadable", {{"error", due.error().to_string()}, {"more_failures", *more}}
            );
        }
        return kAfterFailure;
    }
    ahead = (*now - wall_now()).count();
    for (const records::Delivery& delivery : *due) {
        pool.run([this, delivery] {
            const Answer answer = send(delivery);
            courier.settle(delivery, answer, shared_now());
            wake();  // The next one of its line may go.
        });
    }
    if (!due->empty()) return kShortestSleep;
    const auto next = store.next_delivery_at();
    if (!next || !*next) return next ? kLongestSleep : kShortestSleep;
    return std::clamp(**next - shared_now(), kShortestSleep, kLongestSleep);
}

Answer Outbox::Impl::send(const records::Delivery& delivery) {
    auto letter = envelopes.letter(delivery, wall_now());
    Answer answer;
    if (!letter) {
        // Another worker may be configured to send it, or this one after its next start.
        answer.prospect = Prospect::NotAlone;
        answer.error = letter.error().to_string();
        return answer;
    }
    return answer_of(client.send(letter->request), letter->configured);
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
    const Courier::Counters now = impl_->courier.counters();
    return {now.sent, now.failed, now.dead, now.in_flight};
}

}  // namespace aircheck::notify
