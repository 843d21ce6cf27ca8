#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace aircheck::net {

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;
    std::string body;  ///< Sent with its length, no "Expect".
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds timeout{60'000};  ///< The whole exchange.
    std::size_t max_response_bytes = 16 * 1024 * 1024;
    std::string
        proxy;  ///< "http://user:password@host:port", or none (the environment's is ignored).
    std::string ca_file;  ///< Extra trust anchors (PEM), for tests and private authorities.
    /// Which addresses may be connected to (design.md, section 5). Configured URLs: Any; URLs that
    /// came in a request: PublicOnly, or all that is_forbidden_address() leaves (PublicAndPrivate)
    /// where livekit-server handed the request out. Judged on the address after DNS, when
    /// connecting. With a proxy that is the proxy's address: where the proxy itself goes is its own
    /// to judge.
    enum class Reach { Any, PublicOnly, PublicAndPrivate } reach = Reach::Any;
    /// `network.allow`, what PublicOnly may reach besides: addresses, networks, and host names as
    /// the URL has them (names do not count with a proxy). is_forbidden_address() stays out.
    std::vector<std::string> allow;
};

struct HttpResponse {
    int status = 0;
    Headers headers;
    std::string body;
};

/// What the client has to tell beyond aircheck::Errc.
enum class HttpErrc {
    AddressRefused = 1,  ///< HttpRequest::reach forbids each address of the host.
};
[[nodiscard]] std::error_code make_error_code(HttpErrc code) noexcept;

/// A blocking HTTP/1.1 and HTTP/2 client over libcurl, for threads of a pool; redirects are not
/// followed. Keeps connections alive between calls. Thread-safe: each call borrows a handle of its
/// own.
///
/// An HTTP status of any kind is a result. Errors: Errc::Timeout, Errc::Unavailable (resolve,
/// connect, reset), Errc::PermissionDenied (TLS verification), HttpErrc::AddressRefused,
/// Errc::Cancelled (after abort()), each naming the host.
class HttpClient {
public:
    HttpClient();
    ~HttpClient();
    [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request);
    /// For good: calls under way fail within about a second, later ones at once. From any thread.
    void abort();

private:
    struct Handles;
    std::unique_ptr<Handles> handles_;
};

}  // namespace aircheck::net

template <>
struct std::is_error_code_enum<aircheck::net::HttpErrc> : std::true_type {};
