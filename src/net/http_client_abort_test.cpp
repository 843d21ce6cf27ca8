#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/test_support.hpp"

#include <gtest/gtest.h>

#include <future>

namespace aircheck::net {
namespace {

TEST(HttpClientAbort, EndsWhatIsUnderWayAndWhatComes) {
    testing::LoopThread thread;
    std::unique_ptr<HttpServer> server;
    std::vector<HttpServer::Respond> held;  // This server never answers.
    std::promise<void> asked;
    HttpRequest request;
    thread.call([&] {
        server = HttpServer::start(
                     thread.loop,
                     {},
                     [&](HttpServerRequest, const HttpServer::Respond& respond) {
                         held.push_back(respond);
                         asked.set_value();
                     }
        ).value();
        request.url = "http://" + server->local().to_string() + "/";
    });
    HttpClient client;
    auto waiting = std::async(std::launch::async, [&] { return client.send(request); });
    asked.get_future().wait();
    client.abort();
    const auto ended = waiting.get();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, Errc::Cancelled) << ended.error().to_string();
    const auto later = client.send(request);
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error().code, Errc::Cancelled);
    thread.call([&] {
        held.clear();
        server.reset();
    });
}

}  // namespace
}  // namespace aircheck::net
