#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "notify/formats.hpp"
#include "notify/receiver.hpp"
#include "records/store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::notify {

/// Tells receivers of egress events: at least once, in order for one receiver and egress, for 72
/// hours.
///
/// prepare() makes the rows; give them to Store::update_recording() together with the state they
/// announce (one transaction), then call wake(). Or enqueue(), which stores them alone. A thread of
/// its own claims what is due and sends it on a pool: at most `max_in_flight` at a time, one of
/// each receiver and egress. The next one of a pair goes out as soon as the one before it is done.
/// What retries and when: notify/retry.hpp; who gets how many at a time: notify/courier.hpp.
/// Several processes on one database share its outbox; one that dies gives its deliveries up after
/// `timeout` and 45 s. Threads: every function may be called from any thread;
/// enqueue() blocks (SQL). The destructor waits for the requests under way (at most `timeout`);
/// what is pending stays in the store. A delivery never holds a configured receiver's URL and
/// headers: they are looked up by its name when sending; a request's URL it holds sealed.
class Outbox {
public:
    struct Options {
        /// Of the configuration: the global ones, and those of rules (`only_when_named`). Rules may
        /// name a URL that another rule or the global list has too.
        std::vector<Receiver> receivers;
        std::map<std::string, std::string> api_keys;  ///< Name → secret.
        std::string default_key;  ///< Signs where a receiver names none; "": the first of api_keys.
        Bytes secrets_key;        ///< 32 bytes; seals request receivers' URLs.
        std::string worker = "aircheck";  ///< Names this process among those of one database.
        unsigned max_in_flight = 8;
        std::chrono::milliseconds timeout{15'000};  ///< Of one request.
        std::string ca_file;                        ///< Extra trust anchors, PEM.
        /// What URLs that came in requests may reach besides public addresses: `network.allow`, as
        /// net::HttpRequest::allow has it.
        std::vector<std::string> allow;
    };
    enum class Origin { OwnJob, BusJob };
    struct Counters {
        std::uint64_t sent = 0;    ///< Answered with 2xx.
        std::uint64_t failed = 0;  ///< Tries that were not.
        std::uint64_t dead = 0;    ///< Given up.
        std::uint64_t in_flight = 0;
    };

    /// Errors: a receiver names an API key that does not exist, two global receivers have the same
    /// URL, a URL is none, secrets_key has another length (Errc::InvalidArgument, naming the
    /// setting).
    [[nodiscard]] static Result<std::unique_ptr<Outbox>> create(
        records::Store& store, Options options
    );
    ~Outbox();

    /// The rows that announce `event`, one for each receiver that wants it: the global ones and
    /// `named`, the recording's own. Of these, a rule's (`only_when_named`) are looked up among the
    /// configured ones; a URL that the global list has too gets one delivery, as the rule says. All
    /// others are the request's `webhooks[]`: one that names an unknown key, or whose URL is none,
    /// gets nothing and is logged. The event's id and time must be set.
    [[nodiscard]] Result<std::vector<records::Delivery>> prepare(
        const livekit::WebhookEvent& event,
        const EventFacts& facts,
        const std::vector<Receiver>& named,
        Origin origin = Origin::OwnJob
    ) const;
    /// prepare(), store, wake().
    [[nodiscard]] Result<> enqueue(
        const livekit::WebhookEvent& event,
        const EventFacts& facts,
        const std::vector<Receiver>& named,
        Origin origin = Origin::OwnJob
    );

    /// Starts sending. Before that, what is stored waits.
    void start();
    /// Looks for due deliveries now. Call it after storing some.
    void wake();
    /// Stops claiming and waits for what is in flight. The destructor does the same.
    void stop();

    [[nodiscard]] Counters counters() const;

private:
    struct Impl;
    explicit Outbox(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::notify
