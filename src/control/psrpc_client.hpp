#pragma once

#include "control/message_bus.hpp"
#include "control/psrpc.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace aircheck::control {

/// The calling side of psrpc, for one service: the first server that claims a call gets it.
///
/// On one thread; reads no clock but `clock`. Answers never come inside call(), and not after
/// destruction.
class PsrpcClient {
public:
    struct Options {
        Nanoseconds timeout = 3s;            ///< Until `deadline_exceeded`.
        Nanoseconds selection_timeout = 1s;  ///< For the first claim, until `unavailable`.
    };
    /// The serialised result.
    using OnAnswer = std::function<void(RpcAnswer<std::string> answer)>;

    PsrpcClient(MessageBus& bus, BusClock& clock, std::string service);
    ~PsrpcClient();

    /// Calls a method that is claimed. No retries: the caller knows whether they do harm.
    void call(
        const std::string& method, std::string argument, const Options& options, OnAnswer on_answer
    );
    [[nodiscard]] const std::string& id() const { return id_; }

private:
    struct Call;

    void on_claim(std::string_view message);
    void on_response(std::string_view message);
    void end(const std::string& request_id, RpcAnswer<std::string> answer);

    MessageBus& bus_;
    BusClock& clock_;
    std::string service_;
    std::string id_;
    std::map<std::string, Call> calls_;  ///< By request id.
};

}  // namespace aircheck::control
