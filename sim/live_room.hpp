#pragma once

#include "core/time.hpp"
#include "sim/publisher.hpp"
#include "sim/room.hpp"
#include "sim/server.hpp"
#include "sim/subscriber.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace livekit {
class ParticipantInfo;
class Room;
}  // namespace livekit

namespace aircheck::sim {

/// A room that goes on: its callers come, speak, mute and leave by the room's time; subscribers
/// hear them.
class LiveRoom final : public Publisher::Output {
public:
    LiveRoom(Room room, std::uint64_t seed, ServerStats& stats, Instant now);

    /// Somebody new; one of the same identity is thrown out (DUPLICATE_IDENTITY).
    void join(std::unique_ptr<Subscriber> subscriber);
    /// True when the session of `sid` lives and took the socket.
    bool resume(const std::string& sid, std::shared_ptr<net::ServerWebSocket> socket);
    void tick(Instant now);
    /// A LeaveRequest to everybody; the room is over.
    void close(int reason);
    bool remove(const std::string& identity);
    void drop_signal();
    void set_media(Server::Media media);
    void send_leave(int reason, int action);

    [[nodiscard]] bool is_over() const { return over_; }
    [[nodiscard]] bool has_subscribers() const { return !subscribers_.empty(); }
    [[nodiscard]] const LinkQuality& link() const { return config_.link; }
    void describe(livekit::Room& room) const;
    /// The callers that are here, as everybody sees them.
    [[nodiscard]] std::vector<livekit::ParticipantInfo> participants() const;

    void publish(BytesView packet) override;

private:
    struct Member {
        Publisher publisher;
        std::string sid, track_sid;
        Publisher::Presence presence = Publisher::Presence::Away;
        bool muted = false;
        std::uint32_t version = 1;
        Nanoseconds next_report{0};
    };

    void describe(const Member& member, livekit::ParticipantInfo& info) const;
    void update_members(Nanoseconds room_time);
    void announce(const Member& member);
    void send_reports(Member& member, Nanoseconds room_time, Instant now);
    void answer_nacks(Instant now);
    void set_published(Subscriber& subscriber) const;
    [[nodiscard]] bool has_ended(Nanoseconds room_time) const;

    Room config_;
    ServerStats& stats_;
    std::string sid_;
    WallTime created_;
    std::optional<Instant> started_;
    std::vector<Member> members_;
    std::vector<std::unique_ptr<Subscriber>> subscribers_;
    Member* publishing_ = nullptr;
    Instant now_;
    Bytes scratch_;
    bool over_ = false;
};

}  // namespace aircheck::sim
