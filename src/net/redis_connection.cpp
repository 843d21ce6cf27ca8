#include "net/redis_connection.hpp"

#include "net/address.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

constexpr Nanoseconds kPingInterval = 5s;
/// Shorter limits would take a loop that is busy for a moment for a dead Redis.
constexpr std::chrono::milliseconds kLeastReplyTimeout{1000};
constexpr std::size_t kMaxBacklog = 64 * 1024 * 1024;

}  // namespace

Result<TlsContext> redis_tls_context(const RedisTls& tls) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->set_options(
        ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
        ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1
    );
    const auto bad_file = [](const char* what, const std::string& file, const auto& error) {
        return fail(
            Errc::InvalidArgument, std::string(what) + " '" + file + "': " + error.message()
        );
    };
    boost::system::error_code error;
    if (tls.ca_file.empty()) {
        context->set_default_verify_paths(error);  // None: then connecting says so.
    } else if (context->load_verify_file(tls.ca_file, error); error) {
        return bad_file("redis.tls.ca_cert_file", tls.ca_file, error);
    }
    if (!tls.certificate_file.empty()) {
        context->use_certificate_chain_file(tls.certificate_file, error);
        if (error) return bad_file("redis.tls.client_cert_file", tls.certificate_file, error);
        context->use_private_key_file(tls.key_file, ssl::context::pem, error);
        if (error) return bad_file("redis.tls.client_key_file", tls.key_file, error);
    }
    context->set_verify_mode(tls.is_verified ? ssl::verify_peer : ssl::verify_none, error);
    return context;
}

RedisConnection::RedisConnection(Loop& loop, Options options, Handlers handlers)
    : loop_(loop),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      timer_(loop.impl().context) {
    options_.reply_timeout = std::max(options_.reply_timeout, kLeastReplyTimeout);
}

// --- Connecting ----------------------------------------------------------------------------------

void RedisConnection::start() {
    const auto self = shared_from_this();
    timer_.expires_after(options_.dial_timeout);
    timer_.async_wait([self](const ErrorCode& error) {
        if (!error && !self->is_ready_) self->end({Errc::Timeout, "no connection in time"});
    });
    resolve(loop_, options_.node.host, [self](Result<std::vector<std::string>> found) {
        if (self->is_closed_) return;
        if (!found) return self->end(std::move(found).error());
        self->addresses_ = *std::move(found);
        self->connect_next();
    });
}

void RedisConnection::connect_next() {
    if (next_address_ >= addresses_.size()) return end({Errc::Unavailable, "no address"});
    const std::string& address = addresses_[next_address_++];
    stream_.emplace(AnyStream::Socket(loop_.impl().context));
    ErrorCode error;
    const asio::ip::tcp::endpoint to(asio::ip::make_address(address, error), options_.node.port);
    stream_->socket().async_connect(to, [self = shared_from_this()](const ErrorCode& failed) {
        if (self->is_closed_) return;
        if (failed && self->next_address_ < self->addresses_.size()) return self->connect_next();
        if (failed) return self->end({Errc::Unavailable, failed.message()});
        ErrorCode ignored;
        self->stream_->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
        if (self->options_.tls)
            self->start_tls();
        else
            self->log_in();
    });
}

void RedisConnection::start_tls() {
    auto& layer = stream_->start_tls(*options_.tls);
    std::string name = options_.server_name.empty() ? options_.node.host : options_.server_name;
    if (!to_socket_address({name, 0})) {
        // SNI (RFC 6066 §3), which takes names only.
        SSL_ctrl(
            layer.native_handle(),
            SSL_CTRL_SET_TLSEXT_HOSTNAME,
            TLSEXT_NAMETYPE_host_name,
            name.data()
        );
    }
    ErrorCode ignored;
    if (options_.is_verified) {
        layer.set_verify_callback(ssl::host_name_verification(name), ignored);
    }
    layer.async_handshake(
        ssl::stream_base::client,
        [self = shared_from_this(), &layer, name](const ErrorCode& error) {
            if (self->is_closed_) return;
            if (!error) return self->log_in();
            const long verdict = SSL_get_verify_result(layer.native_handle());
            if (verdict == X509_V_OK)
                return self->end({Errc::Unavailable, "TLS: " + error.message()});
            // Asio's check of the name leaves no verdict of its own.
            const std::string why = verdict == X509_V_ERR_UNSPECIFIED
                                        ? "is not for '" + name + "'"
                                        : X509_verify_cert_error_string(verdict);
            self->end({Errc::PermissionDenied, "TLS: certificate: " + why});
        }
    );
}

