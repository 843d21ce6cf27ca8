#pragma once

#include "core/result.hpp"
#include "net/any_stream.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"
#include "net/tls_context.hpp"
#include "net/url.hpp"
#include "net/websocket.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::net {

/// A connection that Dial made.
struct DialedStream {
    TlsContext tls;  ///< Null without TLS; outlives the stream.
    AnyStream stream;
    Endpoint local;
    Endpoint remote;
};

/// Connects to the host of a URL: name, TCP, and TLS where the scheme says so, verified by name and
/// chain. Addresses are tried in turn, 3 s each while others are left; the time for all of it is
/// the owner's to limit. One handler runs, once, unless abandon() came before. For net's own .cpp
/// files; lives on the loop's thread.
class Dial : public std::enable_shared_from_this<Dial> {
public:
    using Stage = WebSocket::Stage;
    struct Handlers {
        std::function<void(Stage stage)> entered;  ///< Tcp, then Tls; may be absent.
        /// Why an address must not be connected to, "" where it may; absent: all may.
        std::function<std::string(const Endpoint& address)> refusal;
        std::function<void(DialedStream connection)> connected;
        std::function<void(Error error)> failed;  ///< Names an address, not the host.
    };

    struct Options {
        std::string ca_file;  ///< Extra trust anchors, PEM.
        /// An HTTP proxy ("http://user:password@host:port") to go through, by CONNECT; "": none.
        /// `refusal` judges its address then.
        std::string proxy;
    };

    [[nodiscard]] static std::shared_ptr<Dial> start(
        Loop& loop, const Url& url, Options options, Handlers handlers
    );
    /// Ends it; no handler runs afterwards.
    void abandon();

    /// For start() alone.
    Dial(Loop& loop, const Url& url, Options options, Handlers handlers);

private:
    using ErrorCode = boost::system::error_code;

    void begin();
    void resolve_host();
    void connected();
    void connect_next();
    [[nodiscard]] bool is_refused();
    void start_tls();
    void enter(Stage stage);
    void succeed();
    void fail_with(Error error);

    Loop& loop_;
    Url url_;
    Options options_;
    std::optional<Url> proxy_;
    Handlers handlers_;
    boost::asio::steady_timer address_deadline_;
    std::vector<std::string> addresses_;
    std::size_t next_address_ = 0;
    Endpoint remote_;
    TlsContext tls_;
    std::optional<AnyStream> stream_;
    bool is_connecting_ = false;
    bool ended_ = false;
};

}  // namespace aircheck::net
