#pragma once

// Private to transport's .cpp files: OpenSSL's types as owned handles.

#include "core/c_handle.hpp"
#include "core/result.hpp"
#include "transport/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>

namespace aircheck::transport {

using PkeyHandle = CHandle<EVP_PKEY, EVP_PKEY_free>;
using X509Handle = CHandle<X509, X509_free>;
using SslContextHandle = CHandle<SSL_CTX, SSL_CTX_free>;
using SslHandle = CHandle<SSL, SSL_free>;
using BioMethodHandle = CHandle<BIO_METHOD, BIO_meth_free>;

struct Certificate::Impl {
    PkeyHandle key;
    X509Handle certificate;
    std::string fingerprint;
};

/// The oldest error of OpenSSL's queue in words, and clears the queue; "unknown error" when it is
/// empty.
[[nodiscard]] std::string openssl_error();
/// "sha-256 AB:CD:…"; empty when OpenSSL fails.
[[nodiscard]] std::string fingerprint_of(const X509* certificate);

}  // namespace aircheck::transport
