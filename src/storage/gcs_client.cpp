#include "storage/gcs_client.hpp"

#include "core/bytes.hpp"
#include "core/log.hpp"
#include "net/crypto.hpp"
#include "storage/gcs_address.hpp"
#include "storage/query.hpp"
#include "storage/s3_xml.hpp"
#include "storage/store_http.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aircheck::storage {
namespace {

using nlohmann::json;

constexpr const char* kEgressId = "egress-id";
constexpr const char* kToCreate = "storage.objects.create";
constexpr const char* kToPutParts = "storage.multipartUploads.create and storage.objects.create";

std::string to_text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string text_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

json parsed(const std::string& body) {
    json answer = json::parse(body, nullptr, false);
    return answer.is_object() ? answer : json::object();
}

/// The object's resource of the JSON API, as it is stored.
json resource_of(
    const GcsDestination& destination,
    const std::string& key,
    const ObjectStore::ObjectOptions& options
) {
    json resource = {{"name", key}, {"contentType", options.content_type}};
    if (!destination.content_disposition.empty()) {
        resource["contentDisposition"] = destination.content_disposition;
    }
    json metadata = destination.metadata;
    if (!options.egress_id.empty()) metadata[kEgressId] = options.egress_id;
    if (!metadata.empty()) resource["metadata"] = std::move(metadata);
    return resource;
}

std::string complete_body(const std::vector<Part>& parts) {
    std::string xml = "<CompleteMultipartUpload>";
    for (const Part& part : parts) {
        xml += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
               xml_escape("\"" + part.etag + "\"") + "</ETag></Part>";
    }
    return xml + "</CompleteMultipartUpload>";
}

}  // namespace

struct GcsClient::Call {
    std::string method;
    net::Url url;
    std::string action;      ///< For errors: "store calls/a.mp4".
    std::string permission;  ///< "storage.objects.create"
    NamesAndValues query;
    net::Headers headers;
    std::string body;
    std::uint64_t expected_bytes = 0;  ///< Of the answer.
};

Result<GcsClient> GcsClient::create(
    GcsDestination destination, net::HttpClient& http, Clock clock
) {
    AC_CHECK_OK(check_destination(destination));
    std::optional<GcsKey> key;
    if (!destination.credentials.empty()) {
        AC_TRY(key, parse_gcs_credentials(destination.credentials));
    }
    return GcsClient(std::move(destination), std::move(key), http, std::move(clock));
}

Result<net::HttpResponse> GcsClient::send_once(const Call& call) {
    AC_TRY(const auto token, token_.get(destination_, *http_));
    auto request = request_to(destination_, call.method, call.body, call.expected_bytes);
    request.headers = call.headers;
    request.headers.set("Authorization", "Bearer " + token);
    net::Url url = call.url;
    url.query = canonical_query(call.query);
    request.url = url.to_string();
    return send_to_store(*http_, request);
}

Result<net::HttpResponse> GcsClient::perform(const Call& call) {
    bool renewed = false;
    for (int retry = 0;;) {
        auto response = send_once(call);
        Error error;
        bool passing = false;
        if (response) {
            const auto failure = gcs_failure_of(*response);
            if (!failure) return response;
            if (failure->status == 401 && !renewed) {
                renewed = true;
                token_.forget();
                continue;
            }
            passing = failure->is_passing();
            lacked_right_ = failure->is_want_of_right();
            error = explain(*failure, destination_, call.action, call.permission);
        } else {
            error = response.error();
            if (!error.context.starts_with("GCS bucket")) {
                error = in_context(
                    "GCS bucket \"" + destination_.bucket + "\": " + call.action, std::move(error)
                );
            }
            lacked_right_ = false;
            passing = error.code == Errc::Unavailable || error.code == Errc::Timeout;
        }
        if (!passing || retry >= destination_.retry.max_retries) return tl::unexpected(error);
        log::debug("gcs.retry", {{"error", error.to_string()}, {"retry", retry + 1}});
        wait_before_retry(destination_.retry, retry++);
    }
}

