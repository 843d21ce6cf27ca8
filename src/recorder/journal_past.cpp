#include "recorder/journal_past.hpp"

#include "journal/reader.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace aircheck::recorder {
namespace {

constexpr std::string_view kClock = "clock";

/// Puts one record into what is known so far.
class PastBuilder {
public:
    explicit PastBuilder(JournalPast& past) : past_(past) {}

    void take(const journal::Record& record) {
        at_ = record.at;
        past_.end = std::max(past_.end, record.at);
        std::visit([this](const auto& body) { note(body); }, record.body);
    }

private:
    void note(const journal::RtpPacket& packet) {
        if (!past_.first_packet) past_.first_packet = at_;
        if (auto* track = find(packet.track)) ++track->packets;
    }
    void note(const journal::ParticipantJoined& joined) {
        for (auto& known : past_.participants) {
            if (known.who.sid != joined.sid) continue;
            known.who = joined;
            known.left.reset();
            return;
        }
        past_.participants.push_back({joined, at_, {}});
    }
    void note(const journal::ParticipantLeft& gone) {
        for (auto& known : past_.participants) {
            if (known.who.sid == gone.sid) known.left = at_;
        }
    }
    void note(const journal::TrackStart& start) {
        past_.next_track = std::max<journal::TrackIndex>(past_.next_track, start.track + 1);
        past_.tracks.push_back({start, 0, false});
    }
    void note(const journal::TrackEnd& end) {
        if (auto* track = find(end.track)) track->is_over = true;
    }
    void note(const journal::TrackMute& mute) {
        if (auto* track = find(mute.track)) track->start.muted = true;
    }
    void note(const journal::TrackUnmute& unmute) {
        if (auto* track = find(unmute.track)) track->start.muted = false;
    }
    void note(const journal::Gap& gap) { past_.gaps.push_back(gap); }
    void note(const journal::RoomEvent& event) {
        if (event.name == kClock) past_.clock = event.detail;
    }
    void note(const journal::RtcpPacket&) {}
    void note(const journal::Pause&) {}
    void note(const journal::Resume&) {}
    void note(const journal::Tick&) {}
    void note(const journal::End&) {}

    JournalPast::Track* find(journal::TrackIndex index) {
        const auto it =
            std::find_if(past_.tracks.rbegin(), past_.tracks.rend(), [index](const auto& track) {
                return track.start.track == index;
            });
        return it == past_.tracks.rend() ? nullptr : &*it;
    }

    JournalPast& past_;
    Nanoseconds at_{0};
};

}  // namespace

Result<JournalPast> read_journal_past(const std::string& folder) {
    AC_TRY(auto reader, journal::Reader::open(folder));
    JournalPast past;
    past.header = reader.header();
    past.last_segment = reader.last_segment();
    PastBuilder builder(past);
    while (true) {
        AC_TRY(const auto record, reader.next());
        if (!record) return past;
        builder.take(*record);
    }
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return id;
}

journal::RoomEvent clock_event(const std::string& boot_id, Instant origin) {
    const auto nanoseconds = origin.time_since_epoch().count();
    return {std::string(kClock), boot_id + " " + std::to_string(nanoseconds)};
}

Instant origin_of(
    const JournalPast& past, const std::string& boot_id, Instant now, WallTime wall_now
) {
    const std::string prefix = boot_id + " ";
    if (!boot_id.empty() && past.clock.starts_with(prefix)) {
        std::int64_t nanoseconds = 0;
        const char* end = past.clock.data() + past.clock.size();
        const auto read = std::from_chars(past.clock.data() + prefix.size(), end, nanoseconds);
        const Instant origin{Nanoseconds(nanoseconds)};
        if (read.ec == std::errc() && read.ptr == end && origin + past.end <= now) return origin;
    }
    return now - std::max<Nanoseconds>(wall_now - past.header.wall_start, past.end);
}

}  // namespace aircheck::recorder
