#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <string>
#include <vector>

namespace aircheck::bench {

enum class Work {
    Mix,          ///< Two speakers to AAC in MP4.
    Passthrough,  ///< One speaker's Opus to OGG.
};

/// What one process of recordings used while all of them ran.
struct RoomCost {
    std::size_t recordings = 0;
    double cpu = 0;        ///< Seconds for a recorded minute of one recording: the best window.
    double cpu_mean = 0;   ///< Over all windows.
    double media_cpu = 0;  ///< Of cpu_mean: the recording threads' part.
    double sim_cpu = 0;    ///< The room server's, for a minute of one room; not part of the above.
    double private_dirty_kib = 0;  ///< Of the process.
    double machine_idle = 0;       ///< Of all cores, 0 to 1: none left means that figures are high.
    double heard = 0;              ///< Packets that came, of those that were due: 0 to 1. Less
                                   ///< than 1: what was recorded cost less than it should have.
    double packets_lost = 0;       ///< Of all packets, 0 to 1.
};

/// `recordings` rooms played by a process of its own, recorded by another one over WebRTC on
/// loopback for `length`, in windows of ten seconds.
[[nodiscard]] Result<RoomCost> measure_rooms(
    Work work, std::size_t recordings, Nanoseconds length, const std::string& folder
);

/// How quickly recordings begin and end, over several.
struct Latency {
    double first_packet_median = 0;  ///< Seconds from request to the first packet kept.
    double first_packet_worst = 0;
    double complete_median = 0;  ///< Seconds from the end's decision to the complete object.
    double complete_worst = 0;
};
/// `s3_endpoint`: "": a local folder.
[[nodiscard]] Result<Latency> measure_latency(
    const std::string& folder, const std::string& s3_endpoint
);

// What the processes do that the above start: the words after the program's name.
[[nodiscard]] Result<> play_rooms(const std::vector<std::string>& words);
[[nodiscard]] Result<> record_rooms(const std::vector<std::string>& words);

}  // namespace aircheck::bench
