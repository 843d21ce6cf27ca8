#pragma once

#include "core/result.hpp"
#include "net/socket.hpp"
#include "sim/room.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace aircheck::net {
class Loop;
}

namespace aircheck::sim {

struct ServerOptions {
    net::Endpoint bind{"127.0.0.1", 0};  ///< Signal; media sockets are bound to the same address.
    std::string api_key = "devkey";
    std::string api_secret = "secret";
    bool ice_lite = false;
    std::string srtp_profiles;  ///< OpenSSL's names; empty: all.
};

/// Counted over all rooms.
struct ServerStats {
    std::uint64_t joins = 0, resumes = 0;
    std::uint64_t media_packets = 0;  ///< Published, whatever became of them.
    std::uint64_t sent_packets =
        0;  ///< Handed to sockets: RTP, with retransmissions and duplicates.
    std::uint64_t lost_packets = 0;     ///< By the link, on purpose.
    std::uint64_t retransmissions = 0;  ///< Asked for by NACK and still known.
    std::uint64_t nacked_too_late = 0;  ///< Asked for and not in the history of 200 packets.
    std::uint64_t receiver_reports = 0;
};

/// A small room server: LiveKit's signal protocol (v0), real ICE, DTLS and SRTP as the offering
/// side, callers played from Voices. For the demo, load and faults; never the proof of
/// interoperability.
///
/// Also answers RoomService's ListRooms, ListParticipants, DeleteRoom and RemoveParticipant over
/// Twirp. Lives on the loop's thread; all calls there.
class Server {
public:
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(
        net::Loop& loop, ServerOptions options
    );
    ~Server();

    [[nodiscard]] net::Endpoint local() const;
    /// "ws://127.0.0.1:port"
    [[nodiscard]] std::string url() const;

    /// Errors: Errc::AlreadyExists; a caller without identity. Joining a room that was not added is
    /// refused as LiveKit refuses a room that does not exist.
    [[nodiscard]] Result<> add_room(Room room);
    /// Ends the room for everybody: LeaveRequest ROOM_CLOSED.
    void close_room(std::string_view name);
    /// Called when a room has ended, by itself or by close_room(); at the end of the event that did
    /// it.
    void on_room_ended(std::function<void(const std::string& name)> handler);
    [[nodiscard]] bool has_room(std::string_view name) const;

    // Faults, for tests.
    /// Cuts the signal sockets of a room's subscribers without a word; media goes on, resuming
    /// works.
    void drop_signal(std::string_view room);
    /// From now on no packet of the room goes out or is heard, until `enabled` again.
    enum class Media : std::uint8_t { Enabled, Cut };
    void set_media(std::string_view room, Media media);
    /// Sends a LeaveRequest of this DisconnectReason (LiveKit's number) and action to all
    /// subscribers.
    void send_leave(std::string_view room, int reason, int action);

    [[nodiscard]] const ServerStats& stats() const;

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::sim
