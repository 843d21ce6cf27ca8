#pragma once

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "recorder/job.hpp"

#include <functional>
#include <string>
#include <vector>

namespace livekit {
class ListRoomsResponse;
class ListParticipantsResponse;
}  // namespace livekit

namespace google::protobuf {
class Message;
}

namespace aircheck::control {

/// livekit-server's RoomService over Twirp (livekit-wire 6.2), blocking: for a pool's thread.
/// Errors name the server and what it said; PermissionDenied for a wrong key, Unavailable when it
/// cannot be reached.
class RoomService {
public:
    RoomService(recorder::RoomAccess access, net::HttpClient& http);

    /// All rooms, or those of `names`.
    [[nodiscard]] Result<livekit::ListRoomsResponse> list_rooms(
        const std::vector<std::string>& names = {}
    ) const;
    [[nodiscard]] Result<livekit::ListParticipantsResponse> list_participants(
        const std::string& room
    ) const;
    /// Errors: NotFound when nobody of that identity is in the room.
    [[nodiscard]] Result<> set_participant_metadata(
        const std::string& room, const std::string& identity, const std::string& metadata
    ) const;
    [[nodiscard]] const recorder::RoomAccess& access() const { return access_; }

private:
    [[nodiscard]] Result<> call(
        const std::string& method,
        const std::string& room,
        const google::protobuf::Message& request,
        google::protobuf::Message& response
    ) const;

    recorder::RoomAccess access_;
    net::HttpClient* http_;
};

}  // namespace aircheck::control
