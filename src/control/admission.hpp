#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aircheck::control {

/// What is done with a recording's sound, as far as it costs differently.
enum class Workload {
    Mixed,        ///< Decoded, mixed, encoded.
    Passthrough,  ///< One track's packets as they are.
};

/// What this process may use.
struct Capacity {
    double cores = 1;                ///< By affinity and quotas: may be a fraction.
    std::uint64_t memory_bytes = 0;  ///< 0: not known, no limit.
};

/// What this process has used.
struct Usage {
    Nanoseconds cpu{0};              ///< By all its threads, since it began.
    std::uint64_t memory_bytes = 0;  ///< Resident now.
};

/// Decides whether another recording fits beside those that run, by what recordings have cost on
/// this machine.
///
/// A recording is expected to cost as much as those before it have, on average over the last
/// minutes; before much was seen, a cautious guess weighs in. It counts with that from begin() on,
/// until it has run through a whole measurement, so that a burst is not admitted on old figures. No
/// more are admitted than fit below the limits, so that those that run keep what they need. Takes
/// the time and what was measured as arguments. On one thread.
class Admission {
public:
    struct Options {
        Capacity capacity;
        double max_cpu_utilization = 0.8;    ///< Of `capacity.cores`.
        std::uint64_t max_memory_bytes = 0;  ///< 0: nine tenths of the capacity's.
        std::size_t max_recordings = 0;      ///< 0: as many as fit.
    };
    struct Status {
        double load = 0;  ///< 0: nothing is used. 1: no mixed recording is admitted.
        std::size_t recordings = 0;
        std::size_t slots_free = 0;  ///< So many mixed ones would be admitted, by today's costs.
        double cores_used = 0;       ///< Measured, and expected of those that have just begun.
        double cores_limit = 0;
        double cores = 0;
        double cores_a_recording = 0;  ///< A mixed one.
        double cpu_load = 0;           ///< Used, by limit.
        double memory_load = 0;
        std::uint64_t memory_used_bytes = 0;
        std::uint64_t memory_limit_bytes = 0;  ///< 0: none.
    };

    explicit Admission(Options options);

    /// To be called every few seconds; what comes sooner than a second after another is passed
    /// over.
    void measure(const Usage& usage, Instant now);
    /// Why one more does not fit, for its caller; empty: it does.
    [[nodiscard]] std::optional<std::string> refusal(Workload workload) const;
    /// It was admitted, and counts from now on. An id that counts already stays as it is.
    void begin(const std::string& egress_id, Workload workload, Instant now);
    /// It records no more: what it still costs (its upload) is in what is measured.
    void end(const std::string& egress_id, Instant now);
    [[nodiscard]] Status status() const;

private:
    struct Running {
        double weight = 1;  ///< Its cost in mixed recordings.
        Instant since;
    };
    struct Window {
        Instant from;
        Instant to;
        double cpu_seconds = 0;
    };
    struct Cores {
        double used = 0;
        double each = 0;  ///< A mixed recording's.
    };
    struct Memory {
        double used = 0;
        double each = 0;
    };

    [[nodiscard]] Cores cores() const;
    [[nodiscard]] Memory memory() const;
    [[nodiscard]] double cores_limit() const;
    [[nodiscard]] double memory_limit() const;
    [[nodiscard]] double weights() const;
    void learn_cores(const Window& window);
    void learn_memory(std::uint64_t resident_bytes);

    Options options_;
    std::map<std::string, Running> running_;
    double ended_seconds_ = 0;  ///< Weighted, of those that ended in the window under way.
    std::deque<Window> windows_;
    std::optional<Instant> measured_at_;
    Nanoseconds cpu_at_measurement_{0};
    double learned_cpu_seconds_ = 0;  ///< Both fade with time.
    double learned_recording_seconds_ = 0;
    std::optional<double> memory_at_rest_;
    double memory_resident_ = 0;
    double most_weight_ = 0;
    double memory_each_ = 0;
};

/// What a worker with room for a job bids for it on the bus: from 0.98 (it is idle) down to 0.5,
/// the less the fuller it is. Workers that are about as full share jobs by chance (their names and
/// the job's decide), or a burst, for which all bid before any has begun, would go to one of them.
[[nodiscard]] float bid_of(double load, std::string_view worker, std::string_view job);

}  // namespace aircheck::control
