#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

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
    /// came in a request: PublicOnly, judged on the address after DNS, when connecting.
    enum class Reach { Any, PublicOnly } reach = Reach::Any;
};

struct HttpResponse {
    int status = 0;
    Headers headers;
    std::string body;
};

/// A blocking HTTP/1.1 and HTTP/2 client over libcurl, for threads of a pool; redirects are not
/// followed. Keeps connections alive between calls. Thread-safe: each call borrows a handle of its
/// own.
///
/// An HTTP status of any kind is a result. Errors: Errc::Timeout, Errc::Unavailable (resolve,
/// connect, reset), Errc::PermissionDenied (TLS verification, forbidden address), each naming the
/// host.
class HttpClient {
public:
    HttpClient();
    ~HttpClient();
    [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request);

private:
    struct Handles;
    std::unique_ptr<Handles> handles_;
};

}  // namespace aircheck::net
