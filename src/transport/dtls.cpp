#include "transport/dtls.hpp"

#include "transport/openssl.hpp"

#include <openssl/err.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr long kMtu = 1200;  // Fits every path that carries WebRTC.
constexpr unsigned kMaxRetransmitUs = 2'000'000;
constexpr std::string_view kExporterLabel = "EXTRACTOR-dtls_srtp";  // RFC 5764 §4.2

/// What OpenSSL reads from and writes to: the datagram in hand, and the owner's output.
struct DatagramPort {
    BytesView incoming;
    Dtls::Output* output = nullptr;
};

int port_write(BIO* bio, const char* data, int size) {
    auto* port = static_cast<DatagramPort*>(BIO_get_data(bio));
    if (size <= 0) return size;
    port->output->send_dtls(
        {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)}
    );
    return size;
}

int port_read(BIO* bio, char* data, int size) {
    auto* port = static_cast<DatagramPort*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (port->incoming.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const auto count = std::min(port->incoming.size(), static_cast<std::size_t>(size));
    std::memcpy(data, port->incoming.data(), count);
    port->incoming = {};
    return static_cast<int>(count);
}

long port_ctrl(BIO*, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_DGRAM_QUERY_MTU:
        case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
            return kMtu;
        default:
            return 0;
    }
}

int port_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

const BIO_METHOD* port_method() {
    static const BioMethodHandle kMethod = [] {
        BioMethodHandle method(
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aircheck datagram")
        );
        BIO_meth_set_write(method.get(), port_write);
        BIO_meth_set_read(method.get(), port_read);
        BIO_meth_set_ctrl(method.get(), port_ctrl);
        BIO_meth_set_create(method.get(), port_create);
        return method;
    }();
    return kMethod.get();
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

std::optional<SrtpProfile> profile_of(const SSL* ssl) {
    const auto* profile = SSL_get_selected_srtp_profile(const_cast<SSL*>(ssl));
    if (profile == nullptr) return {};
    for (const auto known :
         {SrtpProfile::AeadAes128Gcm, SrtpProfile::AeadAes256Gcm, SrtpProfile::Aes128CmSha1_80}) {
        if (to_string(known) == profile->name) return known;
    }
    return {};
}

Bytes joined(BytesView key, BytesView salt) {
    Bytes bytes(key.begin(), key.end());
    bytes.insert(bytes.end(), salt.begin(), salt.end());
    return bytes;
}

}  // namespace

struct Dtls::Impl {
    Config config;
    DatagramPort port;
    SslContextHandle context;
    SslHandle ssl;
    State state = State::Idle;
    Error error;
    Instant deadline;
    std::optional<SrtpKeys> keys;

    Result<> set_up(const Certificate& certificate);
    void step();
    void drop_application_data();
    void finish_handshake();
    void fail_with(Errc code, std::string why);
    [[nodiscard]] std::string why_handshake_failed(int ssl_error);

    /// OpenSSL asks how long to wait before the next retransmission.
    static unsigned next_retransmit_us(SSL* ssl, unsigned previous_us) {
        const auto* self = static_cast<const Impl*>(SSL_get_app_data(ssl));
        const auto first =
            std::chrono::duration_cast<std::chrono::microseconds>(self->config.first_retransmit);
        if (previous_us == 0) return static_cast<unsigned>(first.count());
        return std::min(previous_us * 2, kMaxRetransmitUs);
    }
};

Result<> Dtls::Impl::set_up(const Certificate& certificate) {
    const auto failed = [](const char* what) {
        return fail(make_error_code(Errc::Failed), std::string(what) + ": " + openssl_error());
    };
    ERR_clear_error();
    context.reset(SSL_CTX_new(DTLS_method()));
    if (!context) return failed("DTLS: context");
    SSL_CTX_set_min_proto_version(context.get(), DTLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Any certificate is taken here; its fingerprint is compared once the handshake is done.
    SSL_CTX_set_cert_verify_callback(
        context.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr
    );
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(
        context.get(), SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION
    );
    // 0 means success here.
    if (SSL_CTX_set_tlsext_use_srtp(context.get(), config.srtp_profiles.c_str()) != 0) {
        return failed("DTLS: SRTP profiles");
    }
    if (SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384") != 1 ||
        SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_use_certificate(context.get(), certificate.impl().certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), certificate.impl().key.get()) != 1) {
        return failed("DTLS: set-up");
    }
    ssl.reset(SSL_new(context.get()));
    BIO* bio = BIO_new(port_method());
    if (!ssl || bio == nullptr) {
        BIO_free(bio);
        return failed("DTLS: session");
    }
    BIO_set_data(bio, &port);
    SSL_set_bio(ssl.get(), bio, bio);
    SSL_set_app_data(ssl.get(), this);
    SSL_set_mtu(ssl.get(), kMtu);
    DTLS_set_timer_cb(ssl.get(), next_retransmit_us);
    if (config.role == Role::Client) {
        SSL_set_connect_state(ssl.get());
    } else {
        SSL_set_accept_state(ssl.get());
    }
    return {};
}

