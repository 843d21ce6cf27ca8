#include "transport/certificate.hpp"

#include "transport/openssl.hpp"
#include "transport/srtp.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <array>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr long kValidSeconds = 30L * 24 * 3600;  // Of the process that made it; peers do not look.

Error openssl_failed(const char* what) {
    return {make_error_code(Errc::Failed), std::string(what) + ": " + openssl_error()};
}

bool describe(X509* certificate, EVP_PKEY* key) {
    std::array<std::uint8_t, 8> serial{};
    if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return false;
    serial[0] = static_cast<std::uint8_t>(serial[0] & 0x7f);
    std::uint64_t number = 0;
    for (const auto byte : serial) number = (number << 8) | byte;
    X509_NAME* name = X509_get_subject_name(certificate);
    static constexpr std::array<unsigned char, 9> kName{"aircheck"};
    return X509_set_version(certificate, 2) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -24L * 3600) != nullptr &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), kValidSeconds) != nullptr &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, kName.data(), -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

std::string openssl_error() {
    const auto code = ERR_get_error();
    if (code == 0) return "unknown error";
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    ERR_clear_error();
    return text.data();
}

std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string text = "sha-256 ";
    for (unsigned i = 0; i < size; ++i) {
        if (i > 0) text += ':';
        text += kDigits[digest[i] >> 4];
        text += kDigits[digest[i] & 15];
    }
    return text;
}

Result<std::unique_ptr<Certificate>> Certificate::create() {
    AC_CHECK_OK(start_srtp());
    auto impl = std::make_unique<Impl>();
    impl->key.reset(EVP_EC_gen("P-256"));
    if (!impl->key) return tl::unexpected(openssl_failed("certificate: making a P-256 key"));
    impl->certificate.reset(X509_new());
    if (!impl->certificate || !describe(impl->certificate.get(), impl->key.get())) {
        return tl::unexpected(openssl_failed("certificate: signing"));
    }
    impl->fingerprint = fingerprint_of(impl->certificate.get());
    return std::unique_ptr<Certificate>(new Certificate(std::move(impl)));
}

Certificate::Certificate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Certificate::~Certificate() = default;

const std::string& Certificate::fingerprint() const { return impl_->fingerprint; }

}  // namespace aircheck::transport
