#include "storage/aws_sts.hpp"

#include "core/bytes.hpp"
#include "core/foreign_text.hpp"
#include "net/crypto.hpp"
#include "net/url.hpp"
#include "storage/query.hpp"
#include "storage/s3_address.hpp"
#include "storage/s3_error.hpp"
#include "storage/s3_xml.hpp"
#include "storage/store_http.hpp"

#include <cstdlib>

namespace aircheck::storage {
namespace {

constexpr const char* kVersion = "2011-06-15";
/// What every role allows, and a role assumed from a role no more than.
constexpr const char* kSeconds = "3600";

std::string sts_endpoint(const S3Destination& destination) {
    if (!destination.sts_endpoint.empty()) return destination.sts_endpoint;
    if (const char* set = std::getenv("AWS_ENDPOINT_URL_STS"); set != nullptr && *set != '\0') {
        return set;
    }
    const std::string region = region_of(destination);
    const bool is_other = !destination.endpoint.empty() &&
                          destination.endpoint.find("amazonaws.com") == std::string::npos;
    if (!is_other) {
        return "https://sts." + region + ".amazonaws.com" +
               (region.starts_with("cn-") ? ".cn" : "");
    }
    const bool has_scheme = destination.endpoint.find("://") != std::string::npos;
    return has_scheme ? destination.endpoint : "https://" + destination.endpoint;
}

Error refusal(const S3Failure& failure, const std::string& where) {
    if (failure.code == "AccessDenied") {
        return {
            Errc::PermissionDenied,
            where +
                "refused: its trust policy does not name these keys, or asks for another "
                "external id (assume_role_arn, assume_role_external_id)"};
    }
    const bool denied = failure.status == 401 || failure.status == 403 || failure.status == 400;
    return {
        failure.is_passing() ? Errc::Unavailable
        : denied             ? Errc::PermissionDenied
                             : Errc::Failed,
        where + first_words(failure.code + " " + failure.message)};
}

Result<AwsCredentials> credentials_in(const std::string& xml, const std::string& where) {
    AwsCredentials credentials;
    credentials.keys = {
        xml_text(xml, "AccessKeyId").value_or(""),
        xml_text(xml, "SecretAccessKey").value_or(""),
        xml_text(xml, "SessionToken").value_or("")};
    const auto expires = parse_iso8601(xml_text(xml, "Expiration").value_or(""));
    if (credentials.keys.access_key.empty() || credentials.keys.secret.empty() || !expires) {
        return fail(Errc::Malformed, where + "the answer has no keys");
    }
    credentials.expires = *expires;
    return credentials;
}

/// One call, signed where there are `keys`.
Result<AwsCredentials> call(
    const S3Destination& destination,
    const std::string& role_arn,
    const NamesAndValues& form,
    const SigV4Keys* keys,
    net::HttpClient& http,
    WallTime now
) {
    const std::string where = "S3: the role " + first_words(role_arn) + ": ";
    const auto url = net::Url::parse(sts_endpoint(destination));
    if (!url) return fail(Errc::InvalidArgument, where + "no STS address (sts_endpoint)");
    const std::string path = url->path.empty() ? "/" : url->path;
    for (int retry = 0;;) {
        auto request = request_to(destination, "POST", canonical_query(form), 0);
        request.url = url->scheme + "://" + url->host_header() + path;
        request.headers.set("Content-Type", "application/x-www-form-urlencoded");
        if (keys != nullptr) {
            const std::string hash = to_hex(net::sha256(as_bytes(request.body)));
            request.headers.set("x-amz-date", amz_date(now));
            request.headers.set("x-amz-content-sha256", hash);
            if (!keys->session_token.empty()) {
                request.headers.set("x-amz-security-token", keys->session_token);
            }
            SigV4Request to_sign{"POST", path, {}, {}, hash};
            to_sign.headers.assign(request.headers.begin(), request.headers.end());
            to_sign.headers.emplace_back("host", url->host_header());
            const SigV4Scope scope{region_of(destination), "sts"};
            request.headers.set("Authorization", authorization_header(to_sign, *keys, scope, now));
        }
        const auto response = send_to_store(http, request);
        Error error;
        if (response) {
            const auto failure = failure_of(*response);
            if (!failure) return credentials_in(response->body, where);
            error = refusal(*failure, where);
        } else {
            error = {response.error().code, where + response.error().context};
        }
        const bool passing = error.code == Errc::Unavailable || error.code == Errc::Timeout;
        if (!passing || retry >= destination.retry.max_retries) return tl::unexpected(error);
        wait_before_retry(destination.retry, retry++);
    }
}

}  // namespace

Result<AwsCredentials> assume_role(
    const S3Destination& destination, const SigV4Keys& keys, net::HttpClient& http, WallTime now
) {
    NamesAndValues form = {
        {"Action", "AssumeRole"},
        {"Version", kVersion},
        {"RoleArn", destination.assume_role_arn},
        {"RoleSessionName", "aircheck"},
        {"DurationSeconds", kSeconds}};
    if (!destination.assume_role_external_id.empty()) {
        form.emplace_back("ExternalId", destination.assume_role_external_id);
    }
    return call(destination, destination.assume_role_arn, form, &keys, http, now);
}

Result<AwsCredentials> assume_role_with_web_identity(
    const S3Destination& destination,
    const std::string& role_arn,
    const std::string& session_name,
    const std::string& token,
    net::HttpClient& http,
    WallTime now
) {
    const NamesAndValues form = {
        {"Action", "AssumeRoleWithWebIdentity"},
        {"Version", kVersion},
        {"RoleArn", role_arn},
        {"RoleSessionName", session_name},
        {"WebIdentityToken", token},
        {"DurationSeconds", kSeconds}};
    return call(destination, role_arn, form, nullptr, http, now);
}

}  // namespace aircheck::storage
