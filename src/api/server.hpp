#pragma once

#include "api/auth.hpp"
#include "api/call_times.hpp"
#include "api/delegate.hpp"
#include "control/egress_service.hpp"
#include "control/room_watch.hpp"
#include "core/log_limit.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "notify/outbox.hpp"
#include "records/store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::api {

/// What the HTTP API stands on; all outlive it.
struct Backend {
    net::Loop& home;
    net::Pool& records_pool;
    records::Store& store;
    control::EgressService& egresses;
    control::RoomWatch& rooms;
    notify::Outbox& outbox;
    Delegate* delegate = nullptr;  ///< Takes calls that are beyond this build; null: refused.
};

struct ServerOptions {
    net::Endpoint bind{"127.0.0.1", 7990};
    AuthOptions auth;
    /// What is passed on to LiveKit's server; absent: nothing is (forwarding_to()).
    std::optional<net::HttpForwarding> forwarding;
    bool open_probes = false;  ///< /metrics and the probes answer beyond loopback without a token.
    /// livekit/egress's extra listeners, on all addresses; 0: none.
    std::uint16_t health_port = 0;
    std::uint16_t prometheus_port = 0;
};

struct EgressCall;  ///< twirp.cpp's own.

/// The HTTP side of the service: Twirp, REST, webhooks in, links, metrics and probes. Handlers run
/// on `home`'s thread; what asks the database runs on the records pool and answers from there.
class Server {
public:
    /// Errors: the address cannot be bound, named.
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(
        Backend backend, ServerOptions options
    );
    ~Server();
    [[nodiscard]] net::Endpoint local() const { return http_->local(); }

private:
    using Respond = net::HttpServer::Respond;

    Server(Backend backend, ServerOptions options);
    void handle(net::HttpServerRequest request, Respond respond);
    void handle_probe(const net::HttpServerRequest& request, const Respond& respond);
    void answer_metrics(const Respond& respond);
    [[nodiscard]] Result<> start_extra_listeners();
    void handle_twirp(const net::HttpServerRequest& request, const Respond& respond);
    void call_egress(const EgressCall& call);
    void call_own_egress(const EgressCall& call);
    void start_egress(const EgressCall& call, const livekit::EgressInfo& asked);
    void list_egress(const EgressCall& call);
    void handle_webhook(const net::HttpServerRequest& request, const Respond& respond);
    void handle_rest(const net::HttpServerRequest& request, const Respond& respond);
    void recover(const std::string& body, const Respond& respond);
    void handle_link(const net::HttpServerRequest& request, const Respond& respond);

    Backend backend_;
    ServerOptions options_;
    CallTimes call_times_;
    std::uint64_t webhooks_refused_ = 0;
    log::LineLimit refusals_told_{10s};
    std::unique_ptr<net::HttpServer> http_;
    std::unique_ptr<net::HttpServer> health_;
    std::unique_ptr<net::HttpServer> prometheus_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::api
