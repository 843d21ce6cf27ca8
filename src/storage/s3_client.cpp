#include "storage/s3_client.hpp"

#include "core/log.hpp"
#include "net/crypto.hpp"
#include "storage/aws_identity.hpp"
#include "storage/s3_address.hpp"
#include "storage/s3_xml.hpp"
#include "storage/sigv4.hpp"
#include "storage/store_http.hpp"

#include <algorithm>
#include <cstring>

namespace aircheck::storage {
namespace {

constexpr std::string_view kEgressIdHeader = "x-amz-meta-egress-id";

bool is_locked(const S3Destination& destination) {
    return !destination.lock_mode.empty() || destination.legal_hold == S3Destination::LegalHold::On;
}

/// The ETag of a multipart object: the MD5 of its parts' MD5s, when the parts' ETags are MD5s at
/// all.
std::string combined_etag(const std::vector<Part>& parts) {
    Bytes digests;
    for (const Part& part : parts) {
        const auto digest = from_hex(part.etag);
        if (!digest || digest->size() != 16) return {};
        digests.insert(digests.end(), digest->begin(), digest->end());
    }
    return to_hex(net::md5(digests)) + "-" + std::to_string(parts.size());
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

struct S3Client::Call {
    std::string method;
    std::string key;
    std::string action;      ///< For errors: "store calls/a.mp4".
    std::string permission;  ///< "s3:PutObject"
    NamesAndValues query;
    net::Headers headers;
    std::string body;
    std::uint64_t expected_bytes = 0;  ///< Of the answer.
};

Result<S3Client> S3Client::create(S3Destination destination, net::HttpClient& http, Clock clock) {
    AC_CHECK_OK(check_destination(destination));
    return S3Client(std::move(destination), http, std::move(clock));
}

Result<net::HttpResponse> S3Client::send_once(const Call& call, const std::string& payload_hash)
    const {
    const S3Address address = address_of(destination_, call.key);
    const WallTime time = clock_() + clock_offset_;
    AC_TRY(const auto credentials, aws_credentials(destination_, *http_, time));
    const SigV4Keys& keys = credentials.keys;
    auto request = request_to(destination_, call.method, call.body, call.expected_bytes);
    request.headers = call.headers;
    request.headers.set("x-amz-date", amz_date(time));
    request.headers.set("x-amz-content-sha256", payload_hash);
    if (!keys.session_token.empty())
        request.headers.set("x-amz-security-token", keys.session_token);
    SigV4Request to_sign{call.method, address.path, call.query, {}, payload_hash};
    to_sign.headers.assign(request.headers.begin(), request.headers.end());
    to_sign.headers.emplace_back("host", address.host);
    request.headers.set(
        "Authorization", authorization_header(to_sign, keys, {region_of(destination_)}, time)
    );
    request.url = address.url();
    if (!call.query.empty()) request.url += "?" + canonical_query(call.query);
    return send_to_store(*http_, request);
}

Result<net::HttpResponse> S3Client::perform(const Call& call) {
    constexpr int kMaxCorrections = 2;  // a region and a clock
    const std::string payload_hash = to_hex(net::sha256(as_bytes(call.body)));
    int corrections = 0;
    for (int retry = 0;;) {
        auto response = send_once(call, payload_hash);
        Error error;
        bool passing = false;
        if (response) {
            const auto failure = failure_of(*response);
            if (!failure) return response;
            if (corrections < kMaxCorrections && learn_from(*failure)) {
                ++corrections;
                continue;
            }
            passing = failure->is_passing();
            failure_code_ = failure->code;
            error = explain(*failure, destination_, call.action, call.permission);
        } else {
            error = in_context(
                "S3 bucket \"" + destination_.bucket + "\": " + call.action, response.error()
            );
            failure_code_.clear();
            passing = error.code == Errc::Unavailable || error.code == Errc::Timeout;
        }
        if (!passing || retry >= destination_.retry.max_retries) return tl::unexpected(error);
        log::debug("s3.retry", {{"error", error.to_string()}, {"retry", retry + 1}});
        wait_before_retry(destination_.retry, retry++);
    }
}

/// True when the failure says how the next try can do better.
bool S3Client::learn_from(const S3Failure& failure) {
    if (failure.code == "RequestTimeTooSkewed" && failure.date) {
        clock_offset_ = *failure.date - clock_();
        log::warn("s3.clock_corrected", {{"seconds", to_seconds(clock_offset_)}});
        return true;
    }
    // Temporary keys end early where somebody takes them back.
    const bool is_old = failure.code == "ExpiredToken" || failure.code == "InvalidToken";
    if (is_old && (destination_.access_key.empty() || !destination_.assume_role_arn.empty())) {
        forget_aws_credentials(destination_);
        return true;
    }
    const bool may_be_region = failure.status == 301 || failure.status == 307 ||
                               failure.status == 400 || failure.status == 403;
    if (may_be_region && !failure.region.empty() && failure.region != region_of(destination_)) {
        log::warn(
            "s3.region_corrected",
            {{"bucket", destination_.bucket},
             {"configured", region_of(destination_)},
             {"region", failure.region}}
        );
        destination_.region = failure.region;
        return true;
    }
    return false;
}

void S3Client::add_object_headers(net::Headers& headers, const ObjectOptions& options) const {
    headers.set("Content-Type", options.content_type);
    if (!destination_.content_disposition.empty()) {
        headers.set("Content-Disposition", destination_.content_disposition);
    }
    for (const auto& [name, value] : destination_.metadata) {
        headers.set("x-amz-meta-" + name, value);
    }
    if (!options.egress_id.empty()) headers.set(kEgressIdHeader, options.egress_id);
    if (!destination_.tagging.empty()) headers.set("x-amz-tagging", destination_.tagging);
    if (!destination_.encryption.empty()) {
        headers.set("x-amz-server-side-encryption", destination_.encryption);
    }
    if (!destination_.kms_key_id.empty()) {
        headers.set("x-amz-server-side-encryption-aws-kms-key-id", destination_.kms_key_id);
    }
    if (!destination_.storage_class.empty()) {
        headers.set("x-amz-storage-class", destination_.storage_class);
    }
    if (!destination_.lock_mode.empty()) {
        const auto until = clock_() + clock_offset_ + std::chrono::days(destination_.lock_days);
        headers.set("x-amz-object-lock-mode", destination_.lock_mode);
        headers.set("x-amz-object-lock-retain-until-date", to_iso8601(until).substr(0, 19) + "Z");
    }
    if (destination_.legal_hold == S3Destination::LegalHold::On) {
        headers.set("x-amz-object-lock-legal-hold", "ON");
    }
    add_customer_key(headers);
}

/// Every request for an object's bytes has it (SSE-C).
void S3Client::add_customer_key(net::Headers& headers) const {
    if (destination_.customer_key.empty()) return;
    const std::string prefix = "x-amz-server-side-encryption-customer-";
    const Bytes key = from_base64(destination_.customer_key).value_or(Bytes{});
    headers.set(prefix + "algorithm", "AES256");
    headers.set(prefix + "key", destination_.customer_key);
    headers.set(prefix + "key-MD5", to_base64(net::md5(key)));
}

Result<std::string> S3Client::put_object(
    const std::string& key, std::string body, const ObjectOptions& options
) {
    const ObjectInfo ours{
        body.size(), to_hex(net::md5(as_bytes(body))), options.content_type, options.egress_id};
    Call call{"PUT", key, "store " + key, "s3:PutObject", {}, {}, std::move(body)};
    add_object_headers(call.headers, options);
    if (options.if_taken == IfTaken::Refuse) call.headers.set("If-None-Match", "*");
    // Objects that are locked have to be sent with a checksum of their own.
    if (is_locked(destination_)) {
        call.headers.set("Content-MD5", to_base64(net::md5(as_bytes(call.body))));
    }
    auto response = perform(call);
    if (response) return without_quotes(response->headers.get("ETag"));
    if (response.error().code != Errc::AlreadyExists) return tl::unexpected(response.error());
    return unless_stored_before(*this, response.error(), key, ours);
}

Result<std::string> S3Client::create_multipart(
    const std::string& key, const ObjectOptions& options
) {
    Call call{"POST", key, "begin to store " + key, "s3:PutObject", {{"uploads", ""}}, {}, {}};
    add_object_headers(call.headers, options);
    AC_TRY(const auto response, perform(call));
    auto id = xml_text(response.body, "UploadId");
    if (!id || id->empty())
        return fail(Errc::Malformed, call.action + ": the store gave no UploadId");
    return *std::move(id);
}

Result<std::string> S3Client::upload_part(
    const std::string& key, const std::string& upload_id, int number, std::string body
) {
    const std::string text = std::to_string(number);
    Call call{
        "PUT",
        key,
        "store part " + text + " of " + key,
        "s3:PutObject",
        {{"partNumber", text}, {"uploadId", upload_id}},
        {},
        std::move(body)};
    add_customer_key(call.headers);
    if (is_locked(destination_)) {
        call.headers.set("Content-MD5", to_base64(net::md5(as_bytes(call.body))));
    }
    AC_TRY(const auto response, perform(call));
    auto etag = without_quotes(response.headers.get("ETag"));
    if (etag.empty()) return fail(Errc::Malformed, call.action + ": the store gave no ETag");
    return etag;
}

Result<std::string> S3Client::complete_multipart(
    const std::string& key,
    const std::string& upload_id,
    const std::vector<Part>& parts,
    const ObjectOptions& options
) {
    Call call{
        "POST",
        key,
        "complete " + key,
        "s3:PutObject",
        {{"uploadId", upload_id}},
        {},
        complete_body(parts)};
    if (options.if_taken == IfTaken::Refuse) call.headers.set("If-None-Match", "*");
    auto response = perform(call);
    if (response) return without_quotes(xml_text(response->body, "ETag").value_or(""));
    const Error error = response.error();
    if (error.code != Errc::AlreadyExists && error.code != Errc::NotFound) {
        return tl::unexpected(error);
    }
    // NoSuchUpload, or the name is taken: perhaps by an earlier try whose answer was lost.
    ObjectInfo ours{0, combined_etag(parts), options.content_type, options.egress_id};
    for (const Part& part : parts) ours.size += part.size;
    AC_TRY(auto etag, unless_stored_before(*this, error, key, ours));
    static_cast<void>(abort_multipart(key, upload_id)
    );  // a second upload of what was there already
    return etag;
}

Result<> S3Client::abort_multipart(const std::string& key, const std::string& upload_id) {
    const Call call{
        "DELETE",
        key,
        "take back the unfinished " + key,
        "s3:AbortMultipartUpload",
        {{"uploadId", upload_id}},
        {},
        {}};
    const auto response = perform(call);
    if (response || response.error().code == Errc::NotFound) return {};
    return tl::unexpected(response.error());
}

Result<ObjectInfo> S3Client::head_object(const std::string& key) {
    Call call{"HEAD", key, "look at " + key, "s3:GetObject and s3:ListBucket", {}, {}, {}};
    add_customer_key(call.headers);
    AC_TRY(const auto response, perform(call));
    return ObjectInfo{
        number_of(response.headers.get("Content-Length")),
        without_quotes(response.headers.get("ETag")),
        std::string(response.headers.get("Content-Type")),
        std::string(response.headers.get(kEgressIdHeader))};
}

Result<std::string> S3Client::get_range(
    const std::string& key, std::uint64_t offset, std::uint64_t length
) {
    if (length == 0) return std::string();
    Call call{"GET", key, "read " + key, "s3:GetObject", {}, {}, {}, length};
    call.headers.set(
        "Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1)
    );
    add_customer_key(call.headers);
    AC_TRY(auto response, perform(call));
    if (response.status != 206) {
        return fail(Errc::Unsupported, call.action + ": the store gives no ranges");
    }
    return std::move(response.body);
}

Result<> S3Client::delete_object(const std::string& key) {
    AC_TRY(
        const auto response,
        perform({"DELETE", key, "delete " + key, "s3:DeleteObject", {}, {}, {}})
    );
    static_cast<void>(response);
    return {};
}

Result<std::vector<std::string>> S3Client::list_objects(const std::string& prefix, int limit) {
    return list_objects_after(prefix, limit, "");
}

Result<std::vector<std::string>> S3Client::list_objects_after(
    const std::string& prefix, int limit, const std::string& start_after
) {
    constexpr int kPage = 1000;
    std::vector<std::string> keys;
    std::string after = start_after;
    while (static_cast<int>(keys.size()) < limit) {
        const int wanted = std::min(kPage, limit - static_cast<int>(keys.size()));
        Call call{"GET", "", "list \"" + prefix + "\"", "s3:ListBucket", {}, {}, {}};
        call.query = {{"list-type", "2"}, {"prefix", prefix}, {"max-keys", std::to_string(wanted)}};
        if (!after.empty()) call.query.emplace_back("start-after", after);
        AC_TRY(const auto response, perform(call));
        const auto page = xml_texts(response.body, "Key");
        keys.insert(keys.end(), page.begin(), page.end());
        if (page.empty() || xml_text(response.body, "IsTruncated") != "true") break;
        after = page.back();
    }
    return keys;
}

Result<> S3Client::check_access() {
    const auto listed = list_objects("aircheck", 1);
    if (listed || lacked_right()) return {};
    return tl::unexpected(listed.error());
}

Result<> S3Client::create_bucket() {
    Call call{"PUT", "", "make the bucket", "s3:CreateBucket", {}, {}, {}};
    const std::string region = region_of(destination_);
    if (region != "us-east-1" && region != "auto") {
        call.body = "<CreateBucketConfiguration><LocationConstraint>" + xml_escape(region) +
                    "</LocationConstraint></CreateBucketConfiguration>";
    }
    AC_TRY(const auto response, perform(call));
    static_cast<void>(response);
    return {};
}

Result<std::string> S3Client::presign(
    LinkMethod method,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now
) const {
    AC_CHECK_OK(check_link_life(ttl));
    if (!destination_.customer_key.empty()) {
        return fail(
            Errc::Unsupported,
            "S3 bucket \"" + destination_.bucket +
                "\": objects with a customer's key open by no link (customer_key)"
        );
    }
    NamesAndValues query;
    if (!headers.content_type.empty()) {
        query.emplace_back("response-content-type", headers.content_type);
    }
    if (!headers.content_disposition.empty()) {
        query.emplace_back("response-content-disposition", headers.content_disposition);
    }
    const S3Address address = address_of(destination_, key);
    const std::string verb = method == LinkMethod::Head ? "HEAD" : "GET";
    const SigV4Request request{verb, address.path, query, {{"host", address.host}}, {}};
    AC_TRY(const auto credentials, aws_credentials(destination_, *http_, now + clock_offset_));
    return address.url() + "?" +
           presigned_query(
               request, credentials.keys, {region_of(destination_)}, now + clock_offset_, ttl
           );
}

bool S3Client::wants_equal_parts() const { return storage::wants_equal_parts(destination_); }

std::string S3Client::object_url(const std::string& key) const {
    return address_of(destination_, key).url();
}

}  // namespace aircheck::storage
