#include "control/room_service.hpp"

#include "net/jwt.hpp"
#include "net/url.hpp"
#include "proto/livekit_room.pb.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace aircheck::control {
namespace {

/// A token for RoomService calls: lists rooms, and administers `room` (to list its participants).
std::string room_token(const recorder::RoomAccess& access, const std::string& room) {
    nlohmann::json video{{"roomList", true}};
    if (!room.empty()) {
        video["roomAdmin"] = true;
        video["room"] = room;
    }
    const auto now = unix_nanoseconds(wall_now()) / 1'000'000'000;
    const nlohmann::json claims{
        {"iss", access.api_key}, {"nbf", now}, {"iat", now}, {"exp", now + 600}, {"video", video}};
    return net::sign_jwt(
        claims.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), access.api_secret
    );
}

}  // namespace

RoomService::RoomService(recorder::RoomAccess access, net::HttpClient& http)
    : access_(std::move(access)), http_(&http) {}

Result<> RoomService::call(
    const std::string& method,
    const std::string& room,
    const google::protobuf::Message& request,
    google::protobuf::Message& response
) const {
    AC_TRY(const auto parsed, net::Url::parse(access_.ws_url));
    net::Url url = parsed.as_http();
    while (url.path.ends_with('/')) url.path.pop_back();
    url.path += "/twirp/livekit.RoomService/" + method;
    net::HttpRequest call;
    call.method = "POST";
    call.url = url.to_string();
    call.headers.set("Content-Type", "application/protobuf");
    call.headers.set("Authorization", "Bearer " + room_token(access_, room));
    call.body = request.SerializeAsString();
    call.timeout = std::chrono::seconds(10);
    call.ca_file = access_.ca_file;
    const std::string what = "LiveKit " + method + " at " + url.host_header();
    const Instant asked = monotonic_now();
    auto answer = http_->send(call);
    char after[32];
    std::snprintf(
        after, sizeof after, " failed after %.1f s: ", to_seconds(monotonic_now() - asked)
    );
    if (!answer) return tl::unexpected(in_context(what, answer.error()));
    if (answer->status == 401 || answer->status == 403) {
        // What the server says is left out: it quotes the token.
        return fail(
            Errc::PermissionDenied,
            what + ": token" + after + "the server refuses the key '" + access_.api_key +
                "': LIVEKIT_API_KEY and LIVEKIT_API_SECRET (api_key, api_secret) are not a pair of "
                "this server, or the clocks differ by minutes"
        );
    }
    if (answer->status == 404)
        return fail(Errc::NotFound, what + ": " + answer->body.substr(0, 200));
    if (answer->status != 200) {
        // What Go's and nginx's servers answer in plain text.
        const bool wants_tls = url.scheme == "http" && answer->status == 400 &&
                               answer->body.find("HTTPS") != std::string::npos;
        return fail(
            Errc::Unavailable,
            what + ": http" + after + "HTTP " + std::to_string(answer->status) + " " +
                answer->body.substr(0, 200) +
                (wants_tls ? "; the port speaks TLS: https:// or wss://" : "")
        );
    }
    if (!response.ParseFromString(answer->body)) {
        return fail(Errc::Malformed, what + ": the answer is no " + response.GetTypeName());
    }
    return {};
}

Result<livekit::ListRoomsResponse> RoomService::list_rooms(const std::vector<std::string>& names
) const {
    livekit::ListRoomsRequest request;
    for (const std::string& name : names) request.add_names(name);
    livekit::ListRoomsResponse response;
    AC_CHECK_OK(call("ListRooms", "", request, response));
    return response;
}

Result<livekit::ListParticipantsResponse> RoomService::list_participants(const std::string& room
) const {
    livekit::ListParticipantsRequest request;
    request.set_room(room);
    livekit::ListParticipantsResponse response;
    AC_CHECK_OK(call("ListParticipants", room, request, response));
    return response;
}

}  // namespace aircheck::control
