#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace aircheck::net {

/// A TCP connection with or without TLS, as one type: Beast's templates, costly to compile, are
/// instantiated once. For net's own .cpp files.
class AnyStream {
public:
    using Socket = boost::asio::ip::tcp::socket;
    using Tls = boost::asio::ssl::stream<Socket&>;
    using executor_type = Socket::executor_type;
    using ErrorCode = boost::system::error_code;

    explicit AnyStream(Socket socket) : socket_(std::make_unique<Socket>(std::move(socket))) {}

    /// Puts TLS on the connection; the caller does its handshake.
    Tls& start_tls(boost::asio::ssl::context& context) {
        tls_ = std::make_unique<Tls>(*socket_, context);
        return *tls_;
    }
    [[nodiscard]] Socket& socket() { return *socket_; }
    [[nodiscard]] bool has_tls() const { return tls_ != nullptr; }
    [[nodiscard]] executor_type get_executor() { return socket_->get_executor(); }
    /// The most bytes that one read gives from now on.
    void limit_reads(std::size_t bytes) { max_read_ = bytes; }

    /// Closes without ceremony; pending operations end with an error.
    void close() {
        ErrorCode ignored;
        socket_->close(ignored);
    }

    template <typename Buffers, typename Handler>
    void async_read_some(const Buffers& buffers, Handler&& handler) {
        const auto into = first_of(buffers);
        if (tls_)
            tls_->async_read_some(into, std::forward<Handler>(handler));
        else
            socket_->async_read_some(into, std::forward<Handler>(handler));
    }

    template <typename Buffers, typename Handler>
    void async_write_some(const Buffers& buffers, Handler&& handler) {
        if (tls_)
            tls_->async_write_some(buffers, std::forward<Handler>(handler));
        else
            socket_->async_write_some(buffers, std::forward<Handler>(handler));
    }

private:
    template <typename Buffers>
    boost::asio::mutable_buffer first_of(const Buffers& buffers) const {
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            const boost::asio::mutable_buffer buffer(*at);
            if (buffer.size() > 0) return boost::asio::buffer(buffer, max_read_);
        }
        return {};
    }

    std::unique_ptr<Socket> socket_;  // On the heap: `tls_` refers to it when this is moved.
    std::unique_ptr<Tls> tls_;
    std::size_t max_read_ = 65536;
};

/// Beast ends a WebSocket's connection through these three, after both close frames went over.
inline void beast_close_socket(AnyStream& stream) { stream.close(); }

inline void teardown(boost::beast::role_type, AnyStream& stream, AnyStream::ErrorCode& error) {
    stream.close();
    error = {};
}

template <typename Handler>
void async_teardown(boost::beast::role_type, AnyStream& stream, Handler&& handler) {
    stream.close();
    boost::asio::post(
        stream.get_executor(),
        boost::beast::bind_front_handler(std::forward<Handler>(handler), AnyStream::ErrorCode{})
    );
}

}  // namespace aircheck::net
