#include "net/websocket.hpp"

#include "core/bytes.hpp"
#include "net/handmade_peer_test.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "net/test_support.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace aircheck::net {
namespace {

using testing::HandmadePeer;
using testing::TestCertificate;
using Stage = WebSocket::Stage;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Client and server on one loop; the server echoes, and refuses the path "/no".
struct WebSocketTest : ::testing::Test {
    void serve(HttpServer::Options options = {}) {
        options.max_body_bytes = 100'000;
        server =
            HttpServer::start(
                loop,
                options,
                [](const auto&, const auto& respond) {
                    respond({200, {}, "plain", std::nullopt});
                },
                [this](const HttpServerRequest& request, std::shared_ptr<ServerWebSocket> socket) {
                    return upgrade(request, std::move(socket));
                }
            ).value();
        at = server->local();
    }

    std::optional<HttpServerResponse> upgrade(
        const HttpServerRequest& request, std::shared_ptr<ServerWebSocket> socket
    ) {
        asked = request;
        if (request.path == "/no")
            return HttpServerResponse{401, {}, "invalid token", std::nullopt};
        // The handler holds the socket itself: a cycle that the end of the connection breaks.
        socket->on_message = [this, socket](BytesView message, bool binary) {
            ++(binary ? binary_seen : text_seen);
            if (as_text(message) == "close") return socket->close();
            socket->send_binary({message.begin(), message.end()});
        };
        socket->on_closed = [this] { ++server_closed; };
        if (request.path == "/greet") socket->send_binary(bytes_of("welcome"));
        server_end = socket;
        return std::nullopt;
    }

    void connect(
        const std::string& url, WebSocket::Options options = {}, std::function<void()> on_sent = {}
    ) {
        WebSocket::Handlers handlers;
        handlers.sent = std::move(on_sent);
        handlers.open = [this](const Endpoint&, const Endpoint& to, auto passed) {
            remote = to;
            timings = std::move(passed);
            if (on_open) on_open();
        };
        handlers.message = [this](BytesView message, bool) {
            messages.emplace_back(as_text(message));
            if (on_message) on_message();
        };
        handlers.closed = [this](WebSocket::Failure why) {
            EXPECT_FALSE(failure) << "told twice";
            failure = std::move(why);
            loop.stop();
        };
        client = WebSocket::connect(loop, Url::parse(url).value(), std::move(options), handlers);
    }
    [[nodiscard]] std::string url(const std::string& path, const std::string& scheme = "ws") const {
        return scheme + "://" + at.to_string() + path;
    }
    void run() {
        Timer limit(loop);
        limit.after(60s, [this] {
            ADD_FAILURE() << "nothing happened for 20 s";
            loop.stop();
        });
        loop.run("test");
    }
    /// Lets what was posted, and what came over loopback, be handled.
    void settle() {
        Timer end(loop);
        end.after(50ms, [this] { loop.stop(); });
        loop.run("test");
    }

    Loop loop;
    std::unique_ptr<HttpServer> server;
    Endpoint at;
    HttpServerRequest asked;
    std::weak_ptr<ServerWebSocket> server_end;
    int binary_seen = 0, text_seen = 0, server_closed = 0;

