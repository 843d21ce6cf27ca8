#include "net/http_server.hpp"

#include "net/address.hpp"
#include "net/http_connection.hpp"
#include "net/loop_impl.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// More are closed as they come; each costs a descriptor and some KiB.
constexpr std::size_t kMaxConnections = 4096;
/// How long accepting rests when the process has no descriptors left.
constexpr auto kAcceptRest = std::chrono::milliseconds(100);

Result<tcp::acceptor> listen(asio::io_context& context, const Endpoint& bind) {
    const auto name = "HTTP " + bind.to_string();
    ErrorCode error;
    const auto address = asio::ip::make_address(bind.address, error);
    if (error) return fail(Errc::InvalidArgument, name + ": not a numeric address");
    const tcp::endpoint endpoint(address, bind.port);
    tcp::acceptor acceptor(context);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return fail_errno(error.value(), name);
    return acceptor;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    Impl(tcp::acceptor listener, std::shared_ptr<HttpServerShared> with)
        : acceptor(std::move(listener)), rest(acceptor.get_executor()), shared(std::move(with)) {}

    void accept();
    void take(tcp::socket socket);
    void close();

    tcp::acceptor acceptor;
    asio::steady_timer rest;
    std::shared_ptr<HttpServerShared> shared;
    bool closed = false;
};

void HttpServer::Impl::accept() {
    acceptor.async_accept([self = shared_from_this()](const ErrorCode& error, tcp::socket socket) {
        if (self->closed) return;
        if (!error) {
            self->take(std::move(socket));
            return self->accept();
        }
        self->rest.expires_after(kAcceptRest);
        self->rest.async_wait([self](const ErrorCode& cancelled) {
            if (!cancelled && !self->closed) self->accept();
        });
    });
}

void HttpServer::Impl::take(tcp::socket socket) {
    const auto open = shared->connections.size() + shared->sockets.size() + shared->tunnels.size();
    if (open >= kMaxConnections) return;
    ErrorCode error;
    socket.set_option(tcp::no_delay(true), error);
    const auto remote = socket.remote_endpoint(error);
    if (error) return;  // Gone already.
    auto connection = std::make_shared<HttpConnection>(
        shared, AnyStream(std::move(socket)), to_endpoint(*remote.data())
    );
    shared->connections.insert(connection);
    connection->start();
}

void HttpServer::Impl::close() {
    closed = true;
    ErrorCode ignored;
    acceptor.close(ignored);
    rest.cancel();
    for (const auto& connection : std::exchange(shared->connections, {})) connection->abandon();
    for (const auto& socket : std::exchange(shared->sockets, {})) socket->abandon();
    for (const auto& tunnel : std::exchange(shared->tunnels, {})) tunnel->abandon();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(
    Loop& loop, Options options, Handler handler, UpgradeHandler upgrade
) {
    auto shared = std::make_shared<HttpServerShared>(loop);
    if (!options.tls_certificate_file.empty()) {
        AC_TRY(shared->tls, server_tls_context(options.tls_certificate_file, options.tls_key_file));
    }
    AC_TRY(auto acceptor, listen(loop.impl().context, options.bind));
    shared->options = std::move(options);
    shared->handler = std::move(handler);
    shared->upgrade = std::move(upgrade);
    auto impl = std::make_shared<Impl>(std::move(acceptor), std::move(shared));
    impl->accept();
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { impl_->close(); }

Endpoint HttpServer::local() const { return local_endpoint(impl_->acceptor.native_handle()); }

}  // namespace aircheck::net
