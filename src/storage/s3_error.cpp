#include "storage/s3_error.hpp"

#include "core/foreign_text.hpp"
#include "storage/http_date.hpp"
#include "storage/s3_xml.hpp"

#include <array>
#include <string_view>

namespace aircheck::storage {
namespace {

/// The code for answers without a body, as HEAD's are.
std::string code_of_status(int status) {
    switch (status) {
        case 301:
            return "PermanentRedirect";
        case 307:
            return "TemporaryRedirect";
        case 400:
            return "BadRequest";
        case 403:
            return "AccessDenied";
        case 404:
            return "NotFound";
        case 412:
            return "PreconditionFailed";
        case 416:
            return "InvalidRange";
        case 429:
            return "TooManyRequests";
        case 503:
            return "SlowDown";
        default:
            return "HTTP " + std::to_string(status);
    }
}

struct Meaning {
    std::string_view code;
    Errc errc;
    std::string_view words;  ///< Empty: what the store says.
};

constexpr std::array kMeanings = {
    Meaning{
        "InvalidAccessKeyId",
        Errc::PermissionDenied,
        "the store does not know the access key (access_key)"},
    Meaning{
        "SignatureDoesNotMatch",
        Errc::PermissionDenied,
        "the secret does not belong to the access key (secret)"},
    Meaning{
        "ExpiredToken",
        Errc::PermissionDenied,
        "the temporary credentials have expired (session_token)"},
    Meaning{
        "InvalidToken", Errc::PermissionDenied, "the session token is not valid (session_token)"},
    Meaning{
        "RequestTimeTooSkewed",
        Errc::PermissionDenied,
        "this machine's clock differs from the store's by more than 15 minutes"},
    Meaning{"AllAccessDisabled", Errc::PermissionDenied, "all access to the bucket is disabled"},
    Meaning{
        "PermanentRedirect",
        Errc::InvalidArgument,
        "the bucket is reached by another endpoint or region (endpoint, region)"},
    Meaning{"AuthorizationHeaderMalformed", Errc::InvalidArgument, "the region is wrong (region)"},
    Meaning{
        "IllegalLocationConstraintException",
        Errc::InvalidArgument,
        "the region is wrong (region)"},
    Meaning{"InvalidBucketName", Errc::InvalidArgument, "the bucket's name is not valid (bucket)"},
    Meaning{"InvalidTag", Errc::InvalidArgument, ""},
    Meaning{
        "MetadataTooLarge", Errc::InvalidArgument, "the metadata has more than 2 KB (metadata)"},
    Meaning{"KeyTooLongError", Errc::InvalidArgument, "the object's name has more than 1024 bytes"},
    Meaning{"XMinioStorageFull", Errc::NoSpace, "the store is full"},
    Meaning{"QuotaExceeded", Errc::NoSpace, "the store's quota is used up"},
    Meaning{"BucketAlreadyExists", Errc::AlreadyExists, "somebody else has a bucket of this name"},
    Meaning{"BucketAlreadyOwnedByYou", Errc::AlreadyExists, "the bucket is there already"},
    Meaning{"PreconditionFailed", Errc::AlreadyExists, "the name is taken"},
    Meaning{"NoSuchKey", Errc::NotFound, "there is no such object"},
    Meaning{"NotFound", Errc::NotFound, "there is no such object or bucket"},
    Meaning{"InvalidRange", Errc::NotFound, "the object ends before that"},
    Meaning{"NoSuchUpload", Errc::NotFound, "the store has forgotten the unfinished upload"},
};

Errc errc_of_status(int status) {
    if (status == 401 || status == 403) return Errc::PermissionDenied;
    if (status == 404) return Errc::NotFound;
    if (status == 400) return Errc::InvalidArgument;
    return status == 429 || status == 409 || status >= 500 ? Errc::Unavailable : Errc::Failed;
}

}  // namespace

bool S3Failure::is_passing() const {
    if (code.starts_with("BucketAlready")) return false;
    if (code == "XMinioStorageFull" || code == "NotImplemented") return false;
    return status >= 500 || status == 429 || status == 409 || code == "RequestTimeout" ||
           code == "TemporaryRedirect" || code == "InternalError" || code == "SlowDown";
}

std::optional<S3Failure> failure_of(const net::HttpResponse& response) {
    const bool ok = response.status >= 200 && response.status < 300;
    const bool says_error = response.body.find("<Error>") != std::string::npos;
    const bool is_xml = response.headers.get("Content-Type").find("xml") != std::string_view::npos;
    if (ok && !(says_error && is_xml)) return {};
    S3Failure failure;
    failure.status = ok ? 500 : response.status;
    failure.code = xml_text(response.body, "Code").value_or("");
    if (failure.code.empty()) failure.code = code_of_status(response.status);
    if (ok && failure.code == "PreconditionFailed") failure.status = 412;
    failure.message = xml_text(response.body, "Message").value_or("");
    failure.region = std::string(response.headers.get("x-amz-bucket-region"));
    if (failure.region.empty()) failure.region = xml_text(response.body, "Region").value_or("");
    failure.date = parse_http_date(std::string(response.headers.get("Date")));
    return failure;
}

Error explain(
    const S3Failure& failure,
    const S3Destination& destination,
    const std::string& action,
    const std::string& permission
) {
    const std::string where = "S3 bucket \"" + destination.bucket + "\": " + action + ": ";
    if (failure.code == "NoSuchBucket") {
        const std::string at = destination.endpoint.empty() ? "AWS" : destination.endpoint;
        return {Errc::NotFound, where + "there is no such bucket at " + at};
    }
    if (failure.code == "AccessDenied") {
        return {Errc::PermissionDenied, where + "access denied; it takes " + permission};
    }
    for (const Meaning& meaning : kMeanings) {
        if (meaning.code != failure.code) continue;
        const std::string words(
            meaning.words.empty() ? first_words(failure.message) : std::string(meaning.words)
        );
        return {meaning.errc, where + words};
    }
    std::string words = first_words(failure.code);
    if (!failure.message.empty()) words += " (" + first_words(failure.message) + ")";
    return {errc_of_status(failure.status), where + words};
}

}  // namespace aircheck::storage
