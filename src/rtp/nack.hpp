#pragma once

#include "core/time.hpp"
#include "rtp/sequence_number.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace aircheck::rtp {

/// Finds the packets of one SSRC that are missing and says when to ask for each.
///
/// A number is asked for `first_after` after the gap was seen (reordered packets come by
/// themselves), then every `retry_after`, at most `max_tries` times: livekit-server resends a
/// packet at most three times and ignores a request that comes within 100 ms of the last one. When
/// more than `max_missing` are open the oldest are given up; a gap wider than that is a restart or
/// an outage, not a loss to repair, and clears the list. Lives on the recording's thread. Never
/// fails, reads no clock. Source: RFC 4585 §6.2.1 (what is asked), livekit-server's sequencer
/// (when).
class NackGenerator {
public:
    /// Packets; a step back further than this is a restarted sender, whose numbers are followed.
    static constexpr int kMaxMisorder = 1000;

    struct Limits {
        std::chrono::milliseconds first_after{20};
        std::chrono::milliseconds retry_after{110};
        unsigned max_tries = 3;
        std::size_t max_missing = 200;  ///< What the server keeps of an audio track.
    };
    struct Counters {
        std::uint64_t missing = 0;    ///< Sequence numbers that were put on the list.
        std::uint64_t requests = 0;   ///< Sequence numbers asked for, each try counted.
        std::uint64_t recovered = 0;  ///< Came after they were asked for.
        std::uint64_t reordered = 0;  ///< Came before they were asked for.
        std::uint64_t abandoned = 0;  ///< Given up after the last try or for want of room.
    };

    NackGenerator() : NackGenerator(Limits{}) {}
    explicit NackGenerator(Limits limits);

    /// Notes a packet of the media SSRC, or the original number of a retransmitted one.
    void on_packet(SequenceNumber number, Instant arrival);

    /// Appends to `out`, in sequence order, what is to be asked for at `now`, and counts the try.
    void collect(Instant now, std::vector<SequenceNumber>& out);

    /// Whether anything is missing that collect() may still ask for.
    [[nodiscard]] bool has_missing() const { return !missing_.empty(); }

    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Missing {
        std::int64_t number = 0;
        Instant due;
        unsigned tries = 0;
    };

    void add_gap(std::int64_t first, std::int64_t last, Instant arrival);
    void arrived(std::int64_t number);

    Limits limits_;
    Counters counters_;
    SequenceUnwrapper unwrapper_;
    std::optional<std::int64_t> highest_;
    std::vector<Missing> missing_;  ///< In sequence order; at most `max_missing`.
};

}  // namespace aircheck::rtp