/// The answers are awaited before anything else is sent: a refused password must not be followed by
/// commands. A last PING finds out what TLS 1.3 tells only with the first answer (a client
/// certificate that is not taken), and whether a password is wanted.
void RedisConnection::log_in() {
    read();
    std::vector<std::vector<std::string>> steps;
    if (!options_.username.empty()) {
        steps.push_back({"AUTH", options_.username, options_.password});
    } else if (!options_.password.empty()) {
        steps.push_back({"AUTH", options_.password});
    }
    if (options_.db != 0) steps.push_back({"SELECT", std::to_string(options_.db)});
    steps.push_back({"PING"});
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool is_last = i + 1 == steps.size();
        owed_.push_back(
            {[weak = weak_from_this(), is_last, what = steps[i][0]](Result<RedisReply> reply) {
                 const auto self = weak.lock();
                 if (!self || self->is_closed_ || !reply) return;
                 if (reply->kind == RedisReply::Kind::Error) {
                     return self->end({Errc::PermissionDenied, what + ": " + reply->text});
                 }
                 if (is_last) self->opened();
             },
             monotonic_now()}
        );
        append_redis_command(queued_, steps[i]);
    }
    write();
}

void RedisConnection::opened() {
    is_ready_ = true;
    heard_at_ = monotonic_now();
    watch();
    if (handlers_.ready) handlers_.ready();
}

// --- Talking -------------------------------------------------------------------------------------

void RedisConnection::send(const std::vector<std::string>& words, OnReply done) {
    if (is_closed_) return;
    append_redis_command(queued_, words);
    const auto now = monotonic_now();
    if (options_.role == Role::Commands) {
        owed_.push_back({std::move(done), now});
    } else if (!asked_at_) {
        asked_at_ = now;
    }
    write();
}

void RedisConnection::write() {
    if (is_closed_ || !writing_.empty() || queued_.empty()) return;
    std::swap(writing_, queued_);
    asio::async_write(
        *stream_,
        asio::buffer(writing_),
        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
            if (self->is_closed_) return;
            if (error) return self->end({Errc::Unavailable, error.message()});
            self->writing_.clear();
            self->write();
        }
    );
}

void RedisConnection::read() {
    stream_->async_read_some(
        asio::buffer(in_),
        [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
            if (self->is_closed_) return;
            if (error == asio::error::eof || error == ssl::error::stream_truncated)
                return self->end({Errc::Unavailable, "closed by Redis"});
            if (error) return self->end({Errc::Unavailable, error.message()});
            self->heard_at_ = monotonic_now();
            self->asked_at_.reset();
            self->reader_.feed({self->in_.data(), size});
            if (self->take_replies()) self->read();
        }
    );
}

bool RedisConnection::take_replies() {
    while (!is_closed_) {
        auto reply = reader_.next();
        if (!reply) {
            end(std::move(reply).error());
        } else if (!*reply) {
            return true;
        } else {
            take(**std::move(reply));
        }
    }
    return false;
}

void RedisConnection::take(RedisReply reply) {
    if (options_.role == Role::Subscriber && is_ready_) {
        if (handlers_.pushed) handlers_.pushed(std::move(reply));
        return;
    }
    if (owed_.empty()) return end({Errc::Malformed, "an answer to nothing"});
    const auto done = std::move(owed_.front().done);
    owed_.pop_front();
    if (done) done(std::move(reply));
}

void RedisConnection::watch() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
        if (error || self->is_closed_) return;
        const auto now = monotonic_now();
        auto oldest = self->asked_at_;
        if (!self->owed_.empty()) oldest = self->owed_.front().since;
        // Heard of since: it is slow, not dead.
        if (oldest && now - std::max(*oldest, self->heard_at_) > self->options_.reply_timeout) {
            return self->end({Errc::Timeout, "no answer in time"});
        }
        if (self->queued_.size() > kMaxBacklog) {
            return self->end({Errc::Unavailable, "takes no commands"});
        }
        if (!oldest && now - self->heard_at_ >= kPingInterval) self->send({"PING"}, {});
        self->watch();
    });
}

// --- Ending --------------------------------------------------------------------------------------

void RedisConnection::end(Error error) {
    if (is_closed_) return;
    const auto self = shared_from_this();
    auto closed = std::move(handlers_.closed);
    error = in_context(options_.node.to_string(), std::move(error));
    close();
    if (closed) closed(error);
}

void RedisConnection::close() {
    if (std::exchange(is_closed_, true)) return;
    timer_.cancel();
    if (stream_) stream_->close();
    handlers_ = {};
    fail_owed({Errc::Unavailable, "the connection to Redis was lost"});
}

void RedisConnection::fail_owed(const Error& error) {
    for (auto& owed : std::exchange(owed_, {})) {
        if (owed.done) owed.done(tl::unexpected(error));
    }
}

}  // namespace aircheck::net
