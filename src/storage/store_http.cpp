#include "storage/store_http.hpp"

#include "net/crypto.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

namespace aircheck::storage {
namespace {

net::HttpRequest::Reach reach_of(StoreNetwork::Reach reach) {
    switch (reach) {
        case StoreNetwork::Reach::Any:
            return net::HttpRequest::Reach::Any;
        case StoreNetwork::Reach::PublicOnly:
            break;
        case StoreNetwork::Reach::PublicAndPrivate:
            return net::HttpRequest::Reach::PublicAndPrivate;
    }
    return net::HttpRequest::Reach::PublicOnly;  // And for a number that is not known.
}

/// Slow links are given their time: 64 KiB a second.
std::chrono::milliseconds timeout_for(std::uint64_t bytes) {
    return std::chrono::seconds(60 + bytes / (64 * 1024));
}

}  // namespace

net::HttpRequest request_to(
    const StoreNetwork& network, std::string method, std::string body, std::uint64_t expected_bytes
) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.body = std::move(body);
    request.timeout = timeout_for(request.body.size() + expected_bytes);
    request.max_response_bytes += static_cast<std::size_t>(expected_bytes);
    request.proxy = network.proxy;
    request.ca_file = network.ca_file;
    request.reach = reach_of(network.reach);
    request.allow = network.allow;
    return request;
}

Result<net::HttpResponse> send_to_store(net::HttpClient& http, const net::HttpRequest& request) {
    auto response = http.send(request);
    if (!response && response.error().code == net::HttpErrc::AddressRefused) {
        response.error().code = Errc::PermissionDenied;
    }
    return response;
}

void wait_before_retry(const RetryPolicy& policy, int retry) {
    const auto doubled = policy.min_delay * (std::int64_t{1} << std::min(retry, 20));
    const auto limit = std::min<std::chrono::milliseconds>(doubled, policy.max_delay);
    const Bytes random = net::random_bytes(1);
    std::this_thread::sleep_for(limit / 2 + limit * random.at(0) / 512);
}

Result<std::string> unless_stored_before(
    ObjectStore& store, Error error, const std::string& key, const ObjectInfo& ours
) {
    const auto stored = store.head_object(key);
    if (!stored || stored->size != ours.size) return tl::unexpected(std::move(error));
    const bool same_bytes = !ours.etag.empty() && stored->etag == ours.etag;
    const bool same_egress = !ours.egress_id.empty() && stored->egress_id == ours.egress_id;
    // Encrypted objects have other ETags: then size and egress have to do.
    if (same_bytes || same_egress) return stored->etag;
    return tl::unexpected(std::move(error));
}

Result<> check_link_life(std::chrono::seconds ttl) {
    constexpr std::chrono::seconds kLongest = std::chrono::days(7);
    if (ttl >= 1s && ttl <= kLongest) return {};
    return fail(Errc::InvalidArgument, "a signed link lasts 1 second to 7 days");
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

bool is_header_value(std::string_view value) {
    return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string with_prefix(const std::string& prefix, const std::string& key) {
    if (prefix.empty()) return key;
    return prefix + (prefix.ends_with('/') ? "" : "/") + key;
}

}  // namespace aircheck::storage
