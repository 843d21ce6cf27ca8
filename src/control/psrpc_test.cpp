#include "control/psrpc.hpp"

#include "control/fake_bus_test.hpp"
#include "control/psrpc_client.hpp"
#include "control/psrpc_server.hpp"
#include "control/psrpc_wire.hpp"
#include "core/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using testing::FakeBus;
using testing::FakeRedis;
using testing::ManualClock;
using Respond = PsrpcServer::Respond;

// The channels that psrpc 0.7.3 makes (its pkg/info/channels_test.go), and LiveKit's own.
TEST(Psrpc, NamesChannels) {
    EXPECT_EQ((RpcMethod{"foo", "bar", ""}.request_channel()), "foo|bar|REQ");
    EXPECT_EQ((RpcMethod{"foo", "bar", ""}.claim_response_channel()), "foo|bar|RCLAIM");
    EXPECT_EQ(claim_channel("foo", "bar"), "foo|bar|CLAIM");
    EXPECT_EQ(response_channel("foo", "bar"), "foo|bar|RES");
    EXPECT_EQ(
        (RpcMethod{"EgressHandler", "StopEgress", "EG_7dKs8wXyZ3nP"}.request_channel()),
        "EgressHandler|StopEgress|EG_7dKs8wXyZ3nP|REQ"
    );
    EXPECT_EQ(
        (RpcMethod{"🚀_É", "🛰_bar", "软件"}.request_channel()),
        "U+0001f680_u+00c9|U+0001f6f0_bar|u+8f6fu+4ef6|REQ"
    );
    EXPECT_EQ((RpcMethod{"a", "b", "x-y|z"}.request_channel()), "a|b|xu+002dyu+007cz|REQ");
    EXPECT_EQ(
        (RpcMethod{"a", "b", "\xff\xc0\x80\xed\xa0\x80"}.request_channel()),
        "a|b|u+fffdu+fffdu+fffdu+fffdu+fffdu+fffd|REQ"
    ) << "what is no UTF-8 is U+FFFD, byte by byte, as Go reads it";
}

TEST(Psrpc, WrapsMessagesAsGoDoes) {
    psrpc::ClaimResponse chosen;
    chosen.set_request_id("R");
    chosen.set_server_id("S");
    // Field 1, the type's URL; field 2, the message: 0a 01 R, 12 01 S.
    const std::string url = "type.googleapis.com/internal.ClaimResponse";
    EXPECT_EQ(
        wrap(chosen),
        "\x0a" + std::string(1, static_cast<char>(url.size())) + url + "\x12\x06\x0a\x01R\x12\x01S"
    );
    EXPECT_TRUE(unwrap<psrpc::ClaimResponse>(wrap(chosen)));
    EXPECT_FALSE(unwrap<psrpc::ClaimRequest>(wrap(chosen))) << "another type";
    EXPECT_FALSE(unwrap<psrpc::ClaimResponse>("\x0a\xff"));
}