Result<std::string> GcsClient::put_object(
    const std::string& key, std::string body, const ObjectOptions& options
) {
    const ObjectInfo ours{body.size(), "", options.content_type, options.egress_id};
    const std::string boundary = "aircheck-" + to_hex(net::random_bytes(16));
    Call call{"POST", upload_url_of(destination_), "store " + key, kToCreate, {}, {}, {}};
    call.query = {{"uploadType", "multipart"}, {"name", key}};
    if (options.if_taken == IfTaken::Refuse) call.query.emplace_back("ifGenerationMatch", "0");
    call.headers.set("Content-Type", "multipart/related; boundary=" + boundary);
    call.body = "--" + boundary + "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" +
                to_text(resource_of(destination_, key, options)) + "\r\n--" + boundary +
                "\r\nContent-Type: " + options.content_type + "\r\n\r\n";
    call.body += body;
    call.body += "\r\n--" + boundary + "--\r\n";
    auto response = perform(call);
    if (response) return without_quotes(text_of(parsed(response->body), "etag"));
    if (response.error().code != Errc::AlreadyExists) return tl::unexpected(response.error());
    return unless_stored_before(*this, response.error(), key, ours);
}

Result<std::string> GcsClient::create_multipart(
    const std::string& key, const ObjectOptions& options
) {
    Call call{
        "POST",
        url_of(destination_, key),
        "begin to store " + key,
        kToPutParts,
        {{"uploads", ""}},
        {},
        {}};
    call.headers.set("Content-Type", options.content_type);
    if (!destination_.content_disposition.empty()) {
        call.headers.set("Content-Disposition", destination_.content_disposition);
    }
    for (const auto& [name, value] : destination_.metadata) {
        call.headers.set("x-goog-meta-" + name, value);
    }
    if (!options.egress_id.empty()) {
        call.headers.set(std::string("x-goog-meta-") + kEgressId, options.egress_id);
    }
    AC_TRY(const auto response, perform(call));
    auto id = xml_text(response.body, "UploadId");
    if (!id || id->empty()) {
        return fail(Errc::Malformed, call.action + ": the store gave no UploadId");
    }
    return *std::move(id);
}

Result<std::string> GcsClient::upload_part(
    const std::string& key, const std::string& upload_id, int number, std::string body
) {
    const std::string text = std::to_string(number);
    Call call{
        "PUT",
        url_of(destination_, key),
        "store part " + text + " of " + key,
        kToPutParts,
        {{"partNumber", text}, {"uploadId", upload_id}},
        {},
        std::move(body)};
    call.headers.set("Content-Type", "application/octet-stream");
    call.headers.set("Content-MD5", to_base64(net::md5(as_bytes(call.body))));
    AC_TRY(const auto response, perform(call));
    auto etag = without_quotes(response.headers.get("ETag"));
    if (etag.empty()) return fail(Errc::Malformed, call.action + ": the store gave no ETag");
    return etag;
}

/// The parts' API takes no condition, and would put an object of ours in another's place.
Result<> GcsClient::refuse_taken(const std::string& key, const ObjectInfo& ours) {
    const auto there = head_object(key);
    if (!there) {
        // Who may not look may not take another's place either: that takes the right to delete.
        const bool free =
            there.error().code == Errc::NotFound || there.error().code == Errc::PermissionDenied;
        return free ? Result<>() : tl::unexpected(there.error());
    }
    if (!ours.egress_id.empty() && there->egress_id == ours.egress_id && there->size == ours.size) {
        return {};  // An earlier try of ours, whose answer was lost: the same once more.
    }
    return fail(
        Errc::AlreadyExists,
        "GCS bucket \"" + destination_.bucket + "\": complete " + key + ": the name is taken"
    );
}

