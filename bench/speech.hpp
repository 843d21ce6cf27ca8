#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "sim/publisher.hpp"
#include "sim/room.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aircheck::bench {

/// Two callers who talk without end, at the same time, in two voices of espeak-ng: more work for
/// the codecs than people who let each other finish. The WAV files are made in `folder` when they
/// are not there.
[[nodiscard]] Result<std::vector<sim::Caller>> make_speakers(const std::string& folder);

/// A packet as it leaves the SFU: RTP, and when.
struct SentPacket {
    Nanoseconds at{0};
    Bytes bytes;
};
/// What `caller` sends in `length`, on a perfect network.
[[nodiscard]] std::vector<SentPacket> packets_of(
    const sim::Caller& caller, Nanoseconds length, std::uint64_t seed
);
/// The Opus packets in them.
[[nodiscard]] std::vector<Bytes> payloads_of(const std::vector<SentPacket>& packets);

}  // namespace aircheck::bench
