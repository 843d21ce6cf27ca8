#include "net/http_client.hpp"

#include "net/http_server.hpp"
#include "net/test_support.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <mutex>
#include <set>

namespace aircheck::net {
namespace {

using testing::LoopThread;
using testing::TestCertificate;

/// A server that keeps what it was asked, and answers as `answer` says.
struct HttpClientTest : ::testing::Test {
    void start(HttpServer::Options options = {}) {
        thread.call([&] {
            server = HttpServer::start(
                         thread.loop,
                         std::move(options),
                         [this](HttpServerRequest request, const HttpServer::Respond& respond) {
                             const std::lock_guard lock(mutex);
                             seen.push_back(request);
                             held.push_back(respond);
                             if (answer) respond(answer(request));
                         }
            ).value();
            at = server->local();
        });
    }
    ~HttpClientTest() override {
        thread.call([&] { server.reset(); });
    }
    [[nodiscard]] std::string url(const std::string& rest) const {
        return "http://" + at.to_string() + rest;
    }

    LoopThread thread;
    std::unique_ptr<HttpServer> server;
    Endpoint at;
    std::mutex mutex;
    std::vector<HttpServerRequest> seen;
    std::vector<HttpServer::Respond> held;
    std::function<HttpServerResponse(const HttpServerRequest&)> answer = [](const auto&) {
        return HttpServerResponse{200, {}, "ok", std::nullopt};
    };
    HttpClient client;
};

HttpRequest get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    return request;
}

TEST_F(HttpClientTest, CarriesMethodHeadersAndBodyBothWays) {
    start();
    answer = [](const HttpServerRequest& request) {
        return HttpServerResponse{
            418,
            {{"X-One", "1"}, {"X-Two", "  two  "}, {"X-One", "3"}},
            request.body + "!",
            std::nullopt};
    };
    for (const std::string method : {"POST", "PUT", "PATCH", "DELETE"}) {
        HttpRequest request = get(url("/a/../b%20c?x=1&y=%2F#fragment"));
        request.method = method;
        request.headers = {{"X-Mine", "yes"}, {"X-Empty", ""}, {"Content-Type", "text/x"}};
        request.body = std::string("body\0 of it", 11);
        const auto response = client.send(request);
        ASSERT_TRUE(response) << response.error().to_string();
        EXPECT_EQ(response->status, 418);
        EXPECT_EQ(response->body, std::string("body\0 of it!", 12));
        EXPECT_EQ(response->headers.get("x-one"), "1");
        EXPECT_EQ(response->headers.get("X-TWO"), "two");
        const auto& got = seen.back();
        EXPECT_EQ(got.method, method);
        EXPECT_EQ(got.target, "/a/../b%20c?x=1&y=%2F");
        EXPECT_EQ(got.path, "/a/../b%20c");
        EXPECT_EQ(got.query, "x=1&y=%2F");
        EXPECT_EQ(got.headers.get("x-mine"), "yes");
        EXPECT_TRUE(got.headers.has("X-Empty"));
        EXPECT_EQ(got.headers.get("Content-Type"), "text/x");
        EXPECT_EQ(got.headers.get("Content-Length"), "11");
        EXPECT_EQ(got.headers.get("Host"), at.to_string());
        EXPECT_FALSE(got.headers.has("Expect"));
    }
}

TEST_F(HttpClientTest, SendsNothingThatWasNotAskedFor) {
    start();
    HttpRequest empty = get(url(""));
    empty.method = "PUT";
    ASSERT_TRUE(client.send(empty));
    EXPECT_EQ(seen.back().headers.get("Content-Length"), "0");
    EXPECT_FALSE(seen.back().headers.has("Content-Type"));
    EXPECT_EQ(seen.back().target, "/");
    ASSERT_TRUE(client.send(get(url("/"))));
    EXPECT_FALSE(seen.back().headers.has("Content-Length"));
    EXPECT_FALSE(seen.back().headers.has("Authorization"));
}

TEST_F(HttpClientTest, KeepsTheConnectionBetweenCalls) {
    start();
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 5; ++i) {
        HttpRequest request = get(url("/"));
        request.method = i % 2 == 0 ? "GET" : "HEAD";
        const auto response = client.send(request);
        ASSERT_TRUE(response);
        EXPECT_EQ(response->body, i % 2 == 0 ? "ok" : "");
        ports.insert(seen.back().remote.port);
    }
    EXPECT_EQ(ports.size(), 1u);
}

