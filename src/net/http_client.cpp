#include "net/http_client.hpp"

#include "core/c_handle.hpp"
#include "net/address.hpp"
#include "net/url.hpp"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::net {
namespace {

using CurlHandle = CHandle<CURL, curl_easy_cleanup>;
using CurlList = CHandle<curl_slist, curl_slist_free_all>;

/// libcurl 7.88 bounds one header line, not their number.
constexpr std::size_t kMaxHeaderBytes = 256 * 1024;
/// Idle handles kept, each with its connections; more are closed after use.
constexpr std::size_t kMaxIdleHandles = 32;

/// What libcurl's callbacks fill during one exchange.
struct Exchange {
    const HttpRequest& request;
    std::string host;  ///< Of the URL.
    const std::atomic<bool>& aborted;
    HttpResponse response{};
    std::size_t header_bytes = 0;
    enum class Stopped { No, BodyTooLarge, HeadersTooLarge } stopped = Stopped::No;
    std::string refusal{};  ///< Why Reach::PublicOnly refused an address; "": none was.
    bool tried = false;     ///< An address was not refused.
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const std::string_view line(data, size * count);
    exchange.header_bytes += line.size();
    if (exchange.header_bytes > kMaxHeaderBytes) {
        exchange.stopped = Exchange::Stopped::HeadersTooLarge;
        return 0;
    }
    // A new status line: what came before was an interim (1xx) response's.
    if (line.starts_with("HTTP/")) {
        exchange.response.headers = {};
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        exchange.response.headers.add(
            trimmed(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))
        );
    }
    return line.size();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const std::size_t bytes = size * count;
    auto& body = exchange.response.body;
    if (bytes > exchange.request.max_response_bytes - body.size()) {
        exchange.stopped = Exchange::Stopped::BodyTooLarge;
        return 0;
    }
    body.append(data, bytes);
    return bytes;
}

/// What a request may reach besides public addresses; is_forbidden_address() stays out.
const std::vector<std::string>& allowed_to(const HttpRequest& request) {
    static const std::vector<std::string> everything{"0.0.0.0/0", "::/0"};
    const bool is_private_too = request.reach == HttpRequest::Reach::PublicAndPrivate;
    return is_private_too ? everything : request.allow;
}

/// Why a request may not connect to `address`, or "".
std::string refusal_of(
    const HttpRequest& request, const std::string& host, const sockaddr& address
) {
    if (request.reach == HttpRequest::Reach::Any) return "";
    // A proxy is chosen by the request too, and the URL's name says nothing of it.
    const bool has_proxy = !request.proxy.empty();
    const auto refusal = net::refusal_of(address, allowed_to(request), has_proxy ? "" : host);
    return refusal.empty() || !has_proxy ? refusal : "the proxy's address " + refusal;
}

/// Judges the address that DNS gave, at the last moment: a name that resolves differently the
/// second time gains nothing.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
    auto& exchange = *static_cast<Exchange*>(user);
    auto refusal = refusal_of(exchange.request, exchange.host, address->addr);
    if (!refusal.empty()) {
        exchange.refusal = std::move(refusal);
        return CURL_SOCKET_BAD;
    }
    exchange.tried = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// libcurl asks at least once a second, also while it resolves and connects.
int go_on(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const Exchange*>(user)->aborted ? 1 : 0;
}

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Result<CurlList> make_headers(const HttpRequest& request) {
    CurlList list;
    const auto append = [&](const std::string& line) {
        auto* longer = curl_slist_append(list.get(), line.c_str());
        static_cast<void>(list.release());
        list.reset(longer);
    };
    for (const auto& [name, value] : request.headers) {
        if (name.empty() || has_line_break(name) || has_line_break(value) ||
            name.find(':') != std::string::npos) {
            return fail(
                Errc::InvalidArgument, "header '" + name.substr(0, 64) + "' is not one line"
            );
        }
        // libcurl's notation for a field without a value is "Name;".
        append(value.empty() ? name + ";" : name + ": " + value);
    }
    // libcurl would add these by itself; signed requests must not have what was not signed.
    append("Expect:");
    if (!request.headers.has("Content-Type")) append("Content-Type:");
    return list;
}

