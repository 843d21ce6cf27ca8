#include "streams/sink_maker.hpp"
#include "streams/twitch.hpp"
#include "tests/support/loopback.hpp"

#include "net/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace aircheck::streams {
namespace {

using testing::HasSubstr;
using testing::Not;

/// One sink on this thread's loop, until it tells how it ended.
class SocketSinks : public testing::Test {
protected:
    void start(const std::string& url, Protocol protocol, std::vector<std::string> allow) {
        const MakeSink make = sink_maker(loop_, threads_, http_, {protocol, std::move(allow)});
        Sink::Listener listener;
        listener.on_progress = [] {};
        listener.on_failed = [this](auto failure) {
            failure_ = std::move(failure);
            loop_.stop();
        };
        listener.on_closed = [this] {
            is_closed_ = true;
            loop_.stop();
        };
        media::StreamFormat format;
        format.codec_config = {0x11, 0x88};  // AAC-LC, 48 kHz, mono (ISO 14496-3 §1.6).
        sink_ = make({url, "shown", ""}, format, std::move(listener));
    }
    void run() {
        net::Timer limit(loop_);
        limit.after(60s, [this] { loop_.stop(); });
        loop_.run("test");
        sink_.reset();
        threads_.finish();
    }

    net::Loop loop_;
    net::HttpClient http_;
    Threads threads_;
    std::unique_ptr<Sink> sink_;
    std::optional<Sink::Listener::Failure> failure_;
    bool is_closed_ = false;
};

TEST_F(SocketSinks, AreNotLetToPrivateAddressesUnasked) {
    start("rtmp://127.0.0.1/live/key", Protocol::Rtmp, {});
    run();
    ASSERT_TRUE(failure_);
    EXPECT_THAT(failure_->error.context, HasSubstr("127.0.0.1 is not a public address"));
    EXPECT_FALSE(failure_->is_stalled);
}

TEST_F(SocketSinks, SayWhenNobodyListens) {
    const tests::LoopbackSocket port;
    start(
        "rtmp://127.0.0.1:" + std::to_string(port.port()) + "/live/key",
        Protocol::Rtmp,
        {"127.0.0.1"}
    );
    run();
    ASSERT_TRUE(failure_);
    EXPECT_THAT(failure_->error.to_string(), HasSubstr("onnection refused"));
    EXPECT_FALSE(failure_->is_stalled);
}

TEST_F(SocketSinks, VerifyTheCertificateOfRtmps) {
    const tests::LoopbackSocket port;
    start(
        "rtmps://127.0.0.1:" + std::to_string(port.port()) + "/live/key",
        Protocol::Rtmp,
        {"127.0.0.1"}
    );
    run();
    ASSERT_TRUE(failure_) << "and no option is unknown to libavformat";
    EXPECT_THAT(failure_->error.to_string(), HasSubstr("onnection refused"));
}

TEST_F(SocketSinks, CloseWhileTheyConnect) {
    const tests::LoopbackSocket port;
    port.listen();
    start(
        "rtmp://127.0.0.1:" + std::to_string(port.port()) + "/live/key",
        Protocol::Rtmp,
        {"127.0.0.1"}
    );
    sink_->close();
    run();
    EXPECT_TRUE(is_closed_ || failure_);
}

TEST_F(SocketSinks, MayBeDroppedWhileTheyConnect) {
    const tests::LoopbackSocket port;
    port.listen();
    start(
        "rtmp://127.0.0.1:" + std::to_string(port.port()) + "/live/key",
        Protocol::Rtmp,
        {"127.0.0.1"}
    );
    net::Timer drop(loop_);
    drop.after(300ms, [this] {
        sink_.reset();
        loop_.stop();
    });
    run();
    EXPECT_FALSE(is_closed_ || failure_) << "and finish() did not wait 30 s for it";
}

TEST_F(SocketSinks, SayWhenASrtServerDoesNotAnswer) {
    const tests::LoopbackSocket port;  // Of TCP: of UDP nobody is there at all.
    start(
        "srt://127.0.0.1:" + std::to_string(port.port()) + "?streamid=x",
        Protocol::Srt,
        {"127.0.0.1"}
    );
    run();
    ASSERT_TRUE(failure_);
    EXPECT_FALSE(failure_->error.to_string().empty());
}

/// A list of ingest servers, as Twitch documents it.
class TwitchList {
public:
    explicit TwitchList(std::string body, int status = 200) {
        auto server = net::HttpServer::start(
            loop_,
            {},
            [body = std::move(body), status](const auto&, const net::HttpServer::Respond& respond) {
                net::HttpServerResponse response;
                response.status = status;
                response.body = body;
                respond(std::move(response));
            }
        );
        EXPECT_TRUE(server);
        server_ = *std::move(server);
        url_ = "http://" + server_->local().to_string() + "/ingests";
        thread_ = std::thread([this] { loop_.run("twitch"); });
    }
    ~TwitchList() {
        loop_.post([this] {
            server_.reset();
            loop_.stop();
        });
        thread_.join();
    }
    TwitchList(const TwitchList&) = delete;
    TwitchList& operator=(const TwitchList&) = delete;

    [[nodiscard]] Result<std::string> ask(std::string_view key) const {
        net::HttpClient http;
        return twitch_url(http, url_, key);
    }

private:
    net::Loop loop_;
    std::unique_ptr<net::HttpServer> server_;
    std::string url_;
    std::thread thread_;
};

TEST(Twitch, GivesItsFirstServerWithTheKey) {
    const TwitchList list(R"({"ingests": [{"name": "none"},
        {"url_template": "rtmp://a.example/app/{stream_key}",
         "url_template_secure": "rtmps://a.example:443/app/{stream_key}"},
        {"url_template": "rtmp://b.example/app/{stream_key}"}]})");
    const auto url = list.ask("live_1_x");
    ASSERT_TRUE(url) << url.error().to_string();
    EXPECT_EQ(*url, "rtmps://a.example:443/app/live_1_x");
}

TEST(Twitch, ListsThatAreNoneAreErrorsWithoutTheKey) {
    for (const auto* body : {"", "[]", "{}", R"({"ingests": 3})", R"({"ingests": [4, {}]})"}) {
        const auto url = TwitchList(body).ask("live_1_x");
        ASSERT_FALSE(url) << body;
        EXPECT_THAT(url.error().to_string(), HasSubstr("Twitch's list of servers names none"));
        EXPECT_THAT(url.error().to_string(), Not(HasSubstr("live_1_x")));
    }
    const auto down = TwitchList("x", 503).ask("k");
    ASSERT_FALSE(down);
    EXPECT_THAT(down.error().to_string(), HasSubstr("HTTP status 503"));
}

}  // namespace
}  // namespace aircheck::streams