TEST_F(HttpClientTest, ServesManyThreads) {
    start();
    std::atomic<int> good = 0;
    {
        Pool pool("clients", 8);
        for (int i = 0; i < 200; ++i) {
            pool.run([&] {
                if (const auto response = client.send(get(url("/")));
                    response && response->body == "ok")
                    ++good;
            });
        }
    }
    EXPECT_EQ(good, 200);
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
    start();
    answer = [this](const auto&) {
        return HttpServerResponse{302, {{"Location", url("/there")}}, "", {}};
    };
    const auto response = client.send(get(url("/here")));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 302);
    EXPECT_EQ(seen.size(), 1u);
}

TEST_F(HttpClientTest, EndsAtItsTimeoutNamingTheHost) {
    start();
    answer = nullptr;
    auto request = get(url("/secret?token=secret"));
    request.timeout = 200ms;
    const auto response = client.send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::Timeout);
    EXPECT_NE(response.error().context.find(at.to_string()), std::string::npos)
        << response.error().context;
    EXPECT_EQ(response.error().context.find("secret"), std::string::npos)
        << response.error().context;
}

TEST_F(HttpClientTest, StopsAtTheLimitOfTheBody) {
    start();
    answer = [](const auto&) { return HttpServerResponse{200, {}, std::string(100'000, 'x'), {}}; };
    auto request = get(url("/"));
    request.max_response_bytes = 100'000;
    ASSERT_TRUE(client.send(request));
    request.max_response_bytes = 99'999;
    const auto response = client.send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::Malformed);
    EXPECT_NE(response.error().context.find("99999"), std::string::npos)
        << response.error().context;
}

TEST_F(HttpClientTest, NamesTheHostThatRefuses) {
    start();
    thread.call([&] { server.reset(); });
    const auto response = client.send(get(url("/")));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::Unavailable);
    EXPECT_NE(response.error().context.find(at.to_string()), std::string::npos)
        << response.error().context;

    const auto unknown = client.send(get("http://no-such-host.invalid/"));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::Unavailable);
    EXPECT_NE(unknown.error().context.find("no-such-host.invalid"), std::string::npos);
}

TEST_F(HttpClientTest, ReachesPublicAddressesOnlyWhenToldSo) {
    start();
    const auto port = ":" + std::to_string(at.port) + "/";
    ASSERT_TRUE(client.send(get("http://127.0.0.1" + port))
    );  // Kept alive; must not be used below.
    struct Row {
        std::string host, address;
    };
    const Row rows[] = {
        {"127.0.0.1", "127.0.0.1"},
        {"localhost", "1"},
        {"2130706433", "127.0.0.1"},  // The same as a number, which resolvers take too.
        {"[::1]", "::1"},
        {"[::ffff:127.0.0.1]", "::ffff:127.0.0.1"},
        {"169.254.169.254", "169.254.169.254"},
        {"10.0.0.1", "10.0.0.1"},
        {"192.168.1.1", "192.168.1.1"},
        {"0.0.0.0", "0.0.0.0"},
    };
    const auto before = seen.size();
    for (const auto& row : rows) {
        auto request = get("http://" + row.host + port);
        request.reach = HttpRequest::Reach::PublicOnly;
        request.timeout = 5s;
        const auto response = client.send(request);
        ASSERT_FALSE(response) << row.host;
        EXPECT_EQ(response.error().code, HttpErrc::AddressRefused) << response.error().context;
        EXPECT_NE(response.error().context.find("network.allow"), std::string::npos);
        EXPECT_NE(
            response.error().context.find(row.address + " is not a public address"),
            std::string::npos
        ) << response.error().context;
    }
    EXPECT_EQ(seen.size(), before);
}

