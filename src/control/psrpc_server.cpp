#include "control/psrpc_server.hpp"

#include "control/psrpc_wire.hpp"
#include "core/id.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

constexpr std::string_view kQueueSeconds = "5";  ///< How long a taken request stays taken.

WallTime expiry_of(const psrpc::Request& request) {
    return WallTime(Nanoseconds(request.expiry()));
}

}  // namespace

struct PsrpcServer::Served {
    Service service;
    bool is_withdrawn = false;
};

/// A bid that waits for the client's choice.
struct PsrpcServer::Claim {
    std::shared_ptr<Served> served;
    std::shared_ptr<psrpc::Request> request;
    BusClock::TimerId timer = 0;
};

PsrpcServer::PsrpcServer(MessageBus& bus, BusClock& clock)
    : bus_(bus), clock_(clock), id_(new_id("SRV_")) {}

PsrpcServer::~PsrpcServer() {
    for (const auto& [id, claim] : claims_) {
        clock_.cancel(claim.timer);
        bus_.unsubscribe(claim.served->service.method.claim_response_channel());
    }
    for (const auto& [channel, served] : served_) {
        bus_.unsubscribe(channel);
        if (served->service.with_claim) {
            bus_.unsubscribe(served->service.method.claim_response_channel());
        }
    }
}

void PsrpcServer::serve(Service service, std::function<void()> on_ready) {
    const RpcMethod method = service.method;
    const bool with_claim = service.with_claim;
    auto served = std::make_shared<Served>(Served{std::move(service)});
    served_[method.request_channel()] = served;
    // The bus confirms in order: with the last of the two both are there.
    if (with_claim) {
        bus_.subscribe(
            method.claim_response_channel(),
            [this](std::string_view message) { on_claim_response(message); },
            {}
        );
    }
    bus_.subscribe(
        method.request_channel(),
        [this, served](std::string_view message) { on_request(served, message); },
        std::move(on_ready)
    );
}

void PsrpcServer::withdraw(const RpcMethod& method) {
    const auto it = served_.find(method.request_channel());
    if (it == served_.end()) return;
    const auto served = it->second;
    served->is_withdrawn = true;
    bus_.unsubscribe(it->first);
    served_.erase(it);
    forget_choices_of(*served);
}

/// A withdrawn method's choices are heard for as long as a bid for it is open: what was bid for is
/// done, or its caller would wait in vain.
void PsrpcServer::forget_choices_of(const Served& served) {
    const RpcMethod& method = served.service.method;
    const bool is_served = served_.contains(method.request_channel());
    const auto is_open = [&](const auto& claim) { return claim.second.served.get() == &served; };
    if (!served.is_withdrawn || is_served || !served.service.with_claim) return;
    if (std::ranges::none_of(claims_, is_open)) bus_.unsubscribe(method.claim_response_channel());
}

void PsrpcServer::on_request(const std::shared_ptr<Served>& served, std::string_view message) {
    auto read = unwrap<psrpc::Request>(message);
    ++counters_.requests;
    if (!read) {
        ++counters_.malformed;
        return;
    }
    if (clock_.wall() >= expiry_of(*read)) {
        ++counters_.expired;
        log::debug("bus.request_expired", {{"method", served->service.method.name}});
        return;
    }
    auto request = std::make_shared<psrpc::Request>(*std::move(read));
    if (!served->service.queued) return take(served, std::move(request));
    bus_.command(
        {"SET", queue_key_of(message), id_, "EX", std::string(kQueueSeconds), "NX"},
        [this, alive = std::weak_ptr<bool>(alive_), served, request](const auto& reply) {
            if (alive.expired()) return;
            const bool is_ours = reply && !reply->empty() && reply->front() == "OK";
            if (is_ours) return take(served, request);
            ++counters_.lost;
        }
    );
}

void PsrpcServer::take(
    const std::shared_ptr<Served>& served, std::shared_ptr<psrpc::Request> request
) {
    if (served->is_withdrawn) return;
    const Service& service = served->service;
    if (service.parses && !service.parses(request->raw_request())) {
        ++counters_.malformed;
        respond(
            service.method.service,
            *request,
            rpc_fail("malformed_request", "the request of " + service.method.name + " is malformed")
        );
        return;
    }
    if (service.with_claim) return bid(served, std::move(request));
    run(served, *request);
}

void PsrpcServer::bid(
    const std::shared_ptr<Served>& served, std::shared_ptr<psrpc::Request> request
) {
    const Service& service = served->service;
    const float affinity = service.affinity ? service.affinity(request->raw_request()) : 1.0f;
    const std::string id = request->request_id();
    if (affinity < 0 || claims_.size() >= kMaxClaims || claims_.contains(id)) {
        ++counters_.not_claimed;
        return;
    }
    psrpc::ClaimRequest claim;
    claim.set_request_id(id);
    claim.set_server_id(id_);
    claim.set_affinity(affinity);
    bus_.publish(claim_channel(service.method.service, request->client_id()), wrap(claim));
    const auto timer = clock_.after(expiry_of(*request) - clock_.wall(), [this, id] {
        const auto served_then = claims_.extract(id).mapped().served;
        ++counters_.lost;
        forget_choices_of(*served_then);
    });
    claims_[id] = Claim{served, std::move(request), timer};
}

void PsrpcServer::on_claim_response(std::string_view message) {
    const auto response = unwrap<psrpc::ClaimResponse>(message);
    if (!response) return;
    const auto it = claims_.find(response->request_id());
    if (it == claims_.end()) return;
    const Claim claim = std::move(it->second);
    claims_.erase(it);
    clock_.cancel(claim.timer);
    forget_choices_of(*claim.served);
    if (response->server_id() == id_) return run(claim.served, *claim.request);
    ++counters_.lost;
}

void PsrpcServer::run(const std::shared_ptr<Served>& served, const psrpc::Request& request) {
    ++counters_.run;
    // Only what the answer needs is kept: the argument may be long, and its secrets plain.
    psrpc::Request head;
    head.set_request_id(request.request_id());
    head.set_client_id(request.client_id());
    served->service.call(
        request.raw_request(),
        expiry_of(request),
        [this, alive = std::weak_ptr<bool>(alive_), head, name = served->service.method.service](
            RpcAnswer<std::string> result
        ) {
            if (!alive.expired()) respond(name, head, std::move(result));
        }
    );
}

void PsrpcServer::respond(
    const std::string& service, const psrpc::Request& request, RpcAnswer<std::string> result
) {
    psrpc::Response response;
    response.set_request_id(request.request_id());
    response.set_server_id(id_);
    response.set_sent_at(unix_nanoseconds(clock_.wall()));
    if (result) {
        response.set_raw_response(*std::move(result));
    } else {
        // An empty text would read as success.
        const RpcError& error = result.error();
        response.set_error(error.message.empty() ? error.code : error.message);
        response.set_code(error.code);
    }
    bus_.publish(response_channel(service, request.client_id()), wrap(response));
}

}  // namespace aircheck::control
