#include "net/byte_stream.hpp"

#include "net/test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace aircheck::net {
namespace {

using ::testing::HasSubstr;
using testing::LoopThread;
using testing::RawServer;

/// A stream and what it told.
struct Ends {
    Ends(const Endpoint& to, ByteStream::Options options) {
        ByteStream::Handlers on;
        on.connected = [this] { connected.set_value(); };
        on.bytes = [this](BytesView bytes, Instant) {
            text += as_text(bytes);
            if (text == "pong") heard.set_value();
        };
        on.closed = [this](const Error& error) { closed.set_value(error.to_string()); };
        thread.call([&] { stream = ByteStream::connect(thread.loop, to, options, std::move(on)); });
    }
    ~Ends() {
        thread.call([&] { stream.reset(); });
    }
    void send(std::string_view bytes) {
        thread.call([&] { stream->send(as_bytes(bytes)); });
    }

    std::promise<void> connected, heard;
    std::promise<std::string> closed;
    std::string text;
    std::unique_ptr<ByteStream> stream;
    LoopThread thread;
};

template <typename T>
T within(std::promise<T>& promise) {
    auto future = promise.get_future();
    EXPECT_EQ(future.wait_for(30s), std::future_status::ready);
    return future.get();
}

ByteStream::Options through(const RawServer& proxy, const std::string& user = "") {
    ByteStream::Options options;
    options.proxy = "http://" + user + proxy.at.to_string();
    return options;
}

TEST(ByteStream, CarriesBytesBothWaysAndTellsTheEnd) {
    const RawServer server;
    Ends ends(server.at, {});
    auto peer = server.accept();
    within(ends.connected);
    ends.send("ping");
    EXPECT_EQ(peer->read_bytes(4), "ping");
    peer->send("pong");
    within(ends.heard);
    peer.reset();
    EXPECT_THAT(within(ends.closed), HasSubstr(server.at.to_string()));
}

TEST(ByteStream, AsksAProxyForATunnelWithItsUser) {
    const RawServer proxy;
    Ends ends({"relay.example", 443}, through(proxy, "ann:p%40ss@"));
    const auto peer = proxy.accept();
    // "ann:p@ss" in base64 (RFC 7617).
    EXPECT_EQ(
        peer->read_until("\r\n\r\n"),
        "CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n"
        "Proxy-Authorization: Basic YW5uOnBAc3M=\r\n\r\n"
    );
    peer->send("HTTP/1.1 200 Connection ");
    peer->send("established\r\nVia: x\r\n\r\n");
    within(ends.connected);
    ends.send("ping");
    EXPECT_EQ(peer->read_bytes(4), "ping");
    peer->send("pong");
    within(ends.heard);
}

TEST(ByteStream, SaysWhatAProxyRefusesWith) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy"},
        {"HTTP/1.1 200 OK\r\n\r\nmore", "says more"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"},
        {std::string(9000, 'x'), "not HTTP"},
        {"HTTP/1.1 2", "End of file"}};
    for (const auto& [answer, words] : rows) {
        const RawServer proxy;
        Ends ends({"relay.example", 443}, through(proxy));
        auto peer = proxy.accept();
        static_cast<void>(peer->read_until("\r\n\r\n"));
        peer->send(answer);
        peer->finish();
        EXPECT_THAT(within(ends.closed), HasSubstr(words));
    }
}

TEST(ByteStream, KnowsNoProxyButHttp) {
    ByteStream::Options options;
    options.proxy = "socks5://user:secret@proxy.example:1080";
    Ends ends({"relay.example", 443}, options);
    const auto words = within(ends.closed);
    EXPECT_THAT(words, HasSubstr("only http:// proxies"));
    EXPECT_THAT(words, ::testing::Not(HasSubstr("secret")));
}

TEST(ByteStream, NamesTrustAnchorsThatCannotBeRead) {
    ByteStream::Options options;
    options.security = ByteStream::Security::Tls;
    options.ca_file = "/nonexistent.pem";
    const RawServer server;
    Ends ends(server.at, options);
    EXPECT_THAT(within(ends.closed), HasSubstr("/nonexistent.pem"));
}

}  // namespace
}  // namespace aircheck::net