TEST_F(HttpClientTest, ReachesWhatIsAllowedBesidesPublicAddresses) {
    start();  // On 127.0.0.1.
    const auto port = ":" + std::to_string(at.port) + "/";
    struct Row {
        std::string host, allow;
        bool expected;
    };
    const Row rows[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.0/8", true},
        {"localhost", "127.0.0.0/8", true},  // By what the name resolves to,
        {"localhost", "localhost", true},    // or by the name itself.
        {"LOCALHOST", "localhost", true},
        {"2130706433", "127.0.0.1", true},
        {"127.0.0.1", "localhost", false},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1", "10.0.0.0/8", false},
        {"localhost", "10.0.0.0/8", false},
        {"169.254.169.254", "169.254.0.0/16", false},
        {"169.254.169.254", "169.254.169.254", false},
        {"0.0.0.0", "0.0.0.0/0", false},
    };
    for (const auto& row : rows) {
        auto request = get("http://" + row.host + port);
        request.reach = HttpRequest::Reach::PublicOnly;
        request.allow = {row.allow};
        request.timeout = 5s;
        const auto response = client.send(request);
        EXPECT_EQ(response.has_value(), row.expected) << row.host << " " << row.allow;
        if (!response) {
            EXPECT_EQ(response.error().code, HttpErrc::AddressRefused) << response.error().context;
        }
    }
}

TEST_F(HttpClientTest, ReachesPrivateAddressesButNeverLinkLocalOnes) {
    start();  // On 127.0.0.1.
    const auto port = ":" + std::to_string(at.port) + "/";
    const auto send = [&](const std::string& host) {
        auto request = get("http://" + host + port);
        request.reach = HttpRequest::Reach::PublicAndPrivate;
        request.timeout = 5s;
        return client.send(request);
    };
    for (const std::string host : {"127.0.0.1", "localhost", "2130706433"}) {
        EXPECT_TRUE(send(host)) << host;
    }
    for (const std::string host :
         {"169.254.169.254",
          "[fe80::1]",
          "[::ffff:169.254.169.254]",
          "[fd00:ec2::254]",
          "0.0.0.0",
          "100.100.100.200",
          "168.63.129.16",
          "224.0.0.1"}) {
        const auto response = send(host);
        ASSERT_FALSE(response) << host;
        EXPECT_EQ(response.error().code, HttpErrc::AddressRefused) << response.error().context;
    }
    // A private address that nobody has is tried, not refused.
    auto request = get("http://10.255.255.1" + port);
    request.reach = HttpRequest::Reach::PublicAndPrivate;
    request.timeout = request.connect_timeout = std::chrono::milliseconds(50);
    const auto response = client.send(request);
    ASSERT_FALSE(response);
    EXPECT_NE(response.error().code, HttpErrc::AddressRefused) << response.error().context;
}

TEST_F(HttpClientTest, KeepsNoConnectionForWhoMayNotReachIt) {
    start();
    auto request = get(url("/"));
    request.reach = HttpRequest::Reach::PublicOnly;
    request.allow = {"127.0.0.1"};
    ASSERT_TRUE(client.send(request));  // Kept alive.
    request.allow = {"10.0.0.0/8"};
    ASSERT_FALSE(client.send(request));
    request.allow.clear();
    ASSERT_FALSE(client.send(request));
}

TEST_F(HttpClientTest, AnAllowedAddressThatIsDownIsNotARefusedOne) {
    start();
    auto request = get("http://localhost:" + std::to_string(at.port) + "/");
    thread.call([&] { server.reset(); });
    request.reach = HttpRequest::Reach::PublicOnly;
    request.allow = {"127.0.0.1"};  // ::1, if there is one, is refused; the other may come back.
    const auto response = client.send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::Unavailable) << response.error().context;
}

