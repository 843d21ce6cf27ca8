#pragma once

#include "core/time.hpp"
#include "sim/voice.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::sim {

/// Times below count from the room's start (Room::starts).
struct Span {
    Nanoseconds from{0};
    Nanoseconds to{0};
};

/// Plays `voice` from `at` on, until the next utterance begins.
struct Utterance {
    Nanoseconds at{0};  ///< Counted from the caller's start, by the caller's clock.
    std::shared_ptr<const Voice> voice;
};

enum class CallerKind : std::uint8_t { Standard, Sip, Agent };

/// A participant who publishes one microphone track.
struct Caller {
    std::string identity;
    std::string name;
    CallerKind kind = CallerKind::Standard;
    std::map<std::string, std::string> attributes;
    std::vector<Utterance> utterances;  ///< In order, all of one codec; silence before the first.
    Nanoseconds start{0};               ///< Joins and publishes.
    std::optional<Nanoseconds> stop;    ///< Leaves.
    std::vector<Span> muted;            ///< As LiveKit does: a second of silence, then nothing.
    double drift_ppm = 0;               ///< Positive: its sound card is fast.
    bool stereo = false;                ///< Says so in TrackInfo; its voices decide.
    bool encrypted = false;             ///< Says so; the payload is clear all the same.
};

/// What happens to packets between the room and each subscriber; each subscriber has its own dice.
struct LinkQuality {
    double loss = 0;       ///< Probability a packet, RTCP and retransmissions included.
    double duplicate = 0;  ///< Probability.
    double reorder = 0;    ///< Probability of coming 25 to 60 ms later than its neighbours.
    Nanoseconds delay{0};
    Nanoseconds jitter{0};  ///< Added uniformly, order kept.
    std::uint64_t seed = 1;
};

struct Room {
    /// When the room's time begins: once a subscriber can hear (nothing is missed), or when added.
    enum class Starts : std::uint8_t { WhenHeard, AtOnce };

    std::string name;
    std::string metadata;
    std::vector<Caller> callers;
    LinkQuality link;
    Starts starts = Starts::WhenHeard;
    /// Closes (ROOM_CLOSED) at this time; absent: `closes_after` the last caller's stop, if all
    /// have one.
    std::optional<Nanoseconds> duration;
    Nanoseconds closes_after{500ms};
};

}  // namespace aircheck::sim
