#include "net/dial.hpp"

#include "net/address.hpp"
#include "net/http_proxy.hpp"
#include "net/loop_impl.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

/// How long one address may take while others are left: a network without a route for IPv6 must not
/// use up the whole time.
constexpr auto kAddressTimeout = std::chrono::seconds(3);

}  // namespace

std::shared_ptr<Dial> Dial::start(Loop& loop, const Url& url, Options options, Handlers handlers) {
    auto dial = std::make_shared<Dial>(loop, url, std::move(options), std::move(handlers));
    dial->begin();
    return dial;
}

Dial::Dial(Loop& loop, const Url& url, Options options, Handlers handlers)
    : loop_(loop),
      url_(url),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      address_deadline_(loop.impl().context) {}

void Dial::begin() {
    if (options_.proxy.empty()) return resolve_host();
    auto proxy = Url::parse(options_.proxy);
    if (proxy && proxy->scheme == "http") {
        proxy_ = *std::move(proxy);
        return resolve_host();
    }
    const auto why =
        proxy ? "proxy " + redact_url(options_.proxy) + ": only http:// proxies are known"
              : proxy.error().to_string();
    loop_.post([self = shared_from_this(), why] {
        if (!self->ended_) self->fail_with({Errc::InvalidArgument, why});
    });
}

void Dial::resolve_host() {
    const auto self = shared_from_this();
    resolve(
        loop_,
        proxy_ ? proxy_->host : url_.host,
        [self](Result<std::vector<std::string>> found) {
            if (self->ended_) return;
            if (!found) return self->fail_with(std::move(found).error());
            self->addresses_ = *std::move(found);
            self->enter(Stage::Tcp);
            if (!self->ended_) self->connect_next();
        }
    );
}

/// The address that is next; what is refused is passed over, and named when nothing is left.
bool Dial::is_refused() {
    const std::string refusal = handlers_.refusal ? handlers_.refusal(remote_) : "";
    if (refusal.empty()) return false;
    if (next_address_ < addresses_.size()) {
        connect_next();
    } else {
        fail_with({Errc::PermissionDenied, refusal});
    }
    return true;
}

void Dial::connect_next() {
    const auto self = shared_from_this();
    remote_ = {addresses_[next_address_++], proxy_ ? proxy_->port : url_.port};
    if (is_refused()) return;
    stream_.emplace(AnyStream::Socket(loop_.impl().context));
    ErrorCode error;
    const asio::ip::tcp::endpoint to(asio::ip::make_address(remote_.address, error), remote_.port);
    is_connecting_ = true;
    if (next_address_ < addresses_.size()) {
        address_deadline_.expires_after(kAddressTimeout);
        address_deadline_.async_wait([self, at = next_address_](const ErrorCode& failed) {
            if (!failed && !self->ended_ && self->next_address_ == at && self->is_connecting_) {
                self->stream_->close();
            }
        });
    }
    stream_->socket().async_connect(to, [self](const ErrorCode& failed) {
        if (self->ended_) return;
        self->is_connecting_ = false;
        self->address_deadline_.cancel();
        if (failed && self->next_address_ < self->addresses_.size()) return self->connect_next();
        if (failed) {
            return self->fail_with(
                {Errc::Unavailable, self->remote_.address + ": " + failed.message()}
            );
        }
        ErrorCode ignored;
        self->stream_->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
        if (!self->proxy_) return self->connected();
        request_tunnel(*self->stream_, *self->proxy_, self->url_, [self](Result<> done) {
            if (self->ended_) return;
            if (!done) return self->fail_with(std::move(done).error());
            self->connected();
        });
    });
}

void Dial::connected() {
    if (url_.is_secure())
        start_tls();
    else
        succeed();
}

void Dial::start_tls() {
    enter(Stage::Tls);
    if (ended_) return;
    auto context = client_tls_context(options_.ca_file);
    if (!context) return fail_with(std::move(context).error());
    tls_ = *std::move(context);
    auto& layer = stream_->start_tls(*tls_);
    if (!to_socket_address({url_.host, 0})) {
        // SNI (RFC 6066 §3), which takes names only.
        SSL_ctrl(
            layer.native_handle(),
            SSL_CTRL_SET_TLSEXT_HOSTNAME,
            TLSEXT_NAMETYPE_host_name,
            url_.host.data()
        );
    }
    ErrorCode ignored;
    layer.set_verify_callback(ssl::host_name_verification(url_.host), ignored);
    layer.async_handshake(
        ssl::stream_base::client,
        [self = shared_from_this(), &layer](const auto& error) {
            if (self->ended_) return;
            if (!error) return self->succeed();
            const long verdict = SSL_get_verify_result(layer.native_handle());
            if (verdict == X509_V_OK) {
                return self->fail_with({Errc::Unavailable, error.message()});
            }
            // Asio's check of the name leaves no verdict of its own.
            const std::string why = verdict == X509_V_ERR_UNSPECIFIED
                                        ? "is not for '" + self->url_.host + "'"
                                        : X509_verify_cert_error_string(verdict);
            self->fail_with({Errc::PermissionDenied, "certificate: " + why});
        }
    );
}

void Dial::enter(Stage stage) {
    const auto entered = handlers_.entered;  // A copy: abandon() may be called in it.
    if (entered) entered(stage);
}

void Dial::succeed() {
    ended_ = true;
    auto local = local_endpoint(stream_->socket().native_handle());
    DialedStream made{std::move(tls_), *std::move(stream_), std::move(local), remote_};
    stream_.reset();
    const auto handlers = std::exchange(handlers_, {});
    handlers.connected(std::move(made));
}

void Dial::fail_with(Error error) {
    ended_ = true;
    if (stream_) stream_->close();
    const auto handlers = std::exchange(handlers_, {});
    handlers.failed(std::move(error));
}

void Dial::abandon() {
    if (std::exchange(ended_, true)) return;
    address_deadline_.cancel();
    if (stream_) stream_->close();
    handlers_ = {};
}

}  // namespace aircheck::net