TEST_F(HttpClientTest, JudgesTheProxyOfARequestByItsAddress) {
    start();
    auto request = get("http://far.invalid/path");
    request.proxy = "http://" + at.to_string();
    request.reach = HttpRequest::Reach::PublicOnly;
    for (const std::string allow : {"far.invalid", "10.0.0.0/8"}) {
        request.allow = {allow};
        const auto refused = client.send(request);
        ASSERT_FALSE(refused) << allow;
        EXPECT_EQ(refused.error().code, HttpErrc::AddressRefused);
        EXPECT_NE(refused.error().context.find("the proxy's address 127.0.0.1"), std::string::npos)
            << refused.error().context;
    }
    EXPECT_TRUE(seen.empty());
    request.allow = {"127.0.0.0/8"};
    ASSERT_TRUE(client.send(request));
    EXPECT_EQ(seen.back().target, "http://far.invalid/path");
}

TEST_F(HttpClientTest, UsesTheProxyItIsGivenAndNoOther) {
    start();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    setenv("no_proxy", "*", 1);
    const auto direct = client.send(get(url("/direct")));
    auto request = get("http://far.invalid/path?q=1");
    request.proxy = "http://user:pass@" + at.to_string();
    const auto proxied = client.send(request);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("no_proxy");
    ASSERT_TRUE(direct) << direct.error().to_string();
    ASSERT_TRUE(proxied) << proxied.error().to_string();
    EXPECT_EQ(seen.back().target, "http://far.invalid/path?q=1");
    EXPECT_EQ(seen.back().path, "/path");
    EXPECT_EQ(seen.back().headers.get("Proxy-Authorization"), "Basic dXNlcjpwYXNz");
}

TEST_F(HttpClientTest, RefusesWhatWouldBreakTheRequest) {
    const HttpRequest rows[] = {
        get("ftp://host/"),
        get("file:///etc/passwd"),
        get("host"),
        [] {
            auto request = get("http://h/");
            request.headers = {{"X", "a\r\nY: b"}};
            return request;
        }(),
        [] {
            auto request = get("http://h/");
            request.headers = {{"X\n", "a"}};
            return request;
        }(),
        [] {
            auto request = get("http://h/");
            request.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET";
            return request;
        }(),
    };
    for (const auto& row : rows) {
        const auto response = client.send(row);
        ASSERT_FALSE(response) << row.url;
        EXPECT_TRUE(
            response.error().code == Errc::InvalidArgument ||
            response.error().code == Errc::Malformed
        );
    }
}

TEST_F(HttpClientTest, VerifiesTls) {
    const TestCertificate good("DNS:localhost,IP:127.0.0.1");
    HttpServer::Options options;
    options.tls_certificate_file = good.certificate;
    options.tls_key_file = good.key;
    start(options);
    auto request = get("https://" + at.to_string() + "/");
    const auto unverified = client.send(request);
    ASSERT_FALSE(unverified);
    EXPECT_EQ(unverified.error().code, Errc::PermissionDenied) << unverified.error().context;

    request.ca_file = good.certificate;
    const auto verified = client.send(request);
    ASSERT_TRUE(verified) << verified.error().to_string();
    EXPECT_EQ(verified->body, "ok");

    const TestCertificate other("DNS:other.example");
    thread.call([&] { server.reset(); });
    options.tls_certificate_file = other.certificate;
    options.tls_key_file = other.key;
    start(options);
    request = get("https://localhost:" + std::to_string(at.port) + "/");
    request.ca_file = other.certificate;
    const auto misnamed = client.send(request);
    ASSERT_FALSE(misnamed);
    EXPECT_EQ(misnamed.error().code, Errc::PermissionDenied) << misnamed.error().context;

    request.ca_file = "/no/such/file.pem";
    const auto no_file = client.send(request);
    ASSERT_FALSE(no_file);
    EXPECT_EQ(no_file.error().code, Errc::InvalidArgument) << no_file.error().context;
}

}  // namespace
}  // namespace aircheck::net
