#include "transport/srtp.hpp"

#include "core/c_handle.hpp"

#include <srtp2/srtp.h>

#include <string>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr unsigned long kReplayWindow = 1024;
constexpr std::size_t kMinRtp = 12, kMinRtcp = 8;

using SrtpHandle = CHandle<srtp_ctx_t_, srtp_dealloc>;

/// libsrtp's global tables; made once, never torn down, since sessions on any thread may outlive
/// main.
bool srtp_is_ready() {
    static const bool ready = srtp_init() == srtp_err_status_ok;
    return ready;
}

void set_profile(SrtpProfile profile, srtp_policy_t& policy) {
    switch (profile) {
        case SrtpProfile::Aes128CmSha1_80:
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
            break;
        case SrtpProfile::AeadAes128Gcm:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
            break;
        case SrtpProfile::AeadAes256Gcm:
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
            break;
    }
}

Result<SrtpHandle> make_session(SrtpProfile profile, Bytes master, srtp_ssrc_type_t direction) {
    srtp_policy_t policy{};
    set_profile(profile, policy);
    policy.ssrc.type = direction;
    policy.key = master.data();
    policy.window_size = kReplayWindow;
    policy.allow_repeat_tx = 1;
    srtp_t session = nullptr;
    const auto status = srtp_create(&session, &policy);
    if (status != srtp_err_status_ok) {
        return fail(
            make_error_code(Errc::Failed), "SRTP: libsrtp error " + std::to_string(int{status})
        );
    }
    return SrtpHandle(session);
}

SrtpSession::Verdict verdict_of(srtp_err_status_t status) {
    switch (status) {
        case srtp_err_status_ok:
            return SrtpSession::Verdict::Ok;
        case srtp_err_status_auth_fail:
            return SrtpSession::Verdict::AuthFailure;
        case srtp_err_status_replay_fail:
        case srtp_err_status_replay_old:
            return SrtpSession::Verdict::Replay;
        default:
            return SrtpSession::Verdict::Malformed;
    }
}

}  // namespace

struct SrtpSession::Impl {
    SrtpHandle inbound;
    SrtpHandle outbound;
};

SrtpProfileSizes sizes_of(SrtpProfile profile) {
    switch (profile) {
        case SrtpProfile::Aes128CmSha1_80:
            return {16, 14};
        case SrtpProfile::AeadAes128Gcm:
            return {16, 12};
        case SrtpProfile::AeadAes256Gcm:
            return {32, 12};
    }
    return {};
}

std::string_view to_string(SrtpProfile profile) {
    switch (profile) {
        case SrtpProfile::Aes128CmSha1_80:
            return "SRTP_AES128_CM_SHA1_80";
        case SrtpProfile::AeadAes128Gcm:
            return "SRTP_AEAD_AES_128_GCM";
        case SrtpProfile::AeadAes256Gcm:
            return "SRTP_AEAD_AES_256_GCM";
    }
    return "";
}

Result<> start_srtp() {
    if (srtp_is_ready()) return {};
    return fail(make_error_code(Errc::Failed), "SRTP: libsrtp does not start");
}

Result<std::unique_ptr<SrtpSession>> SrtpSession::create(const SrtpKeys& keys) {
    const auto sizes = sizes_of(keys.profile);
    if (keys.inbound.size() != sizes.key + sizes.salt ||
        keys.outbound.size() != keys.inbound.size()) {
        return fail(make_error_code(Errc::InvalidArgument), "SRTP: keys of the wrong length");
    }
    AC_CHECK_OK(start_srtp());
    auto impl = std::make_unique<Impl>();
    AC_TRY(impl->inbound, make_session(keys.profile, keys.inbound, ssrc_any_inbound));
    AC_TRY(impl->outbound, make_session(keys.profile, keys.outbound, ssrc_any_outbound));
    return std::unique_ptr<SrtpSession>(new SrtpSession(std::move(impl)));
}

SrtpSession::SrtpSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SrtpSession::~SrtpSession() = default;

SrtpSession::Verdict SrtpSession::unprotect_rtp(std::span<std::uint8_t> buffer, std::size_t& size) {
    if (size < kMinRtp || size > buffer.size()) return Verdict::Malformed;
    int length = static_cast<int>(size);
    const auto verdict = verdict_of(srtp_unprotect(impl_->inbound.get(), buffer.data(), &length));
    size = static_cast<std::size_t>(length);
    return verdict;
}

SrtpSession::Verdict SrtpSession::unprotect_rtcp(
    std::span<std::uint8_t> buffer, std::size_t& size
) {
    if (size < kMinRtcp || size > buffer.size()) return Verdict::Malformed;
    int length = static_cast<int>(size);
    const auto verdict =
        verdict_of(srtp_unprotect_rtcp(impl_->inbound.get(), buffer.data(), &length));
    size = static_cast<std::size_t>(length);
    return verdict;
}

bool SrtpSession::protect_rtp(std::span<std::uint8_t> buffer, std::size_t& size) {
    if (size < kMinRtp || size + kMaxTrailer > buffer.size()) return false;
    int length = static_cast<int>(size);
    const auto status = srtp_protect(impl_->outbound.get(), buffer.data(), &length);
    size = static_cast<std::size_t>(length);
    return status == srtp_err_status_ok;
}

bool SrtpSession::protect_rtcp(std::span<std::uint8_t> buffer, std::size_t& size) {
    if (size < kMinRtcp || size + kMaxTrailer > buffer.size()) return false;
    int length = static_cast<int>(size);
    const auto status = srtp_protect_rtcp(impl_->outbound.get(), buffer.data(), &length);
    size = static_cast<std::size_t>(length);
    return status == srtp_err_status_ok;
}

}  // namespace aircheck::transport
