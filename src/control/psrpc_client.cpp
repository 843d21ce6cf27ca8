#include "control/psrpc_client.hpp"

#include "control/psrpc_wire.hpp"
#include "core/id.hpp"

#include <utility>

namespace aircheck::control {

struct PsrpcClient::Call {
    RpcMethod method;
    bool is_claimed = false;
    BusClock::TimerId selection = 0;
    BusClock::TimerId deadline = 0;
    OnAnswer on_answer;
};

PsrpcClient::PsrpcClient(MessageBus& bus, BusClock& clock, std::string service)
    : bus_(bus), clock_(clock), service_(std::move(service)), id_(new_id("CLI_")) {
    bus_.subscribe(
        claim_channel(service_, id_), [this](std::string_view message) { on_claim(message); }, {}
    );
    bus_.subscribe(
        response_channel(service_, id_),
        [this](std::string_view message) { on_response(message); },
        {}
    );
}

PsrpcClient::~PsrpcClient() {
    for (const auto& [id, call] : calls_) {
        clock_.cancel(call.selection);
        clock_.cancel(call.deadline);
    }
    bus_.unsubscribe(claim_channel(service_, id_));
    bus_.unsubscribe(response_channel(service_, id_));
}

void PsrpcClient::call(
    const std::string& method, std::string argument, const Options& options, OnAnswer on_answer
) {
    const std::string request_id = new_id("REQ_");
    const auto now = clock_.wall();
    psrpc::Request request;
    request.set_request_id(request_id);
    request.set_client_id(id_);
    request.set_sent_at(unix_nanoseconds(now));
    request.set_expiry(unix_nanoseconds(now + options.timeout));
    request.set_raw_request(std::move(argument));

    Call& call = calls_[request_id];
    call.method = {service_, method, ""};
    call.on_answer = std::move(on_answer);
    call.deadline = clock_.after(options.timeout, [this, request_id] {
        end(request_id, rpc_fail("deadline_exceeded", "request timed out"));
    });
    call.selection = clock_.after(options.selection_timeout, [this, request_id] {
        end(request_id, rpc_fail("unavailable", "no response from servers"));
    });
    bus_.publish(call.method.request_channel(), wrap(request));
}

/// The first that claims has it.
void PsrpcClient::on_claim(std::string_view message) {
    const auto claim = unwrap<psrpc::ClaimRequest>(message);
    if (!claim) return;
    const auto it = calls_.find(claim->request_id());
    if (it == calls_.end() || std::exchange(it->second.is_claimed, true)) return;
    clock_.cancel(it->second.selection);
    psrpc::ClaimResponse chosen;
    chosen.set_request_id(claim->request_id());
    chosen.set_server_id(claim->server_id());
    bus_.publish(it->second.method.claim_response_channel(), wrap(chosen));
}

void PsrpcClient::on_response(std::string_view message) {
    auto response = unwrap<psrpc::Response>(message);
    if (!response) return;
    if (response->error().empty()) {
        end(response->request_id(), std::move(*response->mutable_raw_response()));
        return;
    }
    const std::string code = response->code().empty() ? "unknown" : response->code();
    end(response->request_id(), rpc_fail(code, response->error()));
}

void PsrpcClient::end(const std::string& request_id, RpcAnswer<std::string> answer) {
    const auto it = calls_.find(request_id);
    if (it == calls_.end()) return;
    const Call call = std::move(it->second);
    calls_.erase(it);
    clock_.cancel(call.selection);
    clock_.cancel(call.deadline);
    if (call.on_answer) call.on_answer(std::move(answer));
}

}  // namespace aircheck::control