    std::unique_ptr<WebSocket> client;
    std::function<void()> on_open, on_message;
    Endpoint remote;
    std::vector<std::pair<Stage, Nanoseconds>> timings;
    std::vector<std::string> messages;
    std::optional<WebSocket::Failure> failure;
};

std::vector<Stage> stages(const std::vector<std::pair<Stage, Nanoseconds>>& timings) {
    std::vector<Stage> out;
    for (const auto& [stage, time] : timings) {
        EXPECT_GE(time, 0ns);
        out.push_back(stage);
    }
    return out;
}

TEST_F(WebSocketTest, EchoesMessagesInOrderAndClosesWithCeremony) {
    serve();
    WebSocket::Options options;
    options.headers = {{"Authorization", "Bearer x"}};
    connect(url("/rtc?access_token=a%20b"), options);
    const std::string large(100'000, 'l');
    client->send_binary(bytes_of("early"));
    on_open = [&] {
        client->send_text("text");
        client->send_binary(bytes_of(large));
        client->send_binary({});
    };
    on_message = [&] {
        if (messages.size() < 4) return;
        client->send_binary(bytes_of("last"));
        client->close();
        client->send_binary(bytes_of("after close"));
    };
    run();
    EXPECT_EQ(asked.target, "/rtc?access_token=a%20b");
    EXPECT_EQ(asked.headers.get("Authorization"), "Bearer x");
    EXPECT_EQ(asked.headers.get("Host"), at.to_string());
    EXPECT_FALSE(asked.headers.has("Sec-WebSocket-Extensions"));
    EXPECT_EQ(remote, at);
    EXPECT_EQ(stages(timings), (std::vector{Stage::Resolve, Stage::Tcp, Stage::Upgrade}));
    ASSERT_GE(messages.size(), 4u);
    EXPECT_EQ(messages[0], "early");
    EXPECT_EQ(messages[1], "text");
    EXPECT_TRUE(messages[2] == large);
    EXPECT_EQ(messages[3], "");
    EXPECT_EQ(text_seen, 1);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Open);
    EXPECT_EQ(failure->error.code, Errc::Cancelled);
    settle();
    EXPECT_EQ(server_closed, 1);
    EXPECT_EQ(binary_seen, 4);  // "last" arrived, "after close" did not.
    EXPECT_TRUE(server_end.expired());
}

TEST_F(WebSocketTest, ReadsWhatComesRightBehindTheUpgrade) {
    serve();
    connect(url("/greet"));
    on_message = [&] { loop.stop(); };
    run();
    EXPECT_EQ(messages, std::vector<std::string>{"welcome"});
}

TEST_F(WebSocketTest, TellsThatTheServerClosed) {
    serve();
    connect(url("/"));
    on_open = [&] { client->send_text("close"); };
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Open);
    EXPECT_EQ(failure->error.code, Errc::Unavailable);
    EXPECT_NE(
        failure->error.context.find(at.to_string() + ": open: closed by the peer with 1000"),
        std::string::npos
    ) << failure->error.context;
}

TEST_F(WebSocketTest, TellsThatTheConnectionBroke) {
    serve();
    connect(url("/"));
    on_open = [&] { server.reset(); };
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Open);
    EXPECT_EQ(failure->error.code, Errc::Unavailable);
    EXPECT_EQ(server_closed, 0);  // The server's handlers are silent once it is destroyed.
}

TEST_F(WebSocketTest, ShowsWhyTheUpgradeWasRefused) {
    serve();
    connect(url("/no"));
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Upgrade);
    EXPECT_EQ(failure->http_status, 401);
    EXPECT_EQ(failure->body, "invalid token");
    EXPECT_EQ(failure->error.code, Errc::PermissionDenied);
    EXPECT_NE(failure->error.context.find(at.to_string() + ": upgrade: "), std::string::npos)
        << failure->error.context;
    EXPECT_EQ(stages(failure->timings), (std::vector{Stage::Resolve, Stage::Tcp, Stage::Upgrade}));
}

TEST_F(WebSocketTest, EndsAtAMessageBeyondTheLimit) {
    serve();
    WebSocket::Options options;
    options.max_message_bytes = 1000;
    connect(url("/"), options);
    on_open = [&] {
        client->send_binary(Bytes(1000, 'x'));
        client->send_binary(Bytes(1001, 'y'));
    };
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->error.code, Errc::Malformed) << failure->error.to_string();
    EXPECT_EQ(messages, std::vector<std::string>{std::string(1000, 'x')});
}

TEST_F(WebSocketTest, NamesTheStageThatFailed) {
    serve();
    server.reset();
    connect(url("/"));
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Tcp);
    EXPECT_EQ(failure->error.code, Errc::Unavailable);
    EXPECT_NE(failure->error.context.find(at.to_string() + ": tcp: "), std::string::npos)
        << failure->error.context;

    failure.reset();
    connect("ws://no-such-host.invalid/");
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Resolve);
    EXPECT_NE(failure->error.context.find("no-such-host.invalid:80"), std::string::npos);
}

TEST_F(WebSocketTest, GivesUpInTimeOnAServerThatSaysNothing) {
    HttpServer::Respond held;
    const auto tcp = HttpServer::start(loop, {}, [&](const auto&, HttpServer::Respond respond) {
                         held = std::move(respond);
                     }).value();
    at = tcp->local();
    WebSocket::Options options;
    options.timeout = 100ms;
    connect(url("/"), options);
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Upgrade);
    EXPECT_EQ(failure->error.code, Errc::Timeout);
}

