#include "storage/gcs_token.hpp"

#include "core/foreign_text.hpp"
#include "core/log.hpp"
#include "net/url.hpp"
#include "storage/http_date.hpp"
#include "storage/store_http.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aircheck::storage {
namespace {

using nlohmann::json;

constexpr const char* kMetadataPath = "/computeMetadata/v1/instance/service-accounts/default/token";
constexpr std::chrono::minutes kBeforeItEnds{5};
/// Claims that are dated further off are refused.
constexpr Nanoseconds kMuch = std::chrono::minutes(1);

std::string text_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_passing(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::Timeout;
}

}  // namespace

Result<net::HttpResponse> GcsToken::ask(const GcsDestination& destination, net::HttpClient& http) {
    if (!key_) {
        // Of this machine: never through a proxy, and soon there or not at all.
        net::HttpRequest request;
        request.url = "http://" + destination.metadata_host + kMetadataPath;
        request.headers.set("Metadata-Flavor", "Google");
        request.connect_timeout = 2s;
        request.timeout = 10s;
        return http.send(request);
    }
    AC_TRY(const auto assertion, token_assertion(*key_, clock_() + clock_offset_));
    auto request = request_to(
        destination,
        "POST",
        "grant_type=" + net::percent_encode("urn:ietf:params:oauth:grant-type:jwt-bearer") +
            "&assertion=" + assertion,
        0
    );
    request.url = key_->token_uri;
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    return send_to_store(http, request);
}

Result<> GcsToken::ask_google(const GcsDestination& destination, net::HttpClient& http) {
    const std::string who = key_ ? key_->client_email : "the machine's account";
    const std::string where =
        "GCS bucket \"" + destination.bucket + "\": a token for " + who + ": ";
    bool corrected = false;
    for (int retry = 0;;) {
        const auto response = ask(destination, http);
        Error error;
        bool passing = false;
        if (!response) {
            error = in_context(where.substr(0, where.size() - 2), response.error());
            passing = is_passing(error);
            if (!key_) error.context += " (no credentials are set, and this is no machine of GCP?)";
        } else {
            const json answer = json::parse(response->body, nullptr, false);
            const json said = answer.is_object() ? answer : json::object();
            token_ = text_of(said, "access_token");
            if (response->status == 200 && !token_.empty() && is_header_value(token_)) {
                const auto life = said.value("expires_in", json(3600));
                good_until_ =
                    clock_() +
                    std::chrono::seconds(life.is_number_integer() ? life.get<int>() : 60) -
                    kBeforeItEnds;
                return {};
            }
            token_.clear();
            // A claim from the future is refused as a bad grant.
            const auto date = parse_http_date(std::string(response->headers.get("Date")));
            if (key_ && date && !corrected && response->status == 400) {
                const Nanoseconds offset = *date - clock_();
                corrected = true;
                if (offset > kMuch || offset < -kMuch) {
                    clock_offset_ = offset;
                    log::warn("gcs.clock_corrected", {{"seconds", to_seconds(offset)}});
                    continue;
                }
            }
            passing = response->status >= 500 || response->status == 429;
            const std::string words = text_of(said, "error") + " " +
                                      text_of(said, "error_description") + " (HTTP " +
                                      std::to_string(response->status) + ")";
            error = {
                passing ? Errc::Unavailable : Errc::PermissionDenied,
                where + first_words(words) + (key_ ? " (credentials)" : "")};
        }
        if (!passing || retry >= destination.retry.max_retries) return tl::unexpected(error);
        wait_before_retry(destination.retry, retry++);
    }
}

Result<std::string> GcsToken::get(const GcsDestination& destination, net::HttpClient& http) {
    if (token_.empty() || clock_() >= good_until_) AC_CHECK_OK(ask_google(destination, http));
    return token_;
}

}  // namespace aircheck::storage
