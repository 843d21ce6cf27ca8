// How far a request came, in the words of its error.
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/test_support.hpp"

#include <gmock/gmock.h>

namespace aircheck::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Runs while the test asks it things.
class Running {
public:
    explicit Running(HttpServer::Options options) {
        thread_.call([&] {
            server_ = HttpServer::start(
                          thread_.loop,
                          std::move(options),
                          [](HttpServerRequest, const HttpServer::Respond& respond) {
                              respond({200, {}, "ok", std::nullopt});
                          }
            ).value();
            port_ = server_->local().port;
        });
    }
    ~Running() {
        thread_.call([&] { server_.reset(); });
    }
    [[nodiscard]] std::string url(const std::string& scheme) const {
        return scheme + "://127.0.0.1:" + std::to_string(port_) + "/";
    }

private:
    testing::LoopThread thread_;
    std::unique_ptr<HttpServer> server_;
    int port_ = 0;
};

std::string error_of(const std::string& url) {
    HttpClient client;
    HttpRequest request;
    request.url = url;
    const auto response = client.send(request);
    return response ? "answered" : response.error().to_string();
}

TEST(HttpClientStage, IsNamedWithItsTime) {
    EXPECT_THAT(
        error_of("http://no-such-host.invalid/"),
        AllOf(HasSubstr("no-such-host.invalid: resolve failed after "), HasSubstr(" s: "))
    );
    std::string closed;
    {
        const Running server({});
        closed = server.url("http");
        EXPECT_EQ(error_of(closed), "answered");
    }
    EXPECT_THAT(error_of(closed), HasSubstr(": tcp failed after "));
}

TEST(HttpClientStage, TlsOnAPlainPortIsHintedAt) {
    const Running server({});
    EXPECT_THAT(
        error_of(server.url("https")), AllOf(HasSubstr(": tls failed after "), HasSubstr("ws://?"))
    );
}

TEST(HttpClientStage, APlainRequestToATlsPortIsHintedAt) {
    const testing::TestCertificate certificate("IP:127.0.0.1");
    HttpServer::Options options;
    options.tls_certificate_file = certificate.certificate;
    options.tls_key_file = certificate.key;
    const Running server(options);
    EXPECT_THAT(error_of(server.url("https")), HasSubstr(": tls failed after "));
    EXPECT_THAT(
        error_of(server.url("http")), AllOf(HasSubstr(": http failed after "), HasSubstr("wss://"))
    );
}

}  // namespace
}  // namespace aircheck::net
