#include "net/http_forward.hpp"

#include "core/log.hpp"
#include "net/forward_headers.hpp"
#include "net/loop_impl.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using std::chrono::seconds;

constexpr std::size_t kMostPlaces = 2048;
constexpr seconds kConnectTime{10};
/// LiveKit tries to start a session for up to 12 s, and calls that ring a telephone wait for it.
constexpr seconds kAnswerTime{120};
constexpr std::uint32_t kMaxHeader = 64 * 1024;
constexpr std::size_t kMaxBody = std::size_t{16} * 1024 * 1024;
constexpr std::size_t kMaxRead = 64 * 1024;
constexpr int kMaxInterim = 8;  ///< Answers of class 1xx before the real one.

Headers to_headers(const http::fields& fields) {
    Headers headers;
    for (const auto& field : fields) {
        headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    return headers;
}

}  // namespace

ForwardShared::ForwardShared() : limit_(kMostPlaces) {
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        limit_ = std::min<std::size_t>(limit_, std::max<rlim_t>(descriptors.rlim_cur / 8, 1));
    }
}

std::shared_ptr<void> ForwardShared::take_place() {
    if (*taken_ >= limit_) return nullptr;
    ++*taken_;
    return {taken_.get(), [taken = taken_](void*) { --*taken; }};
}

bool ForwardShared::may_warn(Instant now) {
    if (warned_ && now - *warned_ < 1s) return false;
    warned_ = now;
    return true;
}

std::shared_ptr<HttpForward> HttpForward::start(
    Loop& loop,
    const HttpForwarding& to,
    ForwardShared& shared,
    HttpServerRequest request,
    Handlers handlers
) {
    auto forward =
        std::make_shared<HttpForward>(loop, to, shared, std::move(request), std::move(handlers));
    loop.post([forward] {
        if (!forward->ended_) forward->connect();
    });
    return forward;
}

HttpForward::HttpForward(
    Loop& loop,
    const HttpForwarding& to,
    ForwardShared& shared,
    HttpServerRequest request,
    Handlers handlers
)
    : loop_(loop),
      to_(to),
      shared_(shared),
      place_(shared.take_place()),
      request_(std::move(request)),
      handlers_(std::move(handlers)),
      timer_(loop.impl().context),
      in_(kMaxRead) {}

void HttpForward::connect() {
    if (!place_) return fail_with(Failure::Busy, "too many at a time");
    if (was_forwarded(request_.headers)) {
        return fail_with(Failure::Loop, "this address leads back to itself");
    }
    out_ = forwarded_request(request_, to_.to);
    request_.body = {};
    limit(kConnectTime, Failure::Unreachable);
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->ended_) call(*self);
    };
    Dial::Handlers on;
    on.connected = [with_self](DialedStream connection) {
        with_self([&](HttpForward& self) { self.send(std::move(connection)); });
    };
    on.failed = [with_self](const Error& error) {
        with_self([&](HttpForward& self) {
            self.fail_with(Failure::Unreachable, error.to_string());
        });
    };
    dial_ = Dial::start(loop_, to_.to, {to_.ca_file, {}}, std::move(on));
}

void HttpForward::send(DialedStream connection) {
    connection_.emplace(std::move(connection));
    limit(kAnswerTime, Failure::NoAnswer);
    asio::async_write(
        connection_->stream,
        asio::buffer(out_),
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->ended_) return;
            self->out_ = {};
            // A server that refuses a large body may answer and close before it has read it.
            if (error) log::debug("http.forward_cut", {{"why", error.message()}});
            self->read_header();
        }
    );
}

void HttpForward::read_header() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    http::async_read_header(
        connection_->stream,
        in_,
        *parser_,
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->ended_) return;
            if (error) return self->fail_with(Failure::NoAnswer, error.message());
            self->on_header();
        }
    );
}

void HttpForward::on_header() {
    const unsigned status = parser_->get().result_int();
    if (status >= 200) return read_body();
    if (status == 101 && asks_for_websocket(request_)) return grant();
    if (status == 101) return fail_with(Failure::NoAnswer, "an upgrade that nobody asked for");
    if (++interim_ > kMaxInterim) return fail_with(Failure::NoAnswer, "no final answer");
    read_header();
}

void HttpForward::grant() {
    timer_.cancel();
    ended_ = true;
    const auto rest = in_.cdata();
    Upgraded upgraded{
        *std::move(connection_),
        switching_protocols(to_headers(parser_->get())),
        {static_cast<const char*>(rest.data()), rest.size()},
        std::move(place_)};
    connection_.reset();
    const auto handlers = std::exchange(handlers_, {});
    handlers.upgraded(std::move(upgraded));
}

void HttpForward::read_body() {
    http::async_read(
        connection_->stream,
        in_,
        *parser_,
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->ended_) return;
            if (error) return self->fail_with(Failure::NoAnswer, error.message());
            auto& message = self->parser_->get();
            HttpServerResponse response;
            response.status = static_cast<int>(message.result_int());
            response.headers = end_to_end(to_headers(message));
            response.body = std::move(message.body());
            self->answer(std::move(response));
        }
    );
}

void HttpForward::limit(seconds time, Failure failure) {
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this(), failure](const ErrorCode& error) {
        const auto self = weak.lock();
        // An expiry that was queued when the limit moved finds it in the future.
        if (error || !self || self->ended_) return;
        if (self->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
        self->fail_with(failure, "not in time");
    });
}

void HttpForward::fail_with(Failure failure, const std::string& why) {
    if (shared_.may_warn(monotonic_now())) {
        // The path alone: a query may hold a token.
        log::warn(
            "http.forward_failed",
            {{"to", to_.to.host_header()}, {"path", request_.path}, {"why", why}}
        );
    }
    auto response = to_.failed(request_, failure);
    answer(std::move(response));
}

void HttpForward::answer(HttpServerResponse response) {
    const auto handlers = std::exchange(handlers_, {});
    abandon();
    handlers.answered(std::move(response));
}

void HttpForward::abandon() {
    if (std::exchange(ended_, true)) return;
    timer_.cancel();
    if (dial_) dial_->abandon();
    if (connection_) connection_->stream.close();
    handlers_ = {};
    place_.reset();
}

}  // namespace aircheck::net
