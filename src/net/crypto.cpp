#include "net/crypto.hpp"

#include "core/c_handle.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace aircheck::net {
namespace {

using DigestContext = CHandle<EVP_MD_CTX, EVP_MD_CTX_free>;
using Key = CHandle<EVP_PKEY, EVP_PKEY_free>;
using Memory = CHandle<BIO, BIO_free>;
using CipherContext = CHandle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

/// OpenSSL's digests and ciphers fail only without memory or with a broken installation: there is
/// nothing a caller could do, and going on without a digest would be worse.
void require(bool ok) {
    if (!ok) std::abort();
}

template <std::size_t Size>
std::array<std::uint8_t, Size> digest(const EVP_MD* algorithm, BytesView bytes) {
    std::array<std::uint8_t, Size> out{};
    unsigned length = 0;
    require(EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr) == 1);
    require(length == Size);
    return out;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> hmac(const EVP_MD* algorithm, BytesView key, BytesView message) {
    // OpenSSL takes a null key for "the one before": an empty key needs an address.
    static constexpr std::uint8_t kNone = 0;
    std::array<std::uint8_t, Size> out{};
    unsigned length = 0;
    require(
        HMAC(
            algorithm,
            key.empty() ? &kNone : key.data(),
            static_cast<int>(key.size()),
            message.data(),
            message.size(),
            out.data(),
            &length
        ) != nullptr
    );
    require(length == Size);
    return out;
}

int int_size(std::size_t size) {
    require(size <= 0x7fffffff);
    return static_cast<int>(size);
}

const std::uint8_t* start_of(std::string_view text) { return as_bytes(text).data(); }

}  // namespace

Sha256Digest sha256(BytesView bytes) { return digest<32>(EVP_sha256(), bytes); }

Sha256Digest hmac_sha256(BytesView key, BytesView message) {
    return hmac<32>(EVP_sha256(), key, message);
}

std::array<std::uint8_t, 16> md5(BytesView bytes) { return digest<16>(EVP_md5(), bytes); }

Sha256::Sha256() {
    DigestContext context(EVP_MD_CTX_new());
    require(context != nullptr);
    require(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
    context_ = context.release();
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

Sha256::Sha256(Sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}

Sha256& Sha256::operator=(Sha256&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
}

void Sha256::update(BytesView bytes) {
    require(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::finish() {
    Sha256Digest out{};
    require(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), out.data(), nullptr) == 1);
    return out;
}

Result<Bytes> rsa_sha256(std::string_view private_key_pem, BytesView message) {
    const auto no_password = [](char*, int, int, void*) { return 0; };
    const Memory memory(BIO_new_mem_buf(private_key_pem.data(), int_size(private_key_pem.size())));
    const Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr));
    if (!key || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
        return fail(Errc::InvalidArgument, "the private key is no RSA key (PEM)");
    }
    const DigestContext context(EVP_MD_CTX_new());
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_size(key.get()));
    Bytes signature(size);
    const bool signed_it =
        context &&
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1;
    if (!signed_it) return fail(Errc::InvalidArgument, "the private key signs nothing");
    signature.resize(size);
    return signature;
}

bool constant_time_equal(BytesView a, BytesView b) {
    return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

Bytes random_bytes(std::size_t count) {
    Bytes out(count);
    std::size_t done = 0;
    while (done < count) {
        const auto got = getrandom(out.data() + done, count - done, 0);
        if (got > 0)
            done += static_cast<std::size_t>(got);
        else
            require(errno == EINTR);
    }
    return out;
}

Bytes seal(BytesView key, std::string_view plain, std::string_view associated) {
    require(key.size() == kKeySize);
    Bytes out = random_bytes(kNonceSize);
    out.resize(kNonceSize + plain.size() + kTagSize);
    const CipherContext context(EVP_CIPHER_CTX_new());
    require(context != nullptr);
    auto* c = context.get();
    auto* cipher_text = out.data() + kNonceSize;
    int length = 0;
    require(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), nullptr, key.data(), out.data()) == 1);
    if (!associated.empty()) {
        require(
            EVP_EncryptUpdate(
                c, nullptr, &length, start_of(associated), int_size(associated.size())
            ) == 1
        );
    }
    if (!plain.empty()) {
        require(
            EVP_EncryptUpdate(c, cipher_text, &length, start_of(plain), int_size(plain.size())) == 1
        );
    }
    auto* tag = cipher_text + plain.size();
    require(EVP_EncryptFinal_ex(c, tag, &length) == 1);
    require(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, int{kTagSize}, tag) == 1);
    return out;
}

Result<std::string> open_sealed(BytesView key, BytesView sealed, std::string_view associated) {
    require(key.size() == kKeySize);
    if (sealed.size() < kNonceSize + kTagSize || sealed.size() > 0x7fffffff) {
        return fail(Errc::Malformed, "sealed text of " + std::to_string(sealed.size()) + " bytes");
    }
    const auto nonce = sealed.first(kNonceSize);
    const auto cipher_text = sealed.subspan(kNonceSize, sealed.size() - kNonceSize - kTagSize);
    Bytes tag(sealed.end() - kTagSize, sealed.end());
    const CipherContext context(EVP_CIPHER_CTX_new());
    require(context != nullptr);
    auto* c = context.get();
    std::string plain(cipher_text.size(), '\0');
    auto* out = reinterpret_cast<std::uint8_t*>(plain.data());
    int length = 0;
    require(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1);
    bool ok = true;
    if (!associated.empty()) {
        ok = EVP_DecryptUpdate(
                 c, nullptr, &length, start_of(associated), int_size(associated.size())
             ) == 1;
    }
    if (ok && !cipher_text.empty()) {
        ok = EVP_DecryptUpdate(c, out, &length, cipher_text.data(), int_size(cipher_text.size())) ==
             1;
    }
    ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, int{kTagSize}, tag.data()) == 1;
    std::uint8_t unused[kTagSize];
    ok = ok && EVP_DecryptFinal_ex(c, unused, &length) == 1;
    if (!ok) {
        OPENSSL_cleanse(plain.data(), plain.size());
        return fail(Errc::Malformed, "sealed text does not open with this key");
    }
    return plain;
}

}  // namespace aircheck::net
