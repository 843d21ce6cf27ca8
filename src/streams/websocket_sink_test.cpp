#include "streams/websocket_sink.hpp"

#include "core/bytes.hpp"
#include "net/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

namespace aircheck::streams {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// A sink and its server on one loop.
class WebSocketSinkTest : public ::testing::Test {
protected:
    void serve() {
        server_ = net::HttpServer::start(
                      loop_,
                      {},
                      [](const auto&, const auto& respond) {
                          respond({200, {}, "plain", std::nullopt});
                      },
                      [this](const net::HttpServerRequest& request, auto socket) {
                          return upgrade(request, std::move(socket));
                      }
        ).value();
        port_ = server_->local().port;
    }

    std::optional<net::HttpServerResponse> upgrade(
        const net::HttpServerRequest& request, std::shared_ptr<net::ServerWebSocket> socket
    ) {
        asked_ = request;
        if (request.path == "/no") return net::HttpServerResponse{403, {}, "no", std::nullopt};
        socket->on_message = [this, socket](BytesView message, bool binary) {
            got_.push_back(
                binary ? "pcm " + std::to_string(message.size()) : std::string(as_text(message))
            );
            if (binary) last_ = Bytes(message.begin(), message.end());
            if (on_message_) on_message_(*socket);
        };
        socket->on_closed = [this] { server_closed_ = true; };
        return std::nullopt;
    }

    void make(std::uint16_t channels, WebSocketSink::Limits limits = {}) {
        SinkSettings settings;
        settings.protocol = Protocol::WebSocket;
        settings.allow = allow_;
        Target target;
        target.url = "ws://127.0.0.1:" + std::to_string(port_) + path_;
        media::StreamFormat format;
        format.codec = media::Codec::Pcm;
        format.channels = channels;
        Sink::Listener listener;
        listener.on_progress = [this] {
            ++progress_;
            if (on_progress_) on_progress_();
        };
        listener.on_failed = [this](auto failure) {
            failure_ = std::move(failure);
            loop_.stop();
        };
        listener.on_closed = [this] {
            closed_ = true;
            loop_.stop();
        };
        sink_ = std::make_unique<WebSocketSink>(
            loop_, settings, std::move(target), format, std::move(listener), limits
        );
    }
    /// 20 ms of one channel, whose first sample is 0x0201.
    void write(std::uint16_t channels = 1) {
        media::EncodedSample sample;
        sample.duration = 960;
        sample.data.assign(std::size_t{1920} * channels, 0);
        sample.data[0] = 1;
        sample.data[1] = 2;
        sink_->write(sample);
    }
    void run() { loop_.run("test"); }

    net::Loop loop_;
    std::unique_ptr<net::HttpServer> server_;
    std::uint16_t port_ = 1;
    std::string path_ = "/sound?key=a-secret";
    std::vector<std::string> allow_{"127.0.0.1"};
    net::HttpServerRequest asked_;
    std::vector<std::string> got_;
    Bytes last_;
    std::function<void(net::ServerWebSocket&)> on_message_;
    std::function<void()> on_progress_;
    bool server_closed_ = false;
    int progress_ = 0;
    bool closed_ = false;
    std::optional<Sink::Listener::Failure> failure_;
    std::unique_ptr<WebSocketSink> sink_;
};

TEST_F(WebSocketSinkTest, SendsSoundAndNewsInOrder) {
    serve();
    make(1);
    write();
    sink_->tell_muted(Muted::Yes);
    write();
    sink_->tell_muted(Muted::No);
    on_progress_ = [this] { sink_->close(); };
    run();
    EXPECT_TRUE(closed_);
    EXPECT_EQ(progress_, 1);
    EXPECT_EQ(asked_.headers.get("content-type"), "audio/x-raw");
    EXPECT_EQ(asked_.path, "/sound");
    EXPECT_THAT(
        got_, ElementsAre("pcm 3840", R"({"muted":true})", "pcm 3840", R"({"muted":false})")
    );
    EXPECT_EQ(Bytes(last_.begin(), last_.begin() + 6), (Bytes{1, 2, 1, 2, 0, 0}));
}

TEST_F(WebSocketSinkTest, LeavesTwoChannelsAsTheyAre) {
    serve();
    make(2);
    write(2);
    on_progress_ = [this] { sink_->close(); };
    run();
    EXPECT_THAT(got_, ElementsAre("pcm 3840"));
    EXPECT_EQ(Bytes(last_.begin(), last_.begin() + 4), (Bytes{1, 2, 0, 0}));
}

TEST_F(WebSocketSinkTest, SendsWhatWaitsBeforeItCloses) {
    serve();
    make(1);
    for (int i = 0; i < 100; ++i) write();
    on_message_ = [this](auto&) {
        if (got_.size() == 1) sink_->close();
    };
    run();
    EXPECT_TRUE(closed_);
    EXPECT_THAT(got_, SizeIs(100));
}

TEST_F(WebSocketSinkTest, DropsTheOldestSoundAndNoNews) {
    serve();
    WebSocketSink::Limits limits;
    limits.most_waiting = 3 * 960;
    make(1, limits);
    sink_->tell_muted(Muted::Yes);
    for (int i = 0; i < 50; ++i) write();  // The connection is not there yet.
    sink_->tell_muted(Muted::No);
    on_progress_ = [this] { sink_->close(); };
    run();
    EXPECT_THAT(
        got_,
        ElementsAre(R"({"muted":true})", "pcm 3840", "pcm 3840", "pcm 3840", R"({"muted":false})")
    );
}

TEST_F(WebSocketSinkTest, SaysThatTheServerBrokeOff) {
    serve();
    on_message_ = [](net::ServerWebSocket& socket) { socket.close(); };
    make(1);
    write();
    run();
    ASSERT_TRUE(failure_);
    EXPECT_FALSE(failure_->is_stalled);
    EXPECT_FALSE(closed_);
}

TEST_F(WebSocketSinkTest, NamesWhyItIsRefusedWithoutTheKey) {
    serve();
    path_ = "/no?key=a-secret";
    make(1);
    run();
    ASSERT_TRUE(failure_);
    EXPECT_THAT(failure_->error.to_string(), HasSubstr("HTTP status 403"));
    EXPECT_EQ(failure_->error.to_string().find("a-secret"), std::string::npos);
}

TEST_F(WebSocketSinkTest, ReachesNoAddressWithoutLeave) {
    serve();
    allow_.clear();
    make(1);
    run();
    ASSERT_TRUE(failure_);
    EXPECT_EQ(failure_->error.code, Errc::PermissionDenied);
    EXPECT_THAT(failure_->error.to_string(), HasSubstr("network.allow does not list it"));
    EXPECT_TRUE(asked_.path.empty());
}

TEST_F(WebSocketSinkTest, ClosesBeforeItIsConnected) {
    serve();
    make(1);
    write();
    sink_->close();
    run();
    EXPECT_TRUE(closed_);
    EXPECT_TRUE(got_.empty());
}

}  // namespace
}  // namespace aircheck::streams
