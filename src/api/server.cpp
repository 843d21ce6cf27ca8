#include "api/server.hpp"

#include "api/cors.hpp"
#include "api/forwarding.hpp"
#include "api/http_answers.hpp"
#include "api/metrics.hpp"
#include "core/log.hpp"
#include "net/url.hpp"
#include "notify/webhook_verify.hpp"
#include "proto/json.hpp"
#include "proto/livekit_webhook.pb.h"

#include <algorithm>
#include <utility>

namespace aircheck::api {
namespace {

constexpr std::size_t kMaxBody = std::size_t{10} * 1024 * 1024;  ///< As refusal() says.

bool is_loopback(const net::Endpoint& remote) {
    return remote.address.starts_with("127.") || remote.address == "::1" ||
           remote.address.starts_with("::ffff:127.");
}

/// Cores that recordings may still take; livekit/egress's "CpuLoad".
double free_cores(const control::EgressService::Metrics& now) {
    if (!now.admission) return 0;
    return std::max(0.0, now.admission->cores_limit - now.admission->cores_used);
}

bool is_probe(std::string_view path) {
    return path == "/metrics" || path == "/healthz" || path == "/readyz";
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Backend backend, ServerOptions options) {
    net::HttpServer::Options http;
    http.bind = options.bind;
    http.max_body_bytes = kMaxBody;
    http.refusal = refusal;
    http.forwarding = options.forwarding;
    net::Loop& loop = backend.home;
    std::unique_ptr<Server> server(new Server(backend, std::move(options)));
    Server* self = server.get();
    AC_TRY(
        server->http_,
        net::HttpServer::start(
            loop,
            http,
            [self](net::HttpServerRequest request, Respond respond) {
                self->handle(std::move(request), std::move(respond));
            }
        )
    );
    AC_CHECK_OK(server->start_extra_listeners());
    return server;
}

/// livekit/egress's: `health_port` says what is running (without the requests' secrets, which it
/// would show), `prometheus_port` has /metrics. Both are for a cluster's own network, so they ask
/// no token.
Result<> Server::start_extra_listeners() {
    net::HttpServer::Options http;
    http.bind.address = "0.0.0.0";
    if (options_.health_port != 0) {
        http.bind.port = options_.health_port;
        auto answer = [this](const net::HttpServerRequest&, const Respond& respond) {
            const auto load = backend_.egresses.metrics();
            respond(json_answer(
                200,
                "{\"CpuLoad\":" + std::to_string(free_cores(load)) +
                    ",\"Recordings\":" + std::to_string(load.active) + "}"
            ));
        };
        AC_TRY(health_, net::HttpServer::start(backend_.home, http, std::move(answer)));
    }
    if (options_.prometheus_port != 0) {
        http.bind.port = options_.prometheus_port;
        auto answer = [this](const net::HttpServerRequest& request, const Respond& respond) {
            if (request.path == "/metrics" || request.path == "/")
                answer_metrics(respond);
            else
                respond(problem(404, "metrics are at /metrics"));
        };
        AC_TRY(prometheus_, net::HttpServer::start(backend_.home, http, std::move(answer)));
    }
    return {};
}

Server::Server(Backend backend, ServerOptions options)
    : backend_(backend), options_(std::move(options)), call_times_(backend.home) {}

Server::~Server() = default;

void Server::handle(net::HttpServerRequest request, Respond respond) {
    const std::string& path = request.path;
    if (is_probe(path)) {
        handle_probe(request, respond);
    } else if (is_livekits_own(path)) {
        allowing_origin(request, respond)(not_forwarded(request));
    } else if (path.find("/twirp/") != std::string::npos) {  // SDKs may put a prefix before it.
        if (auto preflight = answer_preflight(request))
            respond(*std::move(preflight));
        else
            handle_twirp(request, allowing_origin(request, respond));
    } else if (path == "/webhooks/livekit") {
        handle_webhook(request, respond);
    } else if (path.starts_with("/r/")) {
        handle_link(request, respond);
    } else if (path.starts_with("/api/v1/")) {
        handle_rest(request, respond);
    } else if (path == "/") {
        // What LiveKit's server says there; its SDKs' health checks look for it.
        respond(text_answer(200, "OK"));
    } else {
        respond(problem(404, "there is nothing at " + path));
    }
}

// --- Probes and metrics --------------------------------------------------------------------------

void Server::handle_probe(const net::HttpServerRequest& request, const Respond& respond) {
    if (request.method != "GET" && request.method != "HEAD") {
        respond(problem(405, "GET only"));
        return;
    }
    if (!options_.open_probes && !is_loopback(request.remote) &&
        !authenticate(request.headers.get("Authorization"), options_.auth, wall_now())) {
        respond(problem(401, "probes beyond loopback need a token, or http.open_probes"));
        return;
    }
    if (request.path == "/healthz") {
        respond(text_answer(200, "ok\n"));
        return;
    }
    const bool draining = backend_.egresses.is_shutting_down();
    if (request.path == "/readyz") {
        backend_.records_pool.run([store = &backend_.store, draining, respond] {
            const auto database = store->ping();
            if (draining)
                respond(text_answer(503, "shutting down\n"));
            else if (!database)
                respond(text_answer(503, database.error().to_string() + "\n"));
            else
                respond(text_answer(200, "ready\n"));
        });
        return;
    }
    answer_metrics(respond);
}

void Server::answer_metrics(const Respond& respond) {
    MetricsInput input;
    input.service = backend_.egresses.metrics();
    input.outbox = backend_.outbox.counters();
    input.worker = backend_.egresses.options().worker;
    input.webhooks_refused = webhooks_refused_;
    backend_.records_pool.run([store = &backend_.store, input, respond]() mutable {
        if (auto counts = store->recording_counts()) input.recordings = *std::move(counts);
        if (auto counts = store->delivery_counts()) input.deliveries = *std::move(counts);
        auto response = text_answer(200, to_prometheus(input));
        response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        respond(std::move(response));
    });
}

// --- Webhooks in ---------------------------------------------------------------------------------

void Server::handle_webhook(const net::HttpServerRequest& request, const Respond& respond) {
    if (request.method != "POST") {
        respond(problem(405, "POST only"));
        return;
    }
    const auto signer = notify::verify_webhook(
        request.headers.get("Authorization"), request.body, options_.auth.api_keys, wall_now()
    );
    if (!signer) {
        ++webhooks_refused_;
        if (const auto more = refusals_told_.pass(monotonic_now())) {
            log::warn(
                "webhook.refused",
                {{"from", request.remote.to_string()},
                 {"error", signer.error().to_string()},
                 {"more_refused", *more}}
            );
        }
        respond(problem(401, signer.error().to_string()));
        return;
    }
    livekit::WebhookEvent event;
    if (auto read = proto::from_json(request.body, event); !read) {
        respond(problem(400, read.error().to_string()));
        return;
    }
    log::debug("webhook.received", {{"event", event.event()}, {"room", event.room().name()}});
    backend_.rooms.on_event(event, [respond](const Result<>& taken) {
        if (taken)
            respond(text_answer(200, "ok\n"));
        else
            respond(problem_of(taken.error()));  // 5xx: LiveKit sends it again.
    });
}

}  // namespace aircheck::api