TEST(Psrpc, KeysQueuedRequestsByTheirDigest) {
    // printf abc | openssl dgst -sha256 -binary | base64
    EXPECT_EQ(queue_key_of("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

TEST(Psrpc, TranslatesErrors) {
    EXPECT_EQ(to_rpc({"malformed", "x"}).code, "malformed_request");
    EXPECT_EQ(to_rpc({"dataloss", "x"}).code, "data_loss");
    EXPECT_EQ(to_rpc({"resource_exhausted", "x"}).code, "resource_exhausted");
    EXPECT_EQ(to_rpc({"not_found", "no room"}).message, "no room");
}

/// Two servers and a client on one Redis.
class PsrpcCall : public ::testing::Test {
protected:
    struct Side {
        explicit Side(FakeRedis& redis, ManualClock& clock) : bus(redis), server(bus, clock) {}
        FakeBus bus;
        PsrpcServer server;
        float affinity = 1;
        std::vector<std::string> run;  ///< Arguments of the calls it got.
    };

    void serve(Side& side, const std::string& name, bool queued) {
        PsrpcServer::Service service;
        service.method = method_;
        service.queued = queued;
        service.parses = [](std::string_view argument) { return argument != "malformed"; };
        service.affinity = [&side](std::string_view) { return side.affinity; };
        service.call = [&side, name](std::string_view argument, WallTime, const Respond& respond) {
            side.run.emplace_back(argument);
            if (argument == "fail") return respond(rpc_fail("not_found", "no such thing"));
            if (argument != "never") respond("from " + name);
        };
        side.server.serve(std::move(service));
    }
    /// The answer, once there is one: the result, or "code: words".
    std::shared_ptr<std::string> call(const std::string& argument) {
        auto answer = std::make_shared<std::string>();
        client_.call("Method", argument, {}, [answer](const RpcAnswer<std::string>& got) {
            EXPECT_EQ(*answer, "") << "a second answer";
            *answer = got ? *got : got.error().code + ": " + got.error().message;
        });
        EXPECT_EQ(*answer, "") << "within the call";
        clock_.settle();
        return answer;
    }
    /// A request as another client would send it.
    void request(Nanoseconds life) {
        psrpc::Request request;
        request.set_request_id("REQ_other");
        request.set_client_id("CLI_other");
        request.set_expiry(unix_nanoseconds(clock_.wall() + life));
        request.set_raw_request("argument");
        client_bus_.publish(method_.request_channel(), wrap(request));
        clock_.settle();
    }
    void choose(const std::string& server_id) {
        psrpc::ClaimResponse chosen;
        chosen.set_request_id("REQ_other");
        chosen.set_server_id(server_id);
        client_bus_.publish(method_.claim_response_channel(), wrap(chosen));
        clock_.settle();
    }

    const RpcMethod method_{"Service", "Method", ""};
    ManualClock clock_;
    FakeRedis redis_{clock_};
    FakeBus client_bus_{redis_};
    PsrpcClient client_{client_bus_, clock_, "Service"};
    Side one_{redis_, clock_};
    Side two_{redis_, clock_};
};

TEST_F(PsrpcCall, IsDoneByTheFirstThatClaims) {
    serve(one_, "one", false);
    serve(two_, "two", false);
    EXPECT_EQ(*call("a"), "from one");
    EXPECT_EQ(one_.run.size() + two_.run.size(), 1u);
    one_.affinity = -1;
    EXPECT_EQ(*call("b"), "from two") << "silence leaves it to the other";
    EXPECT_EQ(one_.server.counters().not_claimed, 1u);
}

TEST_F(PsrpcCall, IsSeenByOneServerOfAQueue) {
    serve(one_, "one", true);
    serve(two_, "two", true);
    EXPECT_EQ(*call("a"), "from one");
    EXPECT_EQ(one_.bus.published.size(), 2u) << "claim and result";
    EXPECT_TRUE(two_.bus.published.empty()) << "not even a claim";
    EXPECT_EQ(two_.server.counters().lost, 1u);
}

TEST_F(PsrpcCall, TellsErrorsAsTheyAre) {
    serve(one_, "one", false);
    EXPECT_EQ(*call("fail"), "not_found: no such thing");
    EXPECT_EQ(*call("malformed"), "malformed_request: the request of Method is malformed");
    EXPECT_EQ(one_.run, std::vector<std::string>{"fail"});
}

TEST_F(PsrpcCall, EndsInTimeWhoeverIsSilent) {
    const auto nobody = call("a");
    clock_.advance(999ms);
    EXPECT_EQ(*nobody, "");
    clock_.advance(1ms);
    EXPECT_EQ(*nobody, "unavailable: no response from servers");
    serve(one_, "one", false);
    const auto stuck = call("never");
    clock_.advance(2999ms);
    EXPECT_EQ(*stuck, "");
    clock_.advance(1ms);
    EXPECT_EQ(*stuck, "deadline_exceeded: request timed out");
}

TEST_F(PsrpcCall, IsNotRunWhenAnotherIsChosen) {
    serve(one_, "one", false);
    request(1s);
    choose("SRV_somebody");
    choose(one_.server.id());
    EXPECT_TRUE(one_.run.empty()) << "the first choice counts";
}

TEST_F(PsrpcCall, IsRunOnceWhenChosen) {
    serve(one_, "one", false);
    request(1s);
    EXPECT_TRUE(one_.run.empty()) << "not before the choice";
    choose(one_.server.id());
    choose(one_.server.id());
    EXPECT_EQ(one_.run.size(), 1u);
}

TEST_F(PsrpcCall, IsForgottenWhenItExpires) {
    serve(one_, "one", false);
    request(0s);
    EXPECT_EQ(one_.server.counters().expired, 1u);
    request(1s);
    clock_.advance(1s);
    choose(one_.server.id());
    EXPECT_TRUE(one_.run.empty()) << "chosen too late";
}

TEST_F(PsrpcCall, IsRunAfterWithdrawalWhenItWasBidFor) {
    serve(one_, "one", false);
    request(1s);
    one_.server.withdraw(method_);
    choose(one_.server.id());
    EXPECT_EQ(one_.run, std::vector<std::string>{"argument"});
    choose(one_.server.id());
    EXPECT_EQ(one_.run.size(), 1u);
    serve(one_, "one", false);
    EXPECT_EQ(*call("a"), "from one") << "served anew";
}

TEST_F(PsrpcCall, IsNotTakenAfterWithdrawal) {
    serve(one_, "one", false);
    const auto running = call("never");
    one_.server.withdraw(method_);
    request(1s);
    choose(one_.server.id());
    EXPECT_EQ(one_.run, std::vector<std::string>{"never"});
    EXPECT_EQ(*call("a"), "");
}

TEST_F(PsrpcCall, SurvivesNonsense) {
    serve(one_, "one", false);
    for (const char* channel : {"Service|Method|REQ", "Service|Method|RCLAIM"}) {
        client_bus_.publish(channel, "\x0a\xff\xff");
        client_bus_.publish(channel, "");
    }
    one_.bus.publish(claim_channel("Service", client_.id()), "x");
    one_.bus.publish(response_channel("Service", client_.id()), "x");
    clock_.settle();
    EXPECT_EQ(one_.server.counters().malformed, 2u);
    EXPECT_EQ(*call("a"), "from one");
}

TEST_F(PsrpcCall, DoesNotKeepBidsWithoutEnd) {
    serve(one_, "one", false);
    psrpc::Request request;
    request.set_client_id("CLI_other");
    request.set_expiry(unix_nanoseconds(clock_.wall() + 60s));
    for (std::size_t i = 0; i <= PsrpcServer::kMaxClaims; ++i) {
        request.set_request_id(std::to_string(i));
        client_bus_.publish(method_.request_channel(), wrap(request));
    }
    clock_.settle();
    EXPECT_EQ(one_.server.counters().not_claimed, 1u);
    clock_.advance(60s);
    EXPECT_EQ(*call("a"), "from one");
}

}  // namespace
}  // namespace aircheck::control
