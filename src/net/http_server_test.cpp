#include "net/http_server.hpp"

#include "net/http_client.hpp"
#include "net/test_support.hpp"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

namespace aircheck::net {
namespace {

using testing::LoopThread;
using testing::RawClient;

HttpServerResponse text(int status, std::string body) {
    return {status, {}, std::move(body), std::nullopt};
}

/// Answers with the path; "/hold" is answered by the test.
struct HttpServerTest : ::testing::Test {
    HttpServerTest() {
        thread.call([this] {
            HttpServer::Options options;
            options.max_body_bytes = 1000;
            server = HttpServer::start(
                         thread.loop,
                         options,
                         [this](HttpServerRequest request, HttpServer::Respond respond) {
                             handle(std::move(request), std::move(respond));
                         }
            ).value();
            at = server->local();
        });
    }
    ~HttpServerTest() override {
        thread.call([this] { server.reset(); });
    }

    void handle(HttpServerRequest request, HttpServer::Respond respond) {
        if (request.path == "/hold") return held.set_value(std::move(respond));
        if (request.path == "/drop") return;
        if (request.path == "/throw") throw std::runtime_error("on purpose");
        if (request.path == "/end") return server.reset();
        if (request.path == "/twice") respond(text(200, "first"));
        if (request.path == "/file") {
            respond({206, {{"Content-Type", "audio/ogg"}}, "", file});
        } else if (request.path == "/inject") {
            respond(
                {200,
                 {{"X-Bad", "a\r\nX-Evil: 1"}, {"Content-Length", "1"}, {"X-Good", "b"}},
                 "body",
                 {}}
            );
        } else if (request.path == "/none") {
            respond(text(204, ""));
        } else {
            respond(text(200, request.method + " " + request.path + "\n" + request.body));
        }
    }

    /// What the server answers to `request`, until it closes.
    [[nodiscard]] std::string exchange(const std::string& request) const {
        const RawClient client(at);
        client.send(request);
        return client.read_to_end();
    }

