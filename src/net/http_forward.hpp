#pragma once

#include "core/time.hpp"
#include "net/dial.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace aircheck::net {

/// What the requests that one server passes on have in common.
class ForwardShared {
public:
    ForwardShared();
    /// A place for one request or upgraded connection; null when none is left, given back when the
    /// last copy is gone. Each has a descriptor here and one there, and recordings need theirs: the
    /// limit is an eighth of the process's, 2048 at most.
    [[nodiscard]] std::shared_ptr<void> take_place();
    /// True once a second at most: strangers must not fill the log.
    [[nodiscard]] bool may_warn(Instant now);

private:
    std::size_t limit_;
    std::shared_ptr<std::size_t> taken_ = std::make_shared<std::size_t>(0);
    std::optional<Instant> warned_;
};

/// One request on its way to another server and the answer on its way back. For net's own .cpp
/// files; lives on the loop's thread.
class HttpForward : public std::enable_shared_from_this<HttpForward> {
public:
    /// A granted upgrade: what comes next goes through as it is.
    struct Upgraded {
        DialedStream connection;
        std::string header;  ///< For the client.
        std::string rest;    ///< What the server sent behind its header already.
        std::shared_ptr<void> place;
    };
    /// One of them runs, once, not within start(), and not after abandon().
    struct Handlers {
        std::function<void(HttpServerResponse response)> answered;
        std::function<void(Upgraded upgraded)> upgraded;
    };

    /// `to` and `shared` must last until this has ended.
    [[nodiscard]] static std::shared_ptr<HttpForward> start(
        Loop& loop,
        const HttpForwarding& to,
        ForwardShared& shared,
        HttpServerRequest request,
        Handlers handlers
    );
    void abandon();

    /// For start() alone.
    HttpForward(
        Loop& loop,
        const HttpForwarding& to,
        ForwardShared& shared,
        HttpServerRequest request,
        Handlers handlers
    );

private:
    using ErrorCode = boost::system::error_code;
    using Failure = HttpForwarding::Failure;
    using Parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

    void connect();
    void send(DialedStream connection);
    void read_header();
    void on_header();
    void grant();
    void read_body();
    void limit(std::chrono::seconds time, Failure failure);
    void fail_with(Failure failure, const std::string& why);
    void answer(HttpServerResponse response);

    Loop& loop_;
    const HttpForwarding& to_;
    ForwardShared& shared_;
    std::shared_ptr<void> place_;
    HttpServerRequest request_;
    Handlers handlers_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<Dial> dial_;
    std::optional<DialedStream> connection_;
    std::string out_;
    boost::beast::flat_buffer in_;
    std::optional<Parser> parser_;
    int interim_ = 0;
    bool ended_ = false;
};

}  // namespace aircheck::net
