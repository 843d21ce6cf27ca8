#include "storage/s3_client.hpp"

#include "core/log.hpp"
#include "net/crypto.hpp"
#include "storage/s3_address.hpp"
#include "storage/s3_xml.hpp"
#include "storage/sigv4.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <thread>

namespace aircheck::storage {
namespace {

constexpr std::string_view kEgressIdHeader = "x-amz-meta-egress-id";

net::HttpRequest::Reach reach_of(S3Destination::Reach reach) {
    switch (reach) {
        case S3Destination::Reach::Any:
            return net::HttpRequest::Reach::Any;
        case S3Destination::Reach::PublicOnly:
            break;
        case S3Destination::Reach::PublicAndPrivate:
            return net::HttpRequest::Reach::PublicAndPrivate;
    }
    return net::HttpRequest::Reach::PublicOnly;  // And for a number that is not known.
}

std::string without_quotes(std::string_view etag) {
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
        etag = etag.substr(1, etag.size() - 2);
    }
    return std::string(etag);
}

std::uint64_t number_of(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// Slow links are given their time: 64 KiB a second.
std::chrono::milliseconds timeout_for(std::uint64_t bytes) {
    return std::chrono::seconds(60 + bytes / (64 * 1024));
}

/// The ETag of a multipart object: the MD5 of its parts' MD5s, when the parts' ETags are MD5s at
/// all.
std::string combined_etag(const std::vector<S3Part>& parts) {
    Bytes digests;
    for (const S3Part& part : parts) {
        const auto digest = from_hex(part.etag);
        if (!digest || digest->size() != 16) return {};
        digests.insert(digests.end(), digest->begin(), digest->end());
    }
    return to_hex(net::md5(digests)) + "-" + std::to_string(parts.size());
}

std::string complete_body(const std::vector<S3Part>& parts) {
    std::string xml = "<CompleteMultipartUpload>";
    for (const S3Part& part : parts) {
        xml += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
               xml_escape("\"" + part.etag + "\"") + "</ETag></Part>";
    }
    return xml + "</CompleteMultipartUpload>";
}

/// Doubles from try to try up to the limit; somewhere in its upper half, so that many do not come
/// at once.
void wait_before_retry(const RetryPolicy& policy, int retry) {
    const auto doubled = policy.min_delay * (std::int64_t{1} << std::min(retry, 20));
    const auto limit = std::min<std::chrono::milliseconds>(doubled, policy.max_delay);
    const Bytes random = net::random_bytes(1);
    std::this_thread::sleep_for(limit / 2 + limit * random.at(0) / 512);
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
    net::HttpRequest request;
    request.method = call.method;
    request.headers = call.headers;
    request.headers.set("x-amz-date", amz_date(time));
    request.headers.set("x-amz-content-sha256", payload_hash);
    if (!destination_.session_token.empty()) {
        request.headers.set("x-amz-security-token", destination_.session_token);
    }
    SigV4Request to_sign{call.method, address.path, call.query, {}, payload_hash};
    to_sign.headers.assign(request.headers.begin(), request.headers.end());
    to_sign.headers.emplace_back("host", address.host);
    const SigV4Keys keys{destination_.access_key, destination_.secret, destination_.session_token};
    request.headers.set(
        "Authorization", authorization_header(to_sign, keys, {region_of(destination_)}, time)
    );
    request.url = address.url();
    if (!call.query.empty()) request.url += "?" + canonical_query(call.query);
    request.body = call.body;
    request.timeout = timeout_for(call.body.size() + call.expected_bytes);
    request.max_response_bytes += static_cast<std::size_t>(call.expected_bytes);
    request.proxy = destination_.proxy;
    request.ca_file = destination_.ca_file;
    request.reach = reach_of(destination_.reach);
    request.allow = destination_.allow;
    auto response = http_->send(request);
    if (!response && response.error().code == net::HttpErrc::AddressRefused) {
        response.error().code = Errc::PermissionDenied;
    }
    return response;
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
}

/// What the store has under `key`, if it is what an earlier try of ours put there; else `error`.
Result<std::string> S3Client::unless_stored_before(
    Error error, const std::string& key, const S3ObjectInfo& ours
) {
    const auto stored = head_object(key);
    if (!stored || stored->size != ours.size) return tl::unexpected(std::move(error));
    const bool same_bytes = !ours.etag.empty() && stored->etag == ours.etag;
    const bool same_egress = !ours.egress_id.empty() && stored->egress_id == ours.egress_id;
    // Encrypted objects have other ETags: then size and egress have to do.
    if (same_bytes || same_egress) return stored->etag;
    return tl::unexpected(std::move(error));
}

Result<std::string> S3Client::put_object(
    const std::string& key, std::string body, const ObjectOptions& options
) {
    const S3ObjectInfo ours{
        body.size(), to_hex(net::md5(as_bytes(body))), options.content_type, options.egress_id};
    Call call{"PUT", key, "store " + key, "s3:PutObject", {}, {}, std::move(body)};
    add_object_headers(call.headers, options);
    if (options.if_taken == IfTaken::Refuse) call.headers.set("If-None-Match", "*");
    auto response = perform(call);
    if (response) return without_quotes(response->headers.get("ETag"));
    if (response.error().code != Errc::AlreadyExists) return tl::unexpected(response.error());
    return unless_stored_before(response.error(), key, ours);
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
    const Call call{
        "PUT",
        key,
        "store part " + text + " of " + key,
        "s3:PutObject",
        {{"partNumber", text}, {"uploadId", upload_id}},
        {},
        std::move(body)};
    AC_TRY(const auto response, perform(call));
    auto etag = without_quotes(response.headers.get("ETag"));
    if (etag.empty()) return fail(Errc::Malformed, call.action + ": the store gave no ETag");
    return etag;
}

Result<std::string> S3Client::complete_multipart(
    const std::string& key,
    const std::string& upload_id,
    const std::vector<S3Part>& parts,
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
    S3ObjectInfo ours{0, combined_etag(parts), options.content_type, options.egress_id};
    for (const S3Part& part : parts) ours.size += part.size;
    AC_TRY(auto etag, unless_stored_before(error, key, ours));
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

Result<S3ObjectInfo> S3Client::head_object(const std::string& key) {
    AC_TRY(
        const auto response,
        perform({"HEAD", key, "look at " + key, "s3:GetObject and s3:ListBucket", {}, {}, {}})
    );
    return S3ObjectInfo{
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

Result<std::vector<std::string>> S3Client::list_objects(
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
    if (listed || failure_code_ == "AccessDenied") return {};
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
    const std::string& method,
    const std::string& key,
    std::chrono::seconds ttl,
    const std::vector<std::pair<std::string, std::string>>& response_query,
    WallTime now
) const {
    constexpr std::chrono::seconds kLongest = std::chrono::days(7);
    if (ttl < 1s || ttl > kLongest) {
        return fail(Errc::InvalidArgument, "a signed link lasts 1 second to 7 days");
    }
    const S3Address address = address_of(destination_, key);
    const SigV4Request request{method, address.path, response_query, {{"host", address.host}}, {}};
    const SigV4Keys keys{destination_.access_key, destination_.secret, destination_.session_token};
    return address.url() + "?" +
           presigned_query(request, keys, {region_of(destination_)}, now + clock_offset_, ttl);
}

std::string S3Client::object_url(const std::string& key) const {
    return address_of(destination_, key).url();
}

}  // namespace aircheck::storage