template <typename Value>
void set(CURL* curl, CURLoption option, Value value) {
    curl_easy_setopt(curl, option, value);
}

void set_method(CURL* curl, const HttpRequest& request) {
    const auto& method = request.method;
    if (method == "GET" && request.body.empty()) {
        set(curl, CURLOPT_HTTPGET, 1L);
    } else if (method == "HEAD") {
        set(curl, CURLOPT_NOBODY, 1L);
    } else {
        const bool has_body =
            !request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
        if (has_body) {
            set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            set(curl, CURLOPT_POSTFIELDS, request.body.data());
        }
        set(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    }
}

void set_options(CURL* curl, const std::string& url, Exchange& exchange, curl_slist* headers) {
    const auto& request = exchange.request;
    set(curl, CURLOPT_URL, url.c_str());
    set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    set(curl, CURLOPT_PATH_AS_IS, 1L);  // Storage keys may have "..", and signatures cover them.
    set(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_USERAGENT, "aircheck/" AIRCHECK_VERSION);
    set(curl, CURLOPT_HTTPHEADER, headers);
    set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    set(curl, CURLOPT_PROXY, request.proxy.c_str());  // "" also keeps the environment's away.
    set(curl, CURLOPT_NOPROXY, "");
    set(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (!request.ca_file.empty()) set(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    set(curl, CURLOPT_HEADERFUNCTION, on_header);
    set(curl, CURLOPT_HEADERDATA, &exchange);
    set(curl, CURLOPT_WRITEFUNCTION, on_body);
    set(curl, CURLOPT_WRITEDATA, &exchange);
    set(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(curl, CURLOPT_OPENSOCKETDATA, &exchange);
    set(curl, CURLOPT_NOPROGRESS, 0L);
    set(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    set(curl, CURLOPT_XFERINFODATA, &exchange);
    set_method(curl, request);
}

/// "tls failed after 0.2 s: ": how far an exchange came, where that says something.
std::string failed_stage(CURL* curl, CURLcode code, const Url& url) {
    curl_off_t resolved = 0, connected = 0, secured = 0, total = 0;  // Microseconds from the start.
    curl_easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
    curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &secured);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &total);
    const bool tls = url.scheme == "https";
    const char* stage = "http";
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            stage = "resolve";
            break;
        case CURLE_COULDNT_CONNECT:
            stage = "tcp";
            break;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
            stage = "tls";
            break;
        case CURLE_OPERATION_TIMEDOUT:
            if (connected == 0) stage = resolved == 0 ? "resolve" : "tcp";
            if (connected > 0 && tls && secured == 0) stage = "tls";
            break;
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_PARTIAL_FILE:
        case CURLE_UNSUPPORTED_PROTOCOL:
            break;
        default:
            return "";
    }
    const std::string_view name = stage;
    const curl_off_t before = name == "resolve" ? 0
                              : name == "tcp"   ? resolved
                              : name == "tls"   ? connected
                                                : std::max(connected, secured);
    char words[64];
    std::snprintf(
        words,
        sizeof words,
        "%s failed after %.1f s: ",
        stage,
        static_cast<double>(std::max<curl_off_t>(total - before, 0)) / 1e6
    );
    return words;
}

/// What a server that speaks the other kind looks like.
const char* hint_for(CURLcode code, const std::string& details, const Url& url) {
    if (url.scheme == "https") {
        const bool is_plain = code == CURLE_SSL_CONNECT_ERROR &&
                              (details.find("wrong version number") != std::string::npos ||
                               details.find("packet length too long") != std::string::npos);
        return is_plain ? "; the port speaks no TLS, it seems: http:// or ws://?" : "";
    }
    const bool is_no_http = code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
                            code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL;
    return is_no_http ? "; if the port speaks TLS: https:// or wss://" : "";
}

/// libcurl's code as ours, with the host named; never the path or the query, which may be secret.
tl::unexpected<Error> failure(
    CURLcode code,
    const char* details,
    const std::string& stage,
    const Url& url,
    const Exchange& exchange
) {
    const auto& request = exchange.request;
    std::string context = url.host_header() + ": ";
    // Where another address of the host was tried, its failure is the one that counts.
    if (!exchange.refusal.empty() && !exchange.tried && code == CURLE_COULDNT_CONNECT) {
        return fail(HttpErrc::AddressRefused, context + exchange.refusal);
    }
    if (exchange.stopped == Exchange::Stopped::BodyTooLarge) {
        context +=
            "the response has more than " + std::to_string(request.max_response_bytes) + " bytes";
        return fail(Errc::Malformed, context);
    }
    if (exchange.stopped == Exchange::Stopped::HeadersTooLarge) {
        return fail(Errc::Malformed, context + "the response's header is too large");
    }
    const std::string words = *details != '\0' ? details : curl_easy_strerror(code);
    context += stage + words + hint_for(code, words, url);
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return fail(Errc::Timeout, context);
        case CURLE_PEER_FAILED_VERIFICATION:
            return fail(Errc::PermissionDenied, context);
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return fail(Errc::InvalidArgument, context);
        case CURLE_ABORTED_BY_CALLBACK:
            return fail(Errc::Cancelled, context);
        case CURLE_WEIRD_SERVER_REPLY:
            return fail(Errc::Malformed, context);
        default:
            return fail(Errc::Unavailable, context);
    }
}

class HttpCategory : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "http"; }
    [[nodiscard]] std::string message(int) const override { return "address refused"; }
};

}  // namespace

