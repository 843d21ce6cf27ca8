#include "net/tls_context.hpp"

#include <mutex>

namespace aircheck::net {
namespace {

namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;

TlsContext make_context(ssl::context::method method) {
    auto context = std::make_shared<ssl::context>(method);
    context->set_options(
        ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
        ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1
    );
    return context;
}

TlsContext make_client_context() {
    auto context = make_context(ssl::context::tls_client);
    ErrorCode ignored;  // A system without trust anchors verifies nothing, which connecting tells.
    context->set_default_verify_paths(ignored);
    context->set_verify_mode(ssl::verify_peer, ignored);
    return context;
}

tl::unexpected<Error> bad_file(
    const std::string& what, const std::string& file, const ErrorCode& error
) {
    return fail(Errc::InvalidArgument, what + " '" + file + "': " + error.message());
}

}  // namespace

Result<TlsContext> client_tls_context(const std::string& ca_file) {
    if (ca_file.empty()) {
        static std::mutex mutex;
        static TlsContext shared;
        const std::lock_guard lock(mutex);
        if (!shared) shared = make_client_context();
        return shared;
    }
    auto context = make_client_context();
    ErrorCode error;
    context->load_verify_file(ca_file, error);
    if (error) return bad_file("trust anchors", ca_file, error);
    return context;
}

Result<TlsContext> server_tls_context(
    const std::string& certificate_file, const std::string& key_file
) {
    auto context = make_context(ssl::context::tls_server);
    ErrorCode error;
    context->use_certificate_chain_file(certificate_file, error);
    if (error) return bad_file("TLS certificate", certificate_file, error);
    context->use_private_key_file(key_file, ssl::context::pem, error);
    if (error) return bad_file("TLS key", key_file, error);
    return context;
}

}  // namespace aircheck::net
