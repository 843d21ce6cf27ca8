#include "net/websocket_session.hpp"

#include "net/http_server.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <deque>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using ErrorCode = beast::error_code;

constexpr std::size_t kMaxBacklog = 16 * 1024 * 1024;
constexpr auto kCloseTimeout = std::chrono::seconds(5);
/// Beast keeps at most 1536 bytes that come right behind an answer whose header is longer than
/// that, and fails on more: during the upgrade no read may bring as many.
constexpr std::size_t kUpgradeRead = 1024;
constexpr std::size_t kRead = 65536;

class Session final : public WebSocketSession {
public:
    Session(AnyStream stream, std::size_t max_message_bytes, Handlers handlers)
        : socket_(std::move(stream)),
          timer_(socket_.get_executor()),
          ping_timer_(socket_.get_executor()),
          handlers_(std::move(handlers)) {
        socket_.read_message_max(max_message_bytes);
        socket_.next_layer().limit_reads(kUpgradeRead);
    }

    void request(const std::string& host, const std::string& target, const Headers& headers)
        override {
        socket_.set_option(websocket::stream_base::decorator([headers](websocket::request_type& to
                                                             ) {
            to.set(http::field::user_agent, "aircheck/" AIRCHECK_VERSION);
            for (const auto& [name, value] : headers) to.set(name, value);
        }));
        socket_.async_handshake(answer_, host, target, [self = self()](const ErrorCode& error) {
            if (self->ended_) return;
            if (error == websocket::error::upgrade_declined) return self->refuse();
            if (error) return self->end(Errc::Unavailable, error.message());
            self->answer_ = {};
            self->start();
        });
    }

    void accept(const HttpServerRequest& request) override {
        http::request<http::empty_body> upgrade{http::verb::get, request.target, 11};
        for (const auto& [name, value] : request.headers) upgrade.insert(name, value);
        socket_.async_accept(upgrade, [self = self()](const ErrorCode& error) {
            if (self->ended_) return;
            if (error) return self->end(Errc::Unavailable, error.message());
            self->start();
        });
    }

    void send(Bytes message, bool binary) override {
        if (ended_ || closing_) return;
        backlog_ += message.size();
        queue_.push_back({std::move(message), binary});
        if (backlog_ <= kMaxBacklog) return write();
        // Posted: the caller is in the middle of something of its own.
        asio::post(socket_.get_executor(), [self = self()] {
            self->end(Errc::Unavailable, "the peer does not read what it is sent");
        });
    }

    void ping_every(std::chrono::seconds period) override {
        ping_timer_.expires_after(period);
        ping_timer_.async_wait([self = self(), period](const ErrorCode& error) {
            if (error || self->ended_ || self->closing_) return;
            // One that a stalled peer leaves unsent is on its way still.
            if (!std::exchange(self->pinging_, true)) {
                self->socket_.async_ping({}, [self](const ErrorCode&) { self->pinging_ = false; });
            }
            self->ping_every(period);
        });
    }

    void close() override {
        if (ended_ || std::exchange(closing_, true)) return;
        timer_.expires_after(kCloseTimeout);
        timer_.async_wait([self = self()](const ErrorCode& error) {
            if (!error) self->end(Errc::Cancelled, "closed");
        });
        if (open_) write();
    }

    void abandon() override {
        ended_ = true;
        shut();
    }

private:
    struct Message {
        Bytes bytes;
        bool binary;
    };

    std::shared_ptr<Session> self() {
        return std::static_pointer_cast<Session>(shared_from_this());
    }

    void start() {
        open_ = true;
        socket_.next_layer().limit_reads(kRead);
        if (handlers_.opened) handlers_.opened();
        if (ended_) return;
        read();
        write();
    }

    void read() {
        socket_.async_read(in_, [self = self()](const ErrorCode& error, std::size_t) {
            if (self->ended_) return;
            if (error) return self->end(self->code_of(error), self->reason_of(error));
            const BytesView message(
                static_cast<const std::uint8_t*>(self->in_.cdata().data()), self->in_.size()
            );
            if (self->handlers_.message)
                self->handlers_.message(message, self->socket_.got_binary());
            if (self->ended_) return;
            self->in_.clear();
            self->read();
        });
    }

    /// Writes the next message, or the close frame when there is none.
    void write() {
        if (!open_ || writing_ || ended_) return;
        if (queue_.empty()) {
            if (closing_) write_close();
            return;
        }
        writing_ = true;
        socket_.binary(queue_.front().binary);
        socket_.async_write(
            asio::buffer(queue_.front().bytes),
            [self = self()](const ErrorCode& error, std::size_t) {
                if (self->ended_) return;
                self->writing_ = false;
                if (error) return self->end(self->code_of(error), self->reason_of(error));
                self->backlog_ -= self->queue_.front().bytes.size();
                self->queue_.pop_front();
                if (self->queue_.empty() && !self->closing_ && self->handlers_.sent) {
                    self->handlers_.sent();
                }
                self->write();
            }
        );
    }

    void write_close() {
        writing_ = true;
        socket_.async_close(websocket::close_code::normal, [self = self()](const ErrorCode&) {
            self->end(Errc::Cancelled, "closed");
        });
    }

    void refuse() {
        ended_ = true;
        shut();
        const auto status = static_cast<int>(answer_.result_int());
        if (handlers_.refused) handlers_.refused(status, std::move(answer_.body()));
    }

    void end(Errc code, std::string why) {
        if (std::exchange(ended_, true)) return;
        shut();
        if (handlers_.closed) handlers_.closed(Error{code, std::move(why)});
    }

    void shut() {
        timer_.cancel();
        ping_timer_.cancel();
        socket_.next_layer().close();
    }

    [[nodiscard]] Errc code_of(const ErrorCode& error) const {
        if (closing_) return Errc::Cancelled;
        return error == websocket::error::message_too_big ? Errc::Malformed : Errc::Unavailable;
    }

    [[nodiscard]] std::string reason_of(const ErrorCode& error) const {
        if (closing_) return "closed";
        if (error != websocket::error::closed) return error.message();
        const auto& reason = socket_.reason();
        auto text = "closed by the peer with " + std::to_string(reason.code);
        if (!reason.reason.empty())
            text += ": " + std::string(reason.reason.data(), reason.reason.size());
        return text;
    }

    websocket::stream<AnyStream, false> socket_;  // false: no compression.
    asio::steady_timer timer_;
    asio::steady_timer ping_timer_;
    Handlers handlers_;
    websocket::response_type answer_;
    beast::flat_buffer in_;
    std::deque<Message> queue_;
    std::size_t backlog_ = 0;
    bool open_ = false;
    bool writing_ = false;
    bool pinging_ = false;
    bool closing_ = false;
    bool ended_ = false;
};

}  // namespace

std::shared_ptr<WebSocketSession> WebSocketSession::make(
    AnyStream stream, std::size_t max_message_bytes, Handlers handlers
) {
    return std::make_shared<Session>(std::move(stream), max_message_bytes, std::move(handlers));
}

}  // namespace aircheck::net
