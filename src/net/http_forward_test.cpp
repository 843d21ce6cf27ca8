// Requests passed on over loopback; the other server is written by hand, or is an HttpServer.
#include "net/http_forward.hpp"

#include "net/http_client.hpp"
#include "net/test_support.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>

namespace aircheck::net {
namespace {

using testing::LoopThread;
using testing::RawClient;
using testing::RawServer;
using testing::TestCertificate;

constexpr std::string_view kUpgrade =
    "GET /rtc?t=1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kGranted =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kGet = "GET /rtc HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

std::string body_of(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A server that passes on what is below /rtc and answers all else by itself.
struct HttpForwardTest : ::testing::Test {
    void pass_on_to(const std::string& url, const std::string& ca_file = "") {
        HttpForwarding forwarding;
        forwarding.to = Url::parse(url).value();
        forwarding.ca_file = ca_file;
        forwarding.takes = [](const HttpServerRequest& request) {
            return request.path.starts_with("/rtc");
        };
        forwarding.failed = [](const HttpServerRequest& request, HttpForwarding::Failure why) {
            EXPECT_EQ(request.body, "");
            const auto code = std::to_string(static_cast<int>(why));
            return HttpServerResponse{502, {}, "failed " + code, std::nullopt};
        };
        thread.call([&] {
            HttpServer::Options options;
            options.forwarding = std::move(forwarding);
            front =
                HttpServer::start(thread.loop, options, [](const auto& request, const auto& to) {
                    to({200, {}, "own " + request.path, std::nullopt});
                }).value();
            at = front->local();
        });
    }
    void pass_on_to(const RawServer& server) { pass_on_to("http://" + server.at.to_string()); }

    ~HttpForwardTest() override {
        thread.call([this] { front.reset(); });
    }

    [[nodiscard]] std::string exchange(std::string_view request) const {
        const RawClient client(at);
        client.send(request);
        return client.read_to_end();
    }

    [[nodiscard]] static std::string failed(HttpForwarding::Failure why) {
        return "failed " + std::to_string(static_cast<int>(why));
    }

    LoopThread thread;
    std::unique_ptr<HttpServer> front;
    Endpoint at;
};

TEST_F(HttpForwardTest, PassesRequestsOnAndAnswersBack) {
    const RawServer server;
    pass_on_to("ws://" + server.at.to_string() + "/base");
    const RawClient client(at);
    client.send(
        "POST /rtc/x?y=%2F HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\nContent-Length: "
        "4\r\n\r\nbodyGET /own HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    );
    const auto peer = server.accept();
    const auto asked = peer->read_until("body");
    EXPECT_TRUE(asked.starts_with(
        "POST /base/rtc/x?y=%2F HTTP/1.1\r\nHost: " + server.at.to_string() + "\r\n"
    )) << asked;
    EXPECT_TRUE(has(asked, "\r\nAuthorization: Bearer t\r\n"));
    EXPECT_TRUE(has(asked, "\r\nX-Forwarded-For: 127.0.0.1\r\n"));
    EXPECT_TRUE(asked.ends_with("\r\nContent-Length: 4\r\n\r\nbody")) << asked;
    peer->send(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 418 T\r\nX-Own: 1\r\nX-Hop: 2\r\nConnection: close, X-Hop\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n0\r\n\r\n"
    );
    const auto answer = client.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 418 ")) << answer;
    EXPECT_TRUE(has(answer, "\r\nX-Own: 1\r\n"));
    EXPECT_FALSE(has(answer, "X-Hop")) << answer;
    EXPECT_TRUE(has(answer, "\r\nContent-Length: 3\r\n"));
    EXPECT_TRUE(has(answer, "\r\n\r\nteaHTTP/1.1 200 ")) << "the next request: " << answer;
    EXPECT_TRUE(answer.ends_with("own /own")) << answer;
}

TEST_F(HttpForwardTest, TakesAnswersThatEndWithTheConnection) {
    const RawServer server;
    pass_on_to(server);
    auto answer = std::async(std::launch::async, [&] { return exchange(kGet); });
    {
        const auto peer = server.accept();
        EXPECT_TRUE(has(peer->read_until("\r\n\r\n"), "GET /rtc "));
        peer->send("HTTP/1.1 200 OK\r\n\r\nall of it");
    }
    EXPECT_EQ(body_of(answer.get()), "all of it");
}

TEST_F(HttpForwardTest, GoesToItsServerWhateverTheRequestNames) {
    const RawServer server, elsewhere;
    pass_on_to(server);
    auto answer = std::async(std::launch::async, [&] {
        return exchange(
            "GET http://" + elsewhere.at.to_string() +
            "/rtc HTTP/1.1\r\nHost: " + elsewhere.at.to_string() + "\r\nConnection: close\r\n\r\n"
        );
    });
    const auto peer = server.accept();
    const auto asked = peer->read_until("\r\n\r\n");
    EXPECT_TRUE(asked.starts_with("GET /rtc HTTP/1.1\r\nHost: " + server.at.to_string())) << asked;
    EXPECT_FALSE(has(asked, elsewhere.at.to_string()));
    peer->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_EQ(body_of(answer.get()), "ok");
}

TEST_F(HttpForwardTest, SaysWhatWentWrong) {
    using Failure = HttpForwarding::Failure;
    const RawServer server;
    pass_on_to(server);
    for (const std::string& bad :
         {std::string(),
          std::string("nonsense\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
          "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n",
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"),
          std::string(kGranted)}) {
        auto answer = std::async(std::launch::async, [&] { return exchange(kGet); });
        const auto peer = server.accept();
        EXPECT_TRUE(has(peer->read_until("\r\n\r\n"), "GET /rtc "));
        peer->send(bad);
        peer->finish();
        EXPECT_EQ(body_of(answer.get()), failed(Failure::NoAnswer)) << bad.substr(0, 60);
    }
    EXPECT_EQ(
        body_of(exchange("GET /rtc HTTP/1.1\r\nVia: 1.1 aircheck\r\nConnection: close\r\n\r\n")),
        failed(Failure::Loop)
    );
    std::optional<RawServer> gone(std::in_place);
    const auto nowhere = gone->at;
    gone.reset();
    pass_on_to("http://" + nowhere.to_string());
    EXPECT_EQ(body_of(exchange(kGet)), failed(Failure::Unreachable));
    const RawClient client(at);
    client.send(kUpgrade);
    EXPECT_TRUE(has(client.read_until("failed 0"), "HTTP/1.1 502 "));
}

TEST_F(HttpForwardTest, StrangersDoNotFillTheLog) {
    pass_on_to("http://127.0.0.1:1");
    ::testing::internal::CaptureStderr();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(body_of(exchange(kGet)), failed(HttpForwarding::Failure::Unreachable));
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    const std::string said = ::testing::internal::GetCapturedStderr();
    long lines = 0;
    for (auto line = said.find("forward_failed"); line != std::string::npos; ++lines) {
        line = said.find("forward_failed", line + 1);
    }
    EXPECT_GE(lines, 1);
    EXPECT_LE(lines, 1 + std::chrono::duration_cast<std::chrono::seconds>(took).count());
}

TEST_F(HttpForwardTest, FindsOutThatItLeadsBackToItself) {
    const RawServer nobody;
    pass_on_to(nobody);
    auto first = std::move(front);
    pass_on_to("http://" + at.to_string());
    EXPECT_EQ(body_of(exchange(kGet)), failed(HttpForwarding::Failure::Loop));
    thread.call([&] { first.reset(); });
}

TEST_F(HttpForwardTest, CarriesBytesBothWaysAfterAnUpgrade) {
    const RawServer server;
    pass_on_to(server);
    const RawClient client(at);
    client.send(std::string(kUpgrade) + "early");
    const auto peer = server.accept();
    const auto asked = peer->read_until("\r\n\r\n");
    EXPECT_TRUE(asked.starts_with("GET /rtc?t=1 HTTP/1.1\r\n")) << asked;
    EXPECT_TRUE(has(asked, "\r\nUpgrade: websocket\r\n"));
    peer->send(std::string(kGranted) + "welcome");
    EXPECT_EQ(client.read_until("welcome"), std::string(kGranted) + "welcome");
    EXPECT_EQ(peer->read_bytes(5), "early");

    std::string large(3'000'000, '\0');
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i % 251);
    auto sent = std::async(std::launch::async, [&] { client.send(large); });
    auto back = std::async(std::launch::async, [&] { peer->send(large); });
    auto arrived = std::async(std::launch::async, [&] { return client.read_bytes(large.size()); });
    EXPECT_TRUE(peer->read_bytes(large.size()) == large);
    EXPECT_TRUE(arrived.get() == large);
    sent.get();
    back.get();

    client.finish();  // And is still sent to.
    EXPECT_EQ(peer->read_to_end(), "");
    peer->send("last words");
    peer->finish();
    EXPECT_EQ(client.read_to_end(), "last words");
}

TEST_F(HttpForwardTest, AnswersARefusedUpgradeAsTheServerDoes) {
    const RawServer server;
    pass_on_to(server);
    const RawClient client(at);
    client.send(kUpgrade);
    const auto peer = server.accept();
    EXPECT_NE(peer->read_until("\r\n\r\n"), "");
    peer->send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nno token!");
    const auto answer = client.read_until("no token!");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nno token!")) << answer;
}

TEST_F(HttpForwardTest, AReaderThatWaitsMakesItsSenderWait) {
    const RawServer server;
    pass_on_to(server);
    const RawClient client(at);
    client.send(kUpgrade);
    const auto peer = server.accept();
    EXPECT_NE(peer->read_until("\r\n\r\n"), "");
    peer->send(kGranted);
    EXPECT_EQ(client.read_until("\r\n\r\n"), kGranted);

    constexpr std::size_t kAll = std::size_t{128} * 1024 * 1024;  // Beyond all sockets' buffers.
    const std::string piece(64 * 1024, 'x');
    std::size_t sent = 0;
    const auto send_until_stuck = [&] {
        pollfd ready{client.fd(), POLLOUT, 0};
        while (sent < kAll && poll(&ready, 1, 1000) > 0) {
            const auto size = std::min(piece.size(), kAll - sent);
            const auto some = ::send(client.fd(), piece.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
            ASSERT_GT(some, 0);
            sent += static_cast<std::size_t>(some);
        }
    };
    send_until_stuck();
    EXPECT_LT(sent, kAll) << "it was kept somewhere";
    auto rest = std::async(std::launch::async, [&] {
        while (sent < kAll) send_until_stuck();
        client.finish();
    });
    std::size_t read = 0;
    for (std::string got; !(got = peer->read_bytes(1'000'000)).empty();) read += got.size();
    rest.get();
    EXPECT_EQ(read, kAll);
}

TEST_F(HttpForwardTest, EndsTunnelsWithTheServer) {
    const RawServer server;
    pass_on_to(server);
    const RawClient client(at), waiting(at);
    client.send(kUpgrade);
    const auto peer = server.accept();
    peer->send(kGranted);
    EXPECT_EQ(client.read_until("\r\n\r\n"), kGranted);
    waiting.send(kGet);
    const auto silent = server.accept();
    EXPECT_NE(silent->read_until("\r\n\r\n"), "");
    thread.call([this] { front.reset(); });
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(waiting.read_to_end(), "");
    EXPECT_NE(peer->read_until("\r\n\r\n"), "");
    EXPECT_EQ(peer->read_to_end(), "");
    EXPECT_EQ(silent->read_to_end(), "");
}

TEST_F(HttpForwardTest, EndsATunnelWithEitherSide) {
    const RawServer server;
    pass_on_to(server);
    {
        const RawClient client(at);
        client.send(kUpgrade);
        auto peer = server.accept();
        EXPECT_NE(peer->read_until("\r\n\r\n"), "");
        peer->send(kGranted);
        EXPECT_EQ(client.read_until("\r\n\r\n"), kGranted);
        peer.reset();
        EXPECT_EQ(client.read_to_end(), "");
    }
    std::unique_ptr<RawClient> peer;
    {
        const RawClient client(at);
        client.send(kUpgrade);
        peer = server.accept();
        EXPECT_NE(peer->read_until("\r\n\r\n"), "");
        peer->send(kGranted);
        EXPECT_EQ(client.read_until("\r\n\r\n"), kGranted);
    }
    EXPECT_EQ(peer->read_to_end(), "");
}

/// A WebSocket client, through the front, to a server with TLS that echoes.
TEST_F(HttpForwardTest, ReachesServersOverTlsThatItCanVerify) {
    const TestCertificate mine("DNS:localhost"), other("DNS:localhost");
    std::unique_ptr<HttpServer> server;
    Endpoint behind;
    thread.call([&] {
        HttpServer::Options options;
        options.tls_certificate_file = mine.certificate;
        options.tls_key_file = mine.key;
        server = HttpServer::start(
                     thread.loop,
                     options,
                     [](const auto& request, const auto& respond) {
                         respond({200, {}, "secure " + request.path, std::nullopt});
                     },
                     [](const auto&, std::shared_ptr<ServerWebSocket> socket) {
                         socket->on_message = [socket](BytesView message, bool) {
                             socket->send_binary({message.begin(), message.end()});
                         };
                         return std::optional<HttpServerResponse>();
                     }
        ).value();
        behind = server->local();
    });
    const auto to = [&](const std::string& host) {
        return "wss://" + host + ":" + std::to_string(behind.port);
    };
    pass_on_to(to("localhost"), mine.certificate);
    EXPECT_EQ(body_of(exchange(kGet)), "secure /rtc");

    std::promise<std::string> echoed;
    std::unique_ptr<WebSocket> client;
    thread.call([&] {
        WebSocket::Handlers on;
        on.message = [&](BytesView message, bool) {
            echoed.set_value(std::string(as_text(message)));
        };
        const auto url = Url::parse("ws://" + at.to_string() + "/rtc").value();
        client = WebSocket::connect(thread.loop, url, {}, std::move(on));
        client->send_binary(Bytes(100'000, 'x'));
    });
    auto answer = echoed.get_future();
    ASSERT_EQ(answer.wait_for(30s), std::future_status::ready);
    EXPECT_TRUE(answer.get() == std::string(100'000, 'x'));
    thread.call([&] { client.reset(); });

    const auto unreachable = failed(HttpForwarding::Failure::Unreachable);
    pass_on_to(to("127.0.0.1"), mine.certificate);
    EXPECT_EQ(body_of(exchange(kGet)), unreachable) << "the certificate is not for this name";
    pass_on_to(to("localhost"), other.certificate);
    EXPECT_EQ(body_of(exchange(kGet)), unreachable) << "nobody we trust signed it";
    thread.call([&] { server.reset(); });
}

}  // namespace
}  // namespace aircheck::net