std::error_code make_error_code(HttpErrc code) noexcept {
    static const HttpCategory category;
    return {static_cast<int>(code), category};
}

/// Idle handles, the last used first, so that their connections are warm. Those that may reach
/// different addresses are never mixed: a kept connection is not judged again.
struct HttpClient::Handles {
    std::atomic<bool> aborted{false};
    std::mutex mutex;
    std::vector<CurlHandle> any;
    /// By what may be reached: the configuration's `network.allow`, and everything private.
    std::map<std::vector<std::string>, std::vector<CurlHandle>> public_only;

    std::vector<CurlHandle>& idle(const HttpRequest& request) {
        return request.reach == HttpRequest::Reach::Any ? any : public_only[allowed_to(request)];
    }

    CurlHandle take(const HttpRequest& request) {
        const std::lock_guard lock(mutex);
        auto& from = idle(request);
        if (from.empty()) return CurlHandle(curl_easy_init());
        auto handle = std::move(from.back());
        from.pop_back();
        return handle;
    }

    void give_back(const HttpRequest& request, CurlHandle handle) {
        const std::lock_guard lock(mutex);
        if (auto& to = idle(request); to.size() < kMaxIdleHandles) to.push_back(std::move(handle));
    }
};

HttpClient::HttpClient() : handles_(std::make_unique<Handles>()) {
    static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(initialised);
}

HttpClient::~HttpClient() = default;

void HttpClient::abort() { handles_->aborted = true; }

Result<HttpResponse> HttpClient::send(const HttpRequest& request) {
    AC_TRY(const auto url, Url::parse(request.url));
    if (url.scheme != "http" && url.scheme != "https") {
        return fail(
            Errc::InvalidArgument, "URL '" + redact_url(request.url) + "' is not http or https"
        );
    }
    if (handles_->aborted) return fail(Errc::Cancelled, url.host_header() + ": not asked any more");
    AC_TRY(const auto headers, make_headers(request));
    if (request.method.empty() || has_line_break(request.method)) {
        return fail(Errc::InvalidArgument, url.host_header() + ": no method");
    }
    auto handle = handles_->take(request);
    if (!handle) return fail(Errc::Failed, url.host_header() + ": no memory for a transfer");

    Exchange exchange{request, url.host, handles_->aborted};
    char details[CURL_ERROR_SIZE] = "";
    set(handle.get(), CURLOPT_ERRORBUFFER, details);
    set_options(handle.get(), url.to_string(), exchange, headers.get());
    const auto code = curl_easy_perform(handle.get());
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    const std::string stage = code == CURLE_OK ? "" : failed_stage(handle.get(), code, url);
    // Forgets the options, that point into this frame; keeps the connections.
    curl_easy_reset(handle.get());
    handles_->give_back(request, std::move(handle));

    if (code != CURLE_OK) return failure(code, details, stage, url, exchange);
    exchange.response.status = static_cast<int>(status);
    return std::move(exchange.response);
}

}  // namespace aircheck::net
