#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "notify/retry.hpp"
#include "records/store.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

/// Private to notify: the outbox without its sockets, threads and clocks.
namespace aircheck::notify {

/// What a try came to, in words for `deliveries list`.
struct Answer {
    int http_status = 0;  ///< 0: none came.
    std::string retry_after;
    std::string error;
    Prospect prospect = Prospect::ByStatus;
};

/// Takes from the store what is to be sent now, and puts there what came of it.
///
/// Several workers on one database each have one: a delivery is with one of them at a time. A
/// receiver gets at most half of `at_once`, and only one request at a time while it gives no
/// answer or asks for a pause: it holds up no other. What could not be put on record, since the
/// database was away, is put there before anything else is taken, so that what was delivered is not
/// sent again. A receiver that fails is told in the log at the first failure and once a minute, a
/// dead letter once. Thread-safe; take() and settle() block (SQL) and read no clock.
class Courier {
public:
    struct Options {
        std::string worker;
        unsigned at_once = 8;
        Nanoseconds lease = 60s;  ///< Longer than any request takes.
    };
    struct Counters {
        std::uint64_t sent = 0;    ///< Answered with 2xx.
        std::uint64_t failed = 0;  ///< Tries that were not.
        std::uint64_t dead = 0;    ///< Given up.
        std::uint64_t in_flight = 0;
    };

    Courier(records::Store& store, Options options) : store_(store), options_(std::move(options)) {}

    /// What is to be sent now; give each to settle() when that is done. `now` is Store::now().
    [[nodiscard]] Result<std::vector<records::Delivery>> take(WallTime now);
    void settle(const records::Delivery& delivery, const Answer& answer, WallTime now);
    /// Tries once more to put on record what could not be.
    [[nodiscard]] Result<> settle_rest();
    [[nodiscard]] Counters counters() const;
    /// False: take() gives nothing before something was settled.
    [[nodiscard]] bool has_room() const;

private:
    struct Line {
        unsigned in_flight = 0;
        std::uint64_t failures = 0;  ///< In a row.
        bool is_silent = false;      ///< No answer came, or it asked for a pause.
        WallTime told_at;
        std::uint64_t untold = 0;
    };
    /// What is to be put on record: delivered, or the failed try.
    struct Outcome {
        records::Store::FailedTry result;
        bool is_delivered = false;
    };

    [[nodiscard]] records::Store::ClaimTerms terms(WallTime now) const;
    [[nodiscard]] Result<> put_on_record(const Outcome& outcome);
    void keep(Outcome outcome);
    void delivered(const records::Delivery& delivery);
    void failed(
        const records::Delivery& delivery, const records::Store::FailedTry& result, WallTime now
    );

    records::Store& store_;
    const Options options_;

    mutable std::mutex mutex_;           ///< Over all below.
    std::map<std::string, Line> lines_;  ///< By receiver: under way there, or failing.
    std::vector<Outcome> unrecorded_;    ///< At most `at_once`: while there is one, none is taken.
    Counters counters_;
};

}  // namespace aircheck::notify
