#include "storage/gcs_error.hpp"

#include "core/foreign_text.hpp"
#include "storage/s3_xml.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::storage {
namespace {

using nlohmann::json;

std::string json_message(const std::string& body) {
    const json answer = json::parse(body, nullptr, false);
    if (!answer.is_object()) return {};
    const auto error = answer.find("error");
    if (error == answer.end() || !error->is_object()) return {};
    const auto message = error->find("message");
    return message != error->end() && message->is_string() ? message->get<std::string>() : "";
}

}  // namespace

bool GcsFailure::is_passing() const {
    return (status >= 500 && status != 501) || status == 429 || status == 408;
}

bool GcsFailure::is_want_of_right() const { return status == 403; }

std::optional<GcsFailure> gcs_failure_of(const net::HttpResponse& response) {
    const bool ok = response.status >= 200 && response.status < 300;
    const bool says_error = response.body.find("<Error>") != std::string::npos;
    const bool is_xml = response.headers.get("Content-Type").find("xml") != std::string_view::npos;
    // Completing an upload can take minutes: an error may come after its 200.
    if (ok && !(says_error && is_xml)) return {};
    GcsFailure failure;
    failure.status = ok ? 500 : response.status;
    failure.code = xml_text(response.body, "Code").value_or("");
    failure.message = xml_text(response.body, "Details").value_or("");
    if (failure.message.empty()) failure.message = xml_text(response.body, "Message").value_or("");
    if (failure.message.empty()) failure.message = json_message(response.body);
    return failure;
}

Error explain(
    const GcsFailure& failure,
    const GcsDestination& destination,
    const std::string& action,
    const std::string& permission
) {
    const std::string where = "GCS bucket \"" + destination.bucket + "\": " + action + ": ";
    const std::string said =
        failure.message.empty() ? "" : " (" + first_words(failure.message) + ")";
    const bool no_bucket = failure.code == "NoSuchBucket" ||
                           failure.message.find("bucket does not exist") != std::string::npos;
    switch (failure.status) {
        case 401:
            return {
                Errc::PermissionDenied,
                where + "Google does not take the credentials (credentials)" + said};
        case 403:
            return {Errc::PermissionDenied, where + "access denied; it takes " + permission + said};
        case 404:
            if (no_bucket) return {Errc::NotFound, where + "there is no such bucket (bucket)"};
            if (failure.code == "NoSuchUpload") {
                return {Errc::NotFound, where + "the store has forgotten the unfinished upload"};
            }
            return {Errc::NotFound, where + "there is no such object"};
        case 412:
            return {Errc::AlreadyExists, where + "the name is taken"};
        case 416:
            return {Errc::NotFound, where + "the object ends before that"};
        default:
            break;
    }
    const std::string words = "HTTP " + std::to_string(failure.status) +
                              (failure.code.empty() ? "" : " " + first_words(failure.code)) + said;
    if (failure.is_passing()) return {Errc::Unavailable, where + words};
    return {failure.status == 400 ? Errc::InvalidArgument : Errc::Failed, where + words};
}

}  // namespace aircheck::storage