TEST_F(WebSocketTest, CallsNoHandlerOnceDestroyed) {
    serve();
    for (const bool early : {true, false}) {
        connect(url("/"));
        if (early) {
            client.reset();
        } else {
            on_open = [&] { client.reset(); };
        }
        settle();
        EXPECT_FALSE(failure);
    }
    connect(url("/greet"));
    on_open = nullptr;
    on_message = [&] { client.reset(); };
    settle();
    EXPECT_EQ(messages.size(), 1u);
    EXPECT_FALSE(failure);
    EXPECT_EQ(server_closed, 2);
}

TEST_F(WebSocketTest, TellsWhenAllIsSent) {
    serve();
    int sent = 0;
    connect(url("/"), {}, [&] {
        ++sent;
        client->close();
    });
    client->send_text("one");
    client->send_text("two");
    run();
    EXPECT_EQ(sent, 1);
    EXPECT_EQ(text_seen, 2);
}

TEST_F(WebSocketTest, ConnectsToNoAddressThatIsRefused) {
    serve();
    WebSocket::Options options;
    options.refusal = [](const Endpoint& address) { return address.address + " is out of reach"; };
    connect(url("/"), std::move(options));
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Tcp);
    EXPECT_EQ(failure->error.code, Errc::PermissionDenied);
    EXPECT_NE(failure->error.to_string().find("127.0.0.1 is out of reach"), std::string::npos)
        << failure->error.to_string();
}

TEST_F(WebSocketTest, ClosesBeforeItIsOpen) {
    serve();
    connect(url("/"));
    client->close();
    EXPECT_FALSE(failure);
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->error.code, Errc::Cancelled);
}

TEST_F(WebSocketTest, VerifiesTls) {
    const TestCertificate good("DNS:localhost,IP:127.0.0.1");
    HttpServer::Options server_options;
    server_options.tls_certificate_file = good.certificate;
    server_options.tls_key_file = good.key;
    serve(server_options);

    connect(url("/greet", "wss"));
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Tls);
    EXPECT_EQ(failure->error.code, Errc::PermissionDenied);
    EXPECT_NE(failure->error.context.find("self-signed"), std::string::npos)
        << failure->error.context;

    failure.reset();
    WebSocket::Options options;
    options.ca_file = good.certificate;
    on_message = [&] { client->close(); };
    for (const std::string host : {"127.0.0.1", "localhost"}) {
        failure.reset();
        messages.clear();
        connect("wss://" + host + ":" + std::to_string(at.port) + "/greet", options);
        run();
        EXPECT_EQ(messages, std::vector<std::string>{"welcome"});
        EXPECT_EQ(
            stages(timings), (std::vector{Stage::Resolve, Stage::Tcp, Stage::Tls, Stage::Upgrade})
        );
        ASSERT_TRUE(failure);
        EXPECT_EQ(failure->error.code, Errc::Cancelled) << failure->error.to_string();
    }

    const TestCertificate other("DNS:other.example");
    server_options.tls_certificate_file = other.certificate;
    server_options.tls_key_file = other.key;
    serve(server_options);
    options.ca_file = other.certificate;
    failure.reset();
    connect("wss://localhost:" + std::to_string(at.port) + "/", options);
    run();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Tls);
    EXPECT_EQ(failure->error.code, Errc::PermissionDenied) << failure->error.to_string();
    EXPECT_EQ(failure->error.context.find("self-signed"), std::string::npos)
        << failure->error.context;
}

TEST_F(WebSocketTest, TakesLongAnswersAndAnswersPings) {
    const HandmadePeer peer;
    Bytes pong;
    std::thread thread([&] { pong = peer.serve(); });
    at = peer.at;
    connect(url("/"));
    run();
    thread.join();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->stage, Stage::Open) << failure->error.to_string();
    EXPECT_EQ(messages, std::vector<std::string>(2, std::string(2000, 'm')));
    ASSERT_EQ(pong.size(), 8u);
    EXPECT_EQ(pong[0], 0x8a);  // FIN, pong.
    EXPECT_EQ(pong[1], 0x82);  // Masked, two bytes.
    EXPECT_EQ(pong[6] ^ pong[2], 'h');
    EXPECT_EQ(pong[7] ^ pong[3], 'i');
}

}  // namespace
}  // namespace aircheck::net