    LoopThread thread;
    std::unique_ptr<HttpServer> server;
    Endpoint at;
    std::promise<HttpServer::Respond> held;
    std::optional<HttpServerResponse::File> file;
};

std::string body_of(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
}

bool has(const std::string& text_of, std::string_view part) {
    return text_of.find(part) != std::string::npos;
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
    const RawClient client(at);
    client.send(
        "GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    );
    held.get_future().get()(text(200, "slow"));
    const auto answer = client.read_to_end();
    const auto first = answer.find("\r\n\r\nslow"), second = answer.find("\r\n\r\nGET /2\n"),
               third = answer.find("\r\n\r\nPOST /3\nhi");
    EXPECT_NE(third, std::string::npos) << answer;
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_TRUE(has(answer, "Connection: close\r\n"));
    EXPECT_TRUE(has(answer, "\r\nDate: ")) << answer;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutTheBody) {
    const auto answer = exchange("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(has(answer, "Content-Length: 7\r\n")) << answer;
    EXPECT_EQ(body_of(answer), "");
}

TEST_F(HttpServerTest, TakesChunksAndWaitingClients) {
    const auto chunked = exchange(
        "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
    );
    EXPECT_EQ(body_of(chunked), "POST /x\nabcdefg");

    const RawClient client(at);
    client.send(
        "PUT /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: "
        "100-continue\r\nContent-Length: 3\r\n\r\n"
    );
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    EXPECT_EQ(body_of(client.read_to_end()), "PUT /x\nabc");
}

TEST_F(HttpServerTest, HoldsItsLimits) {
    struct Row {
        std::string request;
        std::string_view status;
    };
    const Row rows[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" +
             std::string(1000, 'x'),
         "200"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'),
         "413"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", "413"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
             std::string(1024, 'x') + "\r\n0\r\n\r\n",
         "413"},
        {"GET / HTTP/1.1\r\nX: " + std::string(15'000, 'x') + "\r\nConnection: close\r\n\r\n",
         "200"},
        {"GET / HTTP/1.1\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n", "431"},
        {"GET /" + std::string(100'000, 'x'), "431"},
        {"nonsense\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
        {"GET / HTTP/1.0\r\n\r\n", "200"},
    };
    for (const auto& row : rows) {
        const auto answer = exchange(row.request);
        EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 " + std::string(row.status) + " ")
            << row.request.substr(0, 60) << " -> " << answer.substr(0, 200);
    }
    // Cut off in the middle: no answer, and the server goes on.
    EXPECT_TRUE(has(exchange("GET /still HTTP/1.1\r\nConnection: close\r\n\r\n"), "/still"));
}

TEST_F(HttpServerTest, WordsRefusalsAsItsOwnerSays) {
    thread.call([this] {
        HttpServer::Options options;
        options.max_body_bytes = 1000;
        options.refusal = [](int status, const std::string& target, const std::string&) {
            return HttpServerResponse{
                200, {{"X-Target", target}}, "refused: " + std::to_string(status), std::nullopt};
        };
        server = HttpServer::start(thread.loop, options, [](const auto&, const auto& respond) {
                     respond(text(200, "fine"));
                 }).value();
        at = server->local();
    });
    const auto large = exchange("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    EXPECT_EQ(large.substr(0, 13), "HTTP/1.1 413 ") << "the status is the server's";
    EXPECT_TRUE(has(large, "X-Target: /a?b\r\n")) << large;
    EXPECT_EQ(body_of(large), "refused: 413");
    // What a HEAD before it was told has no say in it.
    const auto after_head = exchange(
        "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\n"
        "Content-Length: 1001\r\n\r\n"
    );
    EXPECT_TRUE(after_head.ends_with("refused: 413")) << after_head;
    const auto nonsense = exchange("nonsense\r\n\r\n");
    EXPECT_TRUE(has(nonsense, "X-Target: \r\n")) << nonsense;
    EXPECT_EQ(body_of(nonsense), "refused: 400");
}

TEST_F(HttpServerTest, SendsFilesByPieces) {
    const tests::TempFolder folder;
    std::string content(1'000'000, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i % 251);
    const auto path = folder / "f";
    tests::write_file(path, content);
    const std::string request = "GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    struct Row {
        std::uint64_t offset, length;
        bool good;
    };
    const Row rows[] = {
        {0, 1'000'000, true},
        {0, 262'144, true},
        {1, 700'001, true},
        {999'999, 1, true},
        {1'000'000, 0, true},
        {0, 1'000'001, false},
        {1'000'001, 0, false},
        {1, ~std::uint64_t{0}, false},
    };
    for (const auto& row : rows) {
        file = {path, row.offset, row.length};
        const auto answer = exchange(request);
        if (!row.good) {
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer.substr(0, 100);
            continue;
        }
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 206 ")) << answer.substr(0, 100);
        EXPECT_TRUE(has(answer, "Content-Type: audio/ogg\r\n"));
        EXPECT_TRUE(has(answer, "Content-Length: " + std::to_string(row.length) + "\r\n"));
        EXPECT_TRUE(body_of(answer) == content.substr(row.offset, row.length)) << row.offset;
    }
    file = {path, 0, 1'000'000};
    EXPECT_EQ(body_of(exchange("HEAD /file HTTP/1.1\r\nConnection: close\r\n\r\n")), "");
    for (const auto& bad : {folder / "none", folder / ""}) {
        file = {bad, 0, 1};
        EXPECT_TRUE(exchange(request).starts_with("HTTP/1.1 500 ")) << bad;
    }
}

TEST_F(HttpServerTest, WritesNoHeaderThatAValueMade) {
    const auto answer = exchange("GET /inject HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_FALSE(has(answer, "X-Evil")) << answer;
    EXPECT_TRUE(has(answer, "X-Good: b\r\n"));
    EXPECT_TRUE(has(answer, "Content-Length: 4\r\n"));
    EXPECT_FALSE(has(answer, "Content-Length: 1\r\n"));
    const auto none = exchange("GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(none.starts_with("HTTP/1.1 204 No Content\r\n"));
    EXPECT_FALSE(has(none, "Content-Length")) << none;
}

TEST_F(HttpServerTest, AnswersOnceWhateverTheHandlerDoes) {
    const std::string close = " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    EXPECT_TRUE(exchange("GET /drop" + close).starts_with("HTTP/1.1 500 "));
    EXPECT_TRUE(exchange("GET /throw" + close).starts_with("HTTP/1.1 500 "));
    const auto twice = exchange("GET /twice HTTP/1.1\r\nHost: h\r\n\r\nGET /x" + close);
    EXPECT_TRUE(has(twice, "first"));
    EXPECT_FALSE(has(twice, "/twice")) << twice;
    EXPECT_TRUE(has(twice, "GET /x\n")) << twice;
}

TEST_F(HttpServerTest, MayBeDestroyedInItsHandler) {
    EXPECT_EQ(exchange("GET /end HTTP/1.1\r\nHost: h\r\n\r\n"), "");
}

TEST_F(HttpServerTest, ClosesEverythingWhenDestroyed) {
    const RawClient idle(at), busy(at);
    idle.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(idle.read_until("/1\n").substr(0, 9), "HTTP/1.1 ");
    busy.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto respond = held.get_future().get();
    thread.call([this] { server.reset(); });
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_EQ(busy.read_to_end(), "");
    respond(text(200, "late"));
    thread.call([] {});
}

TEST(HttpServer, RespondOutlivesServerAndLoop) {
    HttpServer::Respond late;
    {
        LoopThread thread;
        std::unique_ptr<HttpServer> server;
        std::promise<void> asked;
        thread.call([&] {
            server =
                HttpServer::start(thread.loop, {}, [&](const auto&, HttpServer::Respond respond) {
                    late = std::move(respond);
                    asked.set_value();
                }).value();
        });
        const RawClient client(server->local());
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        asked.get_future().wait();
        thread.call([&] { server.reset(); });
    }
    late(text(200, "nobody hears it"));
    late = nullptr;
}

TEST(HttpServer, NamesWhatKeepsItFromStarting) {
    LoopThread thread;
    thread.call([&] {
        const auto ignore = [](const auto&, const auto&) {};
        HttpServer::Options options;
        const auto first = HttpServer::start(thread.loop, options, ignore).value();
        options.bind = first->local();
        const auto taken = HttpServer::start(thread.loop, options, ignore);
        ASSERT_FALSE(taken);
        EXPECT_NE(taken.error().context.find(options.bind.to_string()), std::string::npos);

        options.bind = {"localhost", 0};
        EXPECT_EQ(
            HttpServer::start(thread.loop, options, ignore).error().code, Errc::InvalidArgument
        );

        options.bind = {"127.0.0.1", 0};
        options.tls_certificate_file = "/no/such/certificate.pem";
        const auto no_file = HttpServer::start(thread.loop, options, ignore);
        ASSERT_FALSE(no_file);
        EXPECT_NE(no_file.error().context.find("/no/such/certificate.pem"), std::string::npos);
    });
}

}  // namespace
}  // namespace aircheck::net
