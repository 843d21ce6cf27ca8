#include "storage/azure_address.hpp"

#include "core/bytes.hpp"
#include "net/http.hpp"
#include "storage/store_http.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace aircheck::storage {
namespace {

constexpr std::string_view kPublicCloud = "core.windows.net";
/// Of the emulators, known to everybody.
constexpr std::string_view kDevelopmentAccount = "devstoreaccount1";
constexpr std::string_view kDevelopmentKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
constexpr std::string_view kDevelopmentEndpoint = "http://127.0.0.1:10000/devstoreaccount1";

bool is_lower_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_account_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 24 &&
           std::all_of(name.begin(), name.end(), is_lower_alphanumeric);
}

/// "Naming and Referencing Containers, Blobs, and Metadata" (Azure Blob Storage).
bool is_container_name(std::string_view name) {
    if (name == "$web" || name == "$root") return true;
    return name.size() >= 3 && name.size() <= 63 && is_lower_alphanumeric(name.front()) &&
           is_lower_alphanumeric(name.back()) && name.find("--") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return is_lower_alphanumeric(c) || c == '-';
           });
}

/// An identifier of C#, in ASCII: what Azure takes as the name of metadata.
bool is_metadata_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return is_letter(c) || (c >= '0' && c <= '9');
           });
}

std::string endpoint_of(const AzureDestination& destination) {
    if (destination.endpoint.empty()) {
        return "https://" + destination.account + ".blob." + std::string(kPublicCloud);
    }
    const bool has_scheme = destination.endpoint.find("://") != std::string::npos;
    return has_scheme ? destination.endpoint : "https://" + destination.endpoint;
}

Result<> check_credentials(const AzureDestination& destination) {
    const std::string where = "Azure: account \"" + destination.account + "\" ";
    if (destination.account_key.empty() && destination.sas_token.empty()) {
        return fail(
            Errc::InvalidArgument, where + "has no credentials (account_key, or sas_token)"
        );
    }
    const auto key = from_base64(destination.account_key);
    if (!key || (key->empty() && !destination.account_key.empty())) {
        return fail(Errc::InvalidArgument, where + "has a key that is not base64 (account_key)");
    }
    const bool is_signed = destination.sas_token.find("sig=") != std::string::npos;
    if (destination.account_key.empty() && !is_signed) {
        return fail(Errc::InvalidArgument, where + "has a SAS without a signature (sas_token)");
    }
    return {};
}

using Settings = std::vector<std::pair<std::string, std::string>>;

/// "A=1;B=x=y" as names and values.
Result<Settings> settings_in(std::string_view text) {
    Settings settings;
    while (!text.empty()) {
        const auto end = std::min(text.find(';'), text.size());
        const std::string_view one = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (one.empty()) continue;
        const auto equals = one.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            return fail(
                Errc::InvalidArgument,
                "Azure: the connection string is not Name=value;Name=value (connection_string)"
            );
        }
        settings.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    }
    return settings;
}

}  // namespace

Result<> check_destination(const AzureDestination& destination) {
    const auto bad = [&](const std::string& why) {
        return fail(Errc::InvalidArgument, "Azure: " + why);
    };
    if (destination.account.empty()) return bad("no account is set (account_name)");
    if (!is_account_name(destination.account)) {
        return bad(
            "\"" + destination.account.substr(0, 100) +
            "\" is no storage account's name: 3 to 24 of a-z and 0-9 (account_name)"
        );
    }
    if (destination.container.empty()) return bad("no container is set (container_name)");
    if (!is_container_name(destination.container)) {
        return bad(
            "\"" + destination.container.substr(0, 100) +
            "\" is no container's name: 3 to 63 of a-z, 0-9 and single hyphens (container_name)"
        );
    }
    AC_CHECK_OK(check_credentials(destination));
    const std::string text = endpoint_of(destination);
    const auto endpoint = net::Url::parse(text);
    if (!endpoint || (endpoint->scheme != "https" && endpoint->scheme != "http") ||
        !endpoint->query.empty()) {
        return bad("\"" + net::redact_url(text) + "\" is no HTTP address (endpoint)");
    }
    for (const auto& [name, value] : destination.metadata) {
        if (!is_metadata_name(name) || !is_header_value(value)) {
            return bad(
                "metadata \"" + name +
                "\": names are letters, digits and _, values plain ASCII (metadata)"
            );
        }
    }
    if (!is_header_value(destination.content_disposition)) {
        return bad("the disposition is not plain ASCII (content_disposition)");
    }
    return {};
}

net::Url url_of(const AzureDestination& destination, const std::string& key) {
    auto url = net::Url::parse(endpoint_of(destination)).value_or(net::Url{});
    while (url.path.ends_with('/')) url.path.pop_back();
    url.path += "/" + destination.container;
    if (!key.empty()) url.path += "/" + net::percent_encode(key, "/");
    return url;
}

Result<> apply_connection_string(std::string_view text, AzureDestination& to) {
    AC_TRY(const auto settings, settings_in(text));
    std::string protocol = "https", suffix(kPublicCloud);
    for (const auto& [name, value] : settings) {
        const auto is = [&, &what = name](std::string_view known) {
            return net::equal_ignoring_case(what, known);
        };
        if (is("AccountName")) to.account = value;
        if (is("AccountKey")) to.account_key = value;
        if (is("SharedAccessSignature")) to.sas_token = value;
        if (is("BlobEndpoint")) to.endpoint = value;
        if (is("DefaultEndpointsProtocol")) protocol = value;
        if (is("EndpointSuffix")) suffix = value;
        if (is("UseDevelopmentStorage") && net::equal_ignoring_case(value, "true")) {
            to.account = kDevelopmentAccount;
            to.account_key = kDevelopmentKey;
            to.endpoint = kDevelopmentEndpoint;
        }
    }
    if (to.account.empty()) {
        // With a SAS, the endpoint alone may name the account.
        const auto endpoint = net::Url::parse(to.endpoint);
        if (endpoint) to.account = endpoint->host.substr(0, endpoint->host.find('.'));
    }
    if (to.account.empty()) {
        return fail(
            Errc::InvalidArgument,
            "Azure: the connection string names no account: AccountName or BlobEndpoint is missing "
            "(connection_string)"
        );
    }
    if (to.endpoint.empty() && (protocol != "https" || suffix != kPublicCloud)) {
        to.endpoint = protocol + "://" + to.account + ".blob." + suffix;
    }
    return {};
}

}  // namespace aircheck::storage
