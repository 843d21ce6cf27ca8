#include "sim/server.hpp"

#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "net/url.hpp"
#include "proto/json.hpp"
#include "proto/livekit_models.pb.h"
#include "proto/livekit_room.pb.h"
#include "proto/livekit_rtc.pb.h"
#include "signal/token.hpp"
#include "sim/live_room.hpp"
#include "transport/certificate.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace aircheck::sim {
namespace {

constexpr Nanoseconds kBusyTick = 2ms;   // Packets leave at most so late.
constexpr Nanoseconds kIdleTick = 20ms;  // Without subscribers.

net::HttpServerResponse text_response(int status, std::string body) {
    net::HttpServerResponse response;
    response.status = status;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(body);
    return response;
}

net::HttpServerResponse twirp_error(int status, const std::string& code, const std::string& text) {
    net::HttpServerResponse response;
    response.status = status;
    response.headers.set("Content-Type", "application/json");
    response.body = R"({"code":")" + code + R"(","msg":")" + text + R"("})";
    return response;
}

std::string parameter(std::string_view query, std::string_view name) {
    for (const auto& [key, value] : net::parse_query(query)) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace

struct Server::Impl {
    Impl(net::Loop& on, ServerOptions wanted) : loop(on), options(std::move(wanted)), timer(on) {}

    std::optional<net::HttpServerResponse> upgrade(
        const net::HttpServerRequest& request, const std::shared_ptr<net::ServerWebSocket>& socket
    );
    net::HttpServerResponse serve(const net::HttpServerRequest& request);
    net::HttpServerResponse twirp(const net::HttpServerRequest& request, const std::string& method);
    template <typename Request, typename Response>
    net::HttpServerResponse call(
        const net::HttpServerRequest& request,
        const std::function<bool(const Request&, Response&)>& answer
    );
    Result<signal::TokenClaims> authorise(const net::HttpServerRequest& request) const;
    void tick();
    LiveRoom* find(std::string_view name) {
        const auto found = rooms.find(name);
        return found == rooms.end() ? nullptr : found->second.get();
    }

    net::Loop& loop;
    ServerOptions options;
    ServerStats stats;
    std::unique_ptr<transport::Certificate> certificate;
    std::map<std::string, std::unique_ptr<LiveRoom>, std::less<>> rooms;
    std::function<void(const std::string&)> room_ended;
    std::uint64_t next_seed = 1;
    net::Timer timer;
    std::unique_ptr<net::HttpServer> http;  // Last: its handlers use what stands above.
};

Result<signal::TokenClaims> Server::Impl::authorise(const net::HttpServerRequest& request) const {
    auto token = std::string(request.headers.get("Authorization"));
    if (token.empty()) token = parameter(request.query, "access_token");
    const auto secret_of = [this](std::string_view key) -> std::optional<std::string> {
        if (key != options.api_key) return std::nullopt;
        return options.api_secret;
    };
    return signal::verify_token(token, secret_of, wall_now());
}

std::optional<net::HttpServerResponse> Server::Impl::upgrade(
    const net::HttpServerRequest& request, const std::shared_ptr<net::ServerWebSocket>& socket
) {
    if (request.path != "/rtc") return text_response(404, "404 page not found");
    const auto claims = authorise(request);
    if (!claims) return text_response(401, "invalid token: " + claims.error().context);
    if (!claims->video.room_join || claims->video.room.empty()) {
        return text_response(401, "permissions denied");
    }
    if (claims->identity.empty()) return text_response(400, "identity cannot be empty");
    auto* room = find(claims->video.room);
    if (room == nullptr) return text_response(404, "requested room does not exist");

    if (parameter(request.query, "reconnect") == "1") {
        if (room->resume(parameter(request.query, "sid"), socket)) return std::nullopt;
        livekit::SignalResponse response;
        response.mutable_leave()->set_reason(livekit::STATE_MISMATCH);
        response.mutable_leave()->set_action(livekit::LeaveRequest::RECONNECT);
        const auto text = response.SerializeAsString();
        socket->send_binary(Bytes(text.begin(), text.end()));
        socket->close();
        return std::nullopt;
    }
    const auto automatic = parameter(request.query, "auto_subscribe");
    const bool asks = automatic == "0" || automatic == "false";
    auto subscriber = std::make_unique<Subscriber>(
        loop,
        *certificate,
        options,
        room->link(),
        claims->identity,
        asks ? Subscriber::Subscribes::WhenAsked : Subscriber::Subscribes::ToAll,
        stats
    );
    subscriber->attach(socket);
    room->join(std::move(subscriber));
    return std::nullopt;
}

net::HttpServerResponse Server::Impl::serve(const net::HttpServerRequest& request) {
    constexpr std::string_view kTwirp = "/twirp/livekit.RoomService/";
    if (request.path == "/" && request.method == "GET") return text_response(200, "OK");
    if (request.path == "/rtc/validate") {
        const auto claims = authorise(request);
        if (!claims) return text_response(401, "invalid token: " + claims.error().context);
        if (find(claims->video.room) == nullptr) {
            return text_response(404, "requested room does not exist");
        }
        return text_response(200, "success");
    }
    if (request.path.starts_with(kTwirp) && request.method == "POST") {
        if (const auto claims = authorise(request); !claims) {
            return twirp_error(401, "unauthenticated", "invalid token");
        }
        return twirp(request, request.path.substr(kTwirp.size()));
    }
    return text_response(404, "404 page not found");
}

template <typename Request, typename Response>
net::HttpServerResponse Server::Impl::call(
    const net::HttpServerRequest& request,
    const std::function<bool(const Request&, Response&)>& answer
) {
    const bool json = request.headers.get("Content-Type").starts_with("application/json");
    Request message;
    const bool parsed = json ? proto::from_json(request.body, message).has_value()
                             : message.ParseFromString(request.body);
    if (!parsed) return twirp_error(400, "malformed", "the request could not be read");
    Response result;
    if (!answer(message, result)) return twirp_error(404, "not_found", "not found");
    net::HttpServerResponse response;
    response.headers.set("Content-Type", json ? "application/json" : "application/protobuf");
    response.body = json ? proto::to_twirp_json(result) : result.SerializeAsString();
    return response;
}

net::HttpServerResponse Server::Impl::twirp(
    const net::HttpServerRequest& request, const std::string& method
) {
    if (method == "ListRooms") {
        return call<livekit::ListRoomsRequest, livekit::ListRoomsResponse>(
            request,
            [this](const auto& asked, auto& answer) {
                for (const auto& [name, room] : rooms) {
                    const auto& names = asked.names();
                    const bool wanted =
                        names.empty() || std::find(names.begin(), names.end(), name) != names.end();
                    if (wanted) room->describe(*answer.add_rooms());
                }
                return true;
            }
        );
    }
    if (method == "ListParticipants") {
        return call<livekit::ListParticipantsRequest, livekit::ListParticipantsResponse>(
            request,
            [this](const auto& asked, auto& answer) {
                if (auto* room = find(asked.room())) {
                    for (auto& info : room->participants()) {
                        *answer.add_participants() = std::move(info);
                    }
                }
                return true;
            }
        );
    }
    if (method == "DeleteRoom") {
        return call<livekit::DeleteRoomRequest, livekit::DeleteRoomResponse>(
            request,
            [this](const auto& asked, auto&) {
                auto* room = find(asked.room());
                if (room != nullptr) room->close(livekit::ROOM_DELETED);
                return room != nullptr;
            }
        );
    }
    if (method == "RemoveParticipant") {
        return call<livekit::RoomParticipantIdentity, livekit::RemoveParticipantResponse>(
            request,
            [this](const auto& asked, auto&) {
                auto* room = find(asked.room());
                return room != nullptr && room->remove(asked.identity());
            }
        );
    }
    return twirp_error(404, "bad_route", "no handler for path");
}

void Server::Impl::tick() {
    const auto now = monotonic_now();
    bool busy = false;
    std::vector<std::string> ended;
    for (auto& [name, room] : rooms) {
        room->tick(now);
        busy = busy || room->has_subscribers();
        if (room->is_over()) ended.push_back(name);
    }
    timer.after(busy ? kBusyTick : kIdleTick, [this] { tick(); });
    for (const auto& name : ended) rooms.erase(name);
    const auto handler = room_ended;  // It may destroy the server: nothing after this touches it.
    for (const auto& name : ended) {
        if (handler) loop.post([handler, name] { handler(name); });
    }
}

Result<std::unique_ptr<Server>> Server::start(net::Loop& loop, ServerOptions options) {
    auto impl = std::make_unique<Impl>(loop, std::move(options));
    AC_TRY(impl->certificate, transport::Certificate::create());
    net::HttpServer::Options http;
    http.bind = impl->options.bind;
    auto* self = impl.get();
    AC_TRY(
        impl->http,
        net::HttpServer::start(
            loop,
            http,
            [self](const net::HttpServerRequest& request, const net::HttpServer::Respond& respond) {
                respond(self->serve(request));
            },
            [self](
                const net::HttpServerRequest& request,
                const std::shared_ptr<net::ServerWebSocket>& socket
            ) { return self->upgrade(request, socket); }
        )
    );
    impl->tick();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

net::Endpoint Server::local() const { return impl_->http->local(); }
std::string Server::url() const { return "ws://" + local().to_string(); }

Result<> Server::add_room(Room room) {
    if (impl_->find(room.name) != nullptr) {
        return fail(Errc::AlreadyExists, "sim: room \"" + room.name + "\" is there already");
    }
    for (const auto& caller : room.callers) {
        if (caller.identity.empty()) {
            return fail(Errc::InvalidArgument, "sim: a caller without identity");
        }
        for (const auto& utterance : caller.utterances) {
            if (!utterance.voice) {
                return fail(Errc::InvalidArgument, "sim: " + caller.identity + " has no voice");
            }
        }
    }
    const auto name = room.name;
    impl_->rooms.emplace(
        name,
        std::make_unique<LiveRoom>(
            std::move(room), impl_->next_seed++, impl_->stats, monotonic_now()
        )
    );
    return {};
}

void Server::close_room(std::string_view name) {
    if (auto* room = impl_->find(name)) room->close(livekit::ROOM_CLOSED);
}

void Server::on_room_ended(std::function<void(const std::string& name)> handler) {
    impl_->room_ended = std::move(handler);
}

bool Server::has_room(std::string_view name) const { return impl_->find(name) != nullptr; }

void Server::drop_signal(std::string_view room) {
    if (auto* live = impl_->find(room)) live->drop_signal();
}

void Server::set_media(std::string_view room, Media media) {
    if (auto* live = impl_->find(room)) live->set_media(media);
}

void Server::send_leave(std::string_view room, int reason, int action) {
    if (auto* live = impl_->find(room)) live->send_leave(reason, action);
}

const ServerStats& Server::stats() const { return impl_->stats; }

}  // namespace aircheck::sim
