#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// What a journal says of its recording, for a process that goes on with it.
struct JournalPast {
    struct Participant {
        journal::ParticipantJoined who;  ///< As told last.
        Nanoseconds joined{0};
        std::optional<Nanoseconds> left;
    };
    struct Track {
        journal::TrackStart start;
        std::uint64_t packets = 0;
        bool is_over = false;
    };

    journal::Header header;  ///< Of the first segment.
    std::uint32_t last_segment = 0;
    Nanoseconds end{0};  ///< Of the last record.
    std::optional<Nanoseconds> first_packet;
    std::vector<Participant> participants;  ///< In order of joining.
    std::vector<Track> tracks;              ///< In order of their indices' appearance.
    journal::TrackIndex next_track = 0;
    std::vector<journal::Gap> gaps;
    /// Which clock times were told by last: clock_event()'s.
    std::string clock;
};

/// Reads a folder of segments. Blocking: at the speed of the disk. Errors: the reader's.
[[nodiscard]] Result<JournalPast> read_journal_past(const std::string& folder);

/// What this machine's monotonic clock is called until it is started anew.
[[nodiscard]] std::string boot_id();

/// A journal's note that times from here on are `monotonic` since `origin`, on the boot `boot_id`.
[[nodiscard]] journal::RoomEvent clock_event(const std::string& boot_id, Instant origin);

/// Where zero of the journal lies on the monotonic clock: as its last note says, if this machine
/// has not been started anew since; else by the calendar, but never before the journal's end.
[[nodiscard]] Instant origin_of(
    const JournalPast& past, const std::string& boot_id, Instant now, WallTime wall_now
);

}  // namespace aircheck::recorder
