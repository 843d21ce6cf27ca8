#include "storage/azure_error.hpp"

#include "core/foreign_text.hpp"
#include "storage/http_date.hpp"
#include "storage/s3_xml.hpp"

#include <array>
#include <string_view>

namespace aircheck::storage {
namespace {

/// The code for answers that name none.
std::string code_of_status(int status) {
    switch (status) {
        case 403:
            return "AuthorizationFailure";
        case 404:
            return "ResourceNotFound";
        case 412:
            return "ConditionNotMet";
        case 416:
            return "InvalidRange";
        default:
            return "HTTP " + std::to_string(status);
    }
}

struct Meaning {
    std::string_view code;
    Errc errc;
    std::string_view words;  ///< Empty: what the store says.
};

// "Common REST API error codes" and "Blob Storage error codes", Azure Storage REST API.
constexpr std::array kMeanings = {
    Meaning{"AccountIsDisabled", Errc::PermissionDenied, "the account is disabled"},
    Meaning{"ContainerDisabled", Errc::PermissionDenied, "the container is disabled"},
    Meaning{
        "KeyBasedAuthenticationNotPermitted",
        Errc::PermissionDenied,
        "the account takes no keys: allow them there (\"Allow storage account key access\")"},
    Meaning{
        "AuthorizationProtocolMismatch",
        Errc::PermissionDenied,
        "the SAS is for https only (endpoint)"},
    Meaning{
        "AuthorizationSourceIPMismatch",
        Errc::PermissionDenied,
        "the SAS is not for this machine's address (sas_token)"},
    Meaning{
        "BlobImmutableDueToPolicy",
        Errc::PermissionDenied,
        "a policy of the container keeps the blob from being changed"},
    Meaning{
        "BlobImmutableDueToLegalHold",
        Errc::PermissionDenied,
        "a legal hold keeps the blob from being changed"},
    Meaning{"BlobAlreadyExists", Errc::AlreadyExists, "the name is taken"},
    Meaning{"ConditionNotMet", Errc::AlreadyExists, "the name is taken"},
    Meaning{"ContainerAlreadyExists", Errc::AlreadyExists, "the container is there already"},
    Meaning{"BlobNotFound", Errc::NotFound, "there is no such blob"},
    Meaning{"ResourceNotFound", Errc::NotFound, "there is no such blob or container"},
    Meaning{"InvalidRange", Errc::NotFound, "the blob ends before that"},
    Meaning{
        "InvalidBlockList",
        Errc::NotFound,
        "the store has forgotten blocks of the unfinished upload"},
    Meaning{
        "InvalidBlobOrBlock",
        Errc::InvalidArgument,
        "blocks that another program sent under this name are in the way"},
    Meaning{"InvalidMetadata", Errc::InvalidArgument, ""},
    Meaning{
        "MetadataTooLarge", Errc::InvalidArgument, "the metadata has more than 8 KB (metadata)"},
    Meaning{
        "InvalidResourceName",
        Errc::InvalidArgument,
        "the container's or the blob's name is not valid (container_name)"},
    Meaning{
        "OutOfRangeInput",
        Errc::InvalidArgument,
        "the container's or the blob's name is not valid (container_name)"},
};

Errc errc_of_status(int status) {
    if (status == 401 || status == 403) return Errc::PermissionDenied;
    if (status == 404) return Errc::NotFound;
    if (status == 400) return Errc::InvalidArgument;
    return status == 429 || status >= 500 ? Errc::Unavailable : Errc::Failed;
}

bool says_bad_credentials(const AzureFailure& failure) {
    // Azurite's word for it is Azure's for a want of rights.
    return failure.code == "AuthenticationFailed" || failure.code == "InvalidAuthenticationInfo" ||
           failure.code == "NoAuthenticationInformation" ||
           failure.message.find("failed to authenticate") != std::string::npos;
}

}  // namespace

bool AzureFailure::is_passing() const {
    if (code == "NotImplemented" || status == 501) return false;
    return status >= 500 || status == 429 || status == 408 || code == "ContainerBeingDeleted" ||
           code == "AccountBeingCreated" || code == "OperationTimedOut";
}

bool AzureFailure::is_want_of_right() const {
    if (says_bad_credentials(*this)) return false;
    return code == "AuthorizationFailure" || code == "AuthorizationPermissionMismatch" ||
           code == "AuthorizationResourceTypeMismatch" || code == "AuthorizationServiceMismatch" ||
           code == "InsufficientAccountPermissions" || code == "UnauthorizedBlobOverwrite";
}

std::optional<AzureFailure> azure_failure_of(const net::HttpResponse& response) {
    if (response.status >= 200 && response.status < 300) return {};
    AzureFailure failure;
    failure.status = response.status;
    failure.code = xml_text(response.body, "Code").value_or("");
    if (failure.code.empty()) failure.code = std::string(response.headers.get("x-ms-error-code"));
    if (failure.code.empty()) failure.code = code_of_status(response.status);
    failure.message = xml_text(response.body, "Message").value_or("");
    failure.date = parse_http_date(std::string(response.headers.get("Date")));
    return failure;
}

Error explain(
    const AzureFailure& failure,
    const AzureDestination& destination,
    const std::string& action,
    const std::string& permission
) {
    const std::string where = "Azure container \"" + destination.container + "\" of \"" +
                              destination.account + "\": " + action + ": ";
    if (failure.code == "ContainerNotFound") {
        return {Errc::NotFound, where + "there is no such container (container_name)"};
    }
    if (failure.is_want_of_right()) {
        return {
            Errc::PermissionDenied,
            where + "access denied; it takes the right " + permission +
                (failure.code == "AuthorizationFailure"
                     ? ", and the account's network rules must let this machine in"
                     : "")};
    }
    if (says_bad_credentials(failure)) {
        const bool has_key = !destination.account_key.empty();
        return {
            Errc::PermissionDenied,
            where + (has_key ? "the key does not belong to the account (account_key)"
                             : "the SAS is not valid here, or has expired (sas_token)")};
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
