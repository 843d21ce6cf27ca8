#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "sim/room.hpp"

#include <map>
#include <optional>
#include <random>

namespace aircheck::sim {

/// Loses, delays, reorders and duplicates packets on a seed. Sans-I/O; a perfect link hands
/// everything on at once without copying.
class Link {
public:
    enum class Kind : std::uint8_t { Rtp, Rtcp };
    class Output {
    public:
        virtual ~Output() = default;
        virtual void deliver(Kind kind, BytesView packet) = 0;
    };

    Link(const LinkQuality& quality, std::uint64_t extra_seed);

    /// Takes a packet; `output` gets it now, later by run(), twice, or never.
    void push(Kind kind, BytesView packet, Instant now, Output& output);
    void run(Instant now, Output& output);
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

private:
    struct Waiting {
        Kind kind;
        Bytes packet;
    };
    [[nodiscard]] double dice() { return std::uniform_real_distribution<>(0, 1)(random_); }

    LinkQuality quality_;
    std::mt19937_64 random_;
    std::multimap<Instant, Waiting> waiting_;
    Instant last_due_;
    std::uint64_t lost_ = 0;
};

}  // namespace aircheck::sim