void Dtls::Impl::fail_with(Errc code, std::string why) {
    state = State::Failed;
    error = {make_error_code(code), "DTLS: " + std::move(why)};
}

std::string Dtls::Impl::why_handshake_failed(int ssl_error) {
    if (ssl_error == SSL_ERROR_ZERO_RETURN) return "the remote closed during the handshake";
    return "handshake: " + openssl_error();
}

void Dtls::Impl::step() {
    ERR_clear_error();
    if (state == State::Connected) {
        drop_application_data();
        return;
    }
    if (state != State::Handshaking) return;
    const int result = SSL_do_handshake(ssl.get());
    if (result == 1) {
        finish_handshake();
        return;
    }
    const int reason = SSL_get_error(ssl.get(), result);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return;
    fail_with(Errc::Failed, why_handshake_failed(reason));
}

void Dtls::Impl::drop_application_data() {
    std::array<std::uint8_t, 2048> sctp;
    // One datagram may hold several records; reading is also what answers a repeated last flight.
    while (true) {
        const int count = SSL_read(ssl.get(), sctp.data(), static_cast<int>(sctp.size()));
        if (count > 0) continue;
        const int reason = SSL_get_error(ssl.get(), count);
        if (reason == SSL_ERROR_ZERO_RETURN)
            state = State::Closed;
        else if (reason == SSL_ERROR_SSL)
            fail_with(Errc::Failed, openssl_error());
        return;
    }
}

void Dtls::Impl::finish_handshake() {
    const X509Handle peer(SSL_get1_peer_certificate(ssl.get()));
    const auto fingerprint = peer ? fingerprint_of(peer.get()) : std::string();
    if (!equal_ignoring_case(fingerprint, config.remote_fingerprint)) {
        SSL_shutdown(ssl.get());
        fail_with(
            Errc::PermissionDenied,
            "the remote's certificate is not the one its description announced"
        );
        return;
    }
    const auto profile = profile_of(ssl.get());
    if (!profile) {
        fail_with(Errc::Unsupported, "the remote agreed on no SRTP profile");
        return;
    }
    const auto sizes = sizes_of(*profile);
    std::array<std::uint8_t, 2 * (32 + 14)> material{};
    const std::size_t size = 2 * (sizes.key + sizes.salt);
    if (SSL_export_keying_material(
            ssl.get(),
            material.data(),
            size,
            kExporterLabel.data(),
            kExporterLabel.size(),
            nullptr,
            0,
            0
        ) != 1) {
        fail_with(Errc::Failed, "exporting keys: " + openssl_error());
        return;
    }
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    const BytesView all(material);
    const auto client = joined(all.subspan(0, sizes.key), all.subspan(2 * sizes.key, sizes.salt));
    const auto server = joined(
        all.subspan(sizes.key, sizes.key), all.subspan(2 * sizes.key + sizes.salt, sizes.salt)
    );
    const bool is_client = config.role == Role::Client;
    keys = SrtpKeys{*profile, is_client ? server : client, is_client ? client : server};
    OPENSSL_cleanse(material.data(), material.size());
    state = State::Connected;
}

Result<std::unique_ptr<Dtls>> Dtls::create(
    const Certificate& certificate, const Config& config, Output& output
) {
    auto impl = std::make_unique<Impl>();
    impl->config = config;
    impl->port.output = &output;
    AC_CHECK_OK(impl->set_up(certificate));
    return std::unique_ptr<Dtls>(new Dtls(std::move(impl)));
}

Dtls::Dtls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dtls::~Dtls() = default;

void Dtls::start(Instant now) {
    if (impl_->state != State::Idle) return;
    impl_->state = State::Handshaking;
    impl_->deadline = now + impl_->config.timeout;
    impl_->step();
}

void Dtls::on_datagram(BytesView datagram, Instant now) {
    static_cast<void>(now);
    if (impl_->state != State::Handshaking && impl_->state != State::Connected) return;
    impl_->port.incoming = datagram;
    impl_->step();
    impl_->port.incoming = {};
}

void Dtls::on_tick(Instant now) {
    if (impl_->state != State::Handshaking) return;
    if (now >= impl_->deadline) {
        impl_->fail_with(Errc::Timeout, "the handshake did not finish in time");
        return;
    }
    ERR_clear_error();
    if (DTLSv1_handle_timeout(impl_->ssl.get()) < 0) {
        impl_->fail_with(Errc::Timeout, "the remote does not answer the handshake");
    }
}

std::optional<Instant> Dtls::next_deadline(Instant now) const {
    if (impl_->state != State::Handshaking) return {};
    timeval left{};
    if (DTLSv1_get_timeout(impl_->ssl.get(), &left) != 1) return impl_->deadline;
    const auto wait = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    return std::min(impl_->deadline, now + wait);
}

void Dtls::close() {
    if (impl_->state == State::Connected) SSL_shutdown(impl_->ssl.get());
    ERR_clear_error();
    impl_->state = State::Closed;
}

Dtls::State Dtls::state() const { return impl_->state; }
const Error& Dtls::error() const { return impl_->error; }
const std::optional<SrtpKeys>& Dtls::keys() const { return impl_->keys; }

}  // namespace aircheck::transport
