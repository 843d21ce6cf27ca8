#include "control/room_service.hpp"

#include "core/foreign_text.hpp"
#include "net/jwt.hpp"
#include "net/proxy_url.hpp"
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

/// LiveKit says its refusals as Twirp does: {"code": …, "msg": …}.
bool is_twirp_error(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    return json.is_object() && json.contains("code") && json.contains("msg");
}

/// What a proxy before LiveKit says when that does not answer, or is asked too much.
bool is_of_proxy(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

std::string quoted(const net::HttpResponse& answer) {
    const std::string words = first_words(answer.body);
    return "HTTP " + std::to_string(answer.status) + (words.empty() ? "" : " \"" + words + "\"");
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
    call.proxy = net::proxy_from_environment(url.host);
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
    // What Go's and nginx's servers answer in plain text.
    if (url.scheme == "http" && answer->status == 400 &&
        answer->body.find("HTTPS") != std::string::npos) {
        return fail(
            Errc::Unavailable,
            what + ": http" + after + quoted(*answer) + "; the port speaks TLS: https:// or wss://"
        );
    }
    const bool is_message = answer->status == 200 &&
                            answer->headers.get("Content-Type").starts_with("application/protobuf");
    if (!is_message && !is_twirp_error(answer->body) && !is_of_proxy(answer->status)) {
        return fail(
            Errc::Unavailable,
            what + ": http" + after + "this does not look like LiveKit, it answers " +
                quoted(*answer) + "; ws_url (LIVEKIT_URL) is to be LiveKit's own address"
        );
    }
    if (!is_message) {
        const auto code = answer->status == 404 ? Errc::NotFound : Errc::Unavailable;
        return fail(code, what + ": http" + after + quoted(*answer));
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

Result<> RoomService::set_participant_metadata(
    const std::string& room, const std::string& identity, const std::string& metadata
) const {
    livekit::UpdateParticipantRequest request;
    request.set_room(room);
    request.set_identity(identity);
    request.set_metadata(metadata);
    livekit::ParticipantInfo updated;
    return call("UpdateParticipant", room, request, updated);
}

}  // namespace aircheck::control