Result<std::string> GcsClient::complete_multipart(
    const std::string& key,
    const std::string& upload_id,
    const std::vector<Part>& parts,
    const ObjectOptions& options
) {
    ObjectInfo ours{0, "", options.content_type, options.egress_id};
    for (const Part& part : parts) ours.size += part.size;
    if (options.if_taken == IfTaken::Refuse) AC_CHECK_OK(refuse_taken(key, ours));
    Call call{
        "POST",
        url_of(destination_, key),
        "complete " + key,
        kToPutParts,
        {{"uploadId", upload_id}},
        {},
        complete_body(parts)};
    call.headers.set("Content-Type", "application/xml");
    const auto response = perform(call);
    if (response) return without_quotes(xml_text(response->body, "ETag").value_or(""));
    const Error error = response.error();
    if (error.code != Errc::NotFound) return tl::unexpected(error);
    // NoSuchUpload: perhaps an earlier try did it whose answer was lost.
    return unless_stored_before(*this, error, key, ours);
}

Result<> GcsClient::abort_multipart(const std::string& key, const std::string& upload_id) {
    const auto response = perform(
        {"DELETE",
         url_of(destination_, key),
         "take back the unfinished " + key,
         "storage.multipartUploads.abort",
         {{"uploadId", upload_id}},
         {},
         {}}
    );
    if (response || response.error().code == Errc::NotFound) return {};
    return tl::unexpected(response.error());
}

Result<ObjectInfo> GcsClient::head_object(const std::string& key) {
    AC_TRY(
        const auto response,
        perform(
            {"GET",
             json_url_of(destination_, key),
             "look at " + key,
             "storage.objects.get",
             {},
             {},
             {}}
        )
    );
    const json object = parsed(response.body);
    const json metadata = object.value("metadata", json::object());
    return ObjectInfo{
        number_of(text_of(object, "size")),
        without_quotes(text_of(object, "etag")),
        text_of(object, "contentType"),
        metadata.is_object() ? text_of(metadata, kEgressId) : ""};
}

Result<std::string> GcsClient::get_range(
    const std::string& key, std::uint64_t offset, std::uint64_t length
) {
    if (length == 0) return std::string();
    Call call{
        "GET",
        json_url_of(destination_, key),
        "read " + key,
        "storage.objects.get",
        {{"alt", "media"}},
        {},
        {},
        length};
    call.headers.set(
        "Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1)
    );
    AC_TRY(auto response, perform(call));
    if (response.status != 206) {
        return fail(Errc::Unsupported, call.action + ": the store gives no ranges");
    }
    return std::move(response.body);
}

Result<> GcsClient::delete_object(const std::string& key) {
    return perform({"DELETE",
                    json_url_of(destination_, key),
                    "delete " + key,
                    "storage.objects.delete",
                    {},
                    {},
                    {}}
    ).map([](const auto&) {});
}

Result<std::vector<std::string>> GcsClient::list_objects(const std::string& prefix, int limit) {
    constexpr int kPage = 1000;
    std::vector<std::string> keys;
    std::string next;
    do {
        const int wanted = std::min(kPage, limit - static_cast<int>(keys.size()));
        Call call{
            "GET",
            json_url_of(destination_, ""),
            "list \"" + prefix + "\"",
            "storage.objects.list",
            {{"prefix", prefix}, {"maxResults", std::to_string(wanted)}},
            {},
            {}};
        if (!next.empty()) call.query.emplace_back("pageToken", next);
        AC_TRY(const auto response, perform(call));
        const json page = parsed(response.body);
        const json items = page.value("items", json::array());
        for (const json& item : items) {
            if (item.is_object()) keys.push_back(text_of(item, "name"));
        }
        const std::string token = text_of(page, "nextPageToken");
        if (token == next) break;
        next = token;
    } while (!next.empty() && static_cast<int>(keys.size()) < limit);
    return keys;
}

Result<> GcsClient::check_access() {
    const auto listed = list_objects("aircheck", 1);
    if (listed || lacked_right_) return {};
    return tl::unexpected(listed.error());
}

Result<std::string> GcsClient::presign(
    LinkMethod method,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now
) const {
    AC_CHECK_OK(check_link_life(ttl));
    if (!key_) {
        return fail(
            Errc::Unsupported,
            "GCS bucket \"" + destination_.bucket +
                "\": signed links take a service account's key (credentials)"
        );
    }
    return signed_gcs_link(destination_, *key_, method, key, ttl, headers, now);
}

std::string GcsClient::object_url(const std::string& key) const {
    return url_of(destination_, key).to_string();
}

}  // namespace aircheck::storage
