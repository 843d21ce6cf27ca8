#include "storage/azure_client.hpp"

#include "core/bytes.hpp"
#include "core/log.hpp"
#include "net/crypto.hpp"
#include "storage/azure_address.hpp"
#include "storage/azure_auth.hpp"
#include "storage/http_date.hpp"
#include "storage/s3_xml.hpp"
#include "storage/store_http.hpp"

#include <algorithm>
#include <cstdio>

namespace aircheck::storage {
namespace {

constexpr const char* kVersion = "2021-12-02";
constexpr std::string_view kEgressIdHeader = "x-ms-meta-egress_id";
constexpr const char* kToWrite = "to write (SAS: c and w)";

/// Of equal length for all blocks of a blob, as Azure wants them.
std::string block_id(const std::string& upload_id, int number) {
    char text[16];
    std::snprintf(text, sizeof text, "-%05d", number);
    return to_base64(as_bytes(upload_id + text));
}

std::string block_list(const std::vector<Part>& parts) {
    std::string xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
    for (const Part& part : parts) xml += "<Latest>" + xml_escape(part.etag) + "</Latest>";
    return xml + "</BlockList>";
}

AzureKey key_of(const AzureDestination& destination) {
    return {destination.account, from_base64(destination.account_key).value_or(Bytes{})};
}

}  // namespace

struct AzureClient::Call {
    std::string method;
    std::string key;
    std::string action;      ///< For errors: "store calls/a.mp4".
    std::string permission;  ///< "to read (SAS: r)"
    NamesAndValues query;
    net::Headers headers;
    std::string body;
    std::uint64_t expected_bytes = 0;  ///< Of the answer.
};

Result<AzureClient> AzureClient::create(
    AzureDestination destination, net::HttpClient& http, Clock clock
) {
    AC_CHECK_OK(check_destination(destination));
    return AzureClient(std::move(destination), http, std::move(clock));
}

Result<net::HttpResponse> AzureClient::send_once(const Call& call) const {
    net::Url url = url_of(destination_, call.key);
    auto request = request_to(destination_, call.method, call.body, call.expected_bytes);
    request.headers = call.headers;
    request.headers.set("x-ms-version", kVersion);
    request.headers.set("x-ms-date", http_date(clock_() + clock_offset_));
    NamesAndValues query = call.query;
    if (destination_.account_key.empty()) {
        std::string_view sas = destination_.sas_token;
        if (sas.starts_with('?')) sas.remove_prefix(1);
        for (auto& pair : net::parse_query(sas)) query.push_back(std::move(pair));
    } else {
        const AzureRequest to_sign{
            call.method, url.path, call.query, request.headers, call.body.size()};
        request.headers.set(
            "Authorization", shared_key_authorization(to_sign, key_of(destination_))
        );
    }
    url.query = canonical_query(query);
    request.url = url.to_string();
    return send_to_store(*http_, request);
}

Result<net::HttpResponse> AzureClient::perform(const Call& call) {
    bool corrected = false;
    for (int retry = 0;;) {
        auto response = send_once(call);
        Error error;
        bool passing = false;
        if (response) {
            const auto failure = azure_failure_of(*response);
            if (!failure) return response;
            if (!corrected && learn_from(*failure)) {
                corrected = true;
                continue;
            }
            passing = failure->is_passing();
            lacked_right_ = failure->is_want_of_right();
            error = explain(*failure, destination_, call.action, call.permission);
        } else {
            error = in_context(
                "Azure container \"" + destination_.container + "\" of \"" + destination_.account +
                    "\": " + call.action,
                response.error()
            );
            lacked_right_ = false;
            passing = error.code == Errc::Unavailable || error.code == Errc::Timeout;
        }
        if (!passing || retry >= destination_.retry.max_retries) return tl::unexpected(error);
        log::debug("azure.retry", {{"error", error.to_string()}, {"retry", retry + 1}});
        wait_before_retry(destination_.retry, retry++);
    }
}

/// True when the failure says how the next try can do better: a date too far off is refused as a
/// bad signature.
bool AzureClient::learn_from(const AzureFailure& failure) {
    constexpr Nanoseconds kMuch = std::chrono::minutes(5);  // Azure itself allows 15.
    if (failure.code != "AuthenticationFailed" || !failure.date) return false;
    const Nanoseconds offset = *failure.date - clock_();
    if (offset - clock_offset_ < kMuch && clock_offset_ - offset < kMuch) return false;
    clock_offset_ = offset;
    log::warn("azure.clock_corrected", {{"seconds", to_seconds(clock_offset_)}});
    return true;
}

void AzureClient::add_object_headers(net::Headers& headers, const ObjectOptions& options) const {
    headers.set("x-ms-blob-content-type", options.content_type);
    if (!destination_.content_disposition.empty()) {
        headers.set("x-ms-blob-content-disposition", destination_.content_disposition);
    }
    for (const auto& [name, value] : destination_.metadata) {
        headers.set("x-ms-meta-" + name, value);
    }
    if (!options.egress_id.empty()) headers.set(kEgressIdHeader, options.egress_id);
    if (options.if_taken == IfTaken::Refuse) headers.set("If-None-Match", "*");
}

Result<std::string> AzureClient::put_object(
    const std::string& key, std::string body, const ObjectOptions& options
) {
    const ObjectInfo ours{body.size(), "", options.content_type, options.egress_id};
    Call call{"PUT", key, "store " + key, kToWrite, {}, {}, std::move(body)};
    call.headers.set("x-ms-blob-type", "BlockBlob");
    call.headers.set("Content-Type", options.content_type);
    call.headers.set("Content-MD5", to_base64(net::md5(as_bytes(call.body))));
    add_object_headers(call.headers, options);
    auto response = perform(call);
    if (response) return without_quotes(response->headers.get("ETag"));
    if (response.error().code != Errc::AlreadyExists) return tl::unexpected(response.error());
    return unless_stored_before(*this, response.error(), key, ours);
}

Result<std::string> AzureClient::create_multipart(const std::string&, const ObjectOptions&) {
    return to_hex(net::random_bytes(8));
}

Result<std::string> AzureClient::upload_part(
    const std::string& key, const std::string& upload_id, int number, std::string body
) {
    auto id = block_id(upload_id, number);
    Call call{
        "PUT",
        key,
        "store part " + std::to_string(number) + " of " + key,
        kToWrite,
        {{"comp", "block"}, {"blockid", id}},
        {},
        std::move(body)};
    call.headers.set("Content-Type", "application/octet-stream");
    call.headers.set("Content-MD5", to_base64(net::md5(as_bytes(call.body))));
    AC_TRY(const auto response, perform(call));
    static_cast<void>(response);
    return id;
}

Result<std::string> AzureClient::complete_multipart(
    const std::string& key,
    const std::string&,
    const std::vector<Part>& parts,
    const ObjectOptions& options
) {
    Call call{"PUT", key, "complete " + key, kToWrite, {{"comp", "blocklist"}}, {}, {}};
    call.body = block_list(parts);
    call.headers.set("Content-Type", "application/xml");
    add_object_headers(call.headers, options);
    auto response = perform(call);
    if (response) return without_quotes(response->headers.get("ETag"));
    const Error error = response.error();
    if (error.code != Errc::AlreadyExists && error.code != Errc::NotFound) {
        return tl::unexpected(error);
    }
    // The name is taken, or the blocks are gone: perhaps by an earlier try whose answer was lost.
    ObjectInfo ours{0, "", options.content_type, options.egress_id};
    for (const Part& part : parts) ours.size += part.size;
    return unless_stored_before(*this, error, key, ours);
}

Result<> AzureClient::abort_multipart(const std::string&, const std::string&) { return {}; }

Result<ObjectInfo> AzureClient::head_object(const std::string& key) {
    AC_TRY(
        const auto response,
        perform({"HEAD", key, "look at " + key, "to read (SAS: r)", {}, {}, {}})
    );
    return ObjectInfo{
        number_of(response.headers.get("Content-Length")),
        without_quotes(response.headers.get("ETag")),
        std::string(response.headers.get("Content-Type")),
        std::string(response.headers.get(kEgressIdHeader))};
}

Result<std::string> AzureClient::get_range(
    const std::string& key, std::uint64_t offset, std::uint64_t length
) {
    if (length == 0) return std::string();
    Call call{"GET", key, "read " + key, "to read (SAS: r)", {}, {}, {}, length};
    call.headers.set(
        "x-ms-range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1)
    );
    AC_TRY(auto response, perform(call));
    if (response.status != 206) {
        return fail(Errc::Unsupported, call.action + ": the store gives no ranges");
    }
    // Azurite says so where Azure answers 416.
    if (response.body.empty()) {
        return fail(Errc::NotFound, call.action + ": the blob ends before that");
    }
    return std::move(response.body);
}

Result<> AzureClient::delete_object(const std::string& key) {
    return perform({"DELETE", key, "delete " + key, "to delete (SAS: d)", {}, {}, {}}
    ).map([](const auto&) {});
}

Result<std::vector<std::string>> AzureClient::list_objects(const std::string& prefix, int limit) {
    constexpr int kPage = 1000;
    std::vector<std::string> keys;
    std::string marker;
    do {
        const int wanted = std::min(kPage, limit - static_cast<int>(keys.size()));
        Call call{"GET", "", "list \"" + prefix + "\"", "to list (SAS: l)", {}, {}, {}};
        call.query = {
            {"restype", "container"},
            {"comp", "list"},
            {"prefix", prefix},
            {"maxresults", std::to_string(wanted)}};
        if (!marker.empty()) call.query.emplace_back("marker", marker);
        AC_TRY(const auto response, perform(call));
        const auto page = xml_texts(response.body, "Name");
        keys.insert(keys.end(), page.begin(), page.end());
        const auto next = xml_text(response.body, "NextMarker").value_or("");
        if (next == marker) break;
        marker = next;
    } while (!marker.empty() && static_cast<int>(keys.size()) < limit);
    return keys;
}

Result<> AzureClient::check_access() {
    const auto listed = list_objects("aircheck", 1);
    if (listed || lacked_right_) return {};
    return tl::unexpected(listed.error());
}

Result<> AzureClient::create_container() {
    return perform({
                       "PUT",
                       "",
                       "make the container",
                       "to make containers",
                       {{"restype", "container"}},
                       {{"Content-Type", "application/xml"}},
                       {},
                   })
        .map([](const auto&) {});
}

Result<std::string> AzureClient::presign(
    LinkMethod,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now
) const {
    AC_CHECK_OK(check_link_life(ttl));
    if (destination_.account_key.empty()) {
        return fail(
            Errc::Unsupported,
            "Azure account \"" + destination_.account +
                "\": a SAS signs no links: set its key (account_key)"
        );
    }
    const auto query = blob_read_sas(
        key_of(destination_), destination_.container, key, now + clock_offset_ + ttl, headers
    );
    return object_url(key) + "?" + canonical_query(query);
}

std::string AzureClient::object_url(const std::string& key) const {
    return url_of(destination_, key).to_string();
}

}  // namespace aircheck::storage
