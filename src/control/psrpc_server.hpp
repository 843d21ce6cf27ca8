#pragma once

#include "control/message_bus.hpp"
#include "control/psrpc.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace psrpc {
class Request;
}

namespace aircheck::control {

/// The serving side of psrpc.
///
/// A request that has expired, whose claim another server got, or that another server of a queue
/// took first, is dropped and counted. Requests that cannot be read are answered
/// `malformed_request` without a claim. Claims wait until their request expires, at most
/// `kMaxClaims`; more are not claimed. On one thread; reads no clock but `clock`.
class PsrpcServer {
public:
    static constexpr std::size_t kMaxClaims = 4096;

    /// Serialised results.
    using Respond = std::function<void(RpcAnswer<std::string> result)>;
    struct Service {
        RpcMethod method;
        bool with_claim = true;  ///< Servers bid, the client chooses.
        bool queued = false;     ///< The first server to see a request has it.
        /// Checks that the argument can be read; false answers `malformed_request`.
        std::function<bool(std::string_view argument)> parses;
        /// The bid: below 0 is silence, 0 never wins. Absent: 1.
        std::function<float(std::string_view argument)> affinity;
        /// `respond` may be called later, once. `expires`: when the client gives up.
        std::function<void(std::string_view argument, WallTime expires, Respond respond)> call;
    };
    struct Counters {
        std::uint64_t requests = 0, expired = 0, malformed = 0, not_claimed = 0, lost = 0, run = 0;
    };

    PsrpcServer(MessageBus& bus, BusClock& clock);
    ~PsrpcServer();

    /// `on_ready` (may be empty) runs when requests do arrive.
    void serve(Service service, std::function<void()> on_ready = {});
    /// Takes no more requests; what was bid for is done when chosen, and what runs still responds.
    void withdraw(const RpcMethod& method);

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Claim;
    struct Served;

    void on_request(const std::shared_ptr<Served>& served, std::string_view message);
    void take(const std::shared_ptr<Served>& served, std::shared_ptr<psrpc::Request> request);
    void bid(const std::shared_ptr<Served>& served, std::shared_ptr<psrpc::Request> request);
    void on_claim_response(std::string_view message);
    void forget_choices_of(const Served& served);
    void run(const std::shared_ptr<Served>& served, const psrpc::Request& request);
    void respond(
        const std::string& service, const psrpc::Request& request, RpcAnswer<std::string> result
    );

    MessageBus& bus_;
    BusClock& clock_;
    std::string id_;
    std::map<std::string, std::shared_ptr<Served>> served_;  ///< By request channel.
    std::map<std::string, Claim> claims_;                    ///< By request id.
    Counters counters_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::control
