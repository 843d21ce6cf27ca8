#pragma once

#include "core/result.hpp"
#include "net/http_server.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::net {

/// A response as HTTP/1.1 writes it, in pieces of at most 256 KiB. For net's own .cpp files.
class HttpResponseWriter {
public:
    enum class Body { Send, Omit };  ///< Omit: the answer to HEAD.
    enum class After { KeepAlive, Close };

    /// Opens the response's file, if it has one; answers 500 when that fails or the file is too
    /// short.
    HttpResponseWriter(HttpServerResponse response, Body body, After after);
    ~HttpResponseWriter();
    HttpResponseWriter(const HttpResponseWriter&) = delete;
    HttpResponseWriter& operator=(const HttpResponseWriter&) = delete;

    /// The next piece, valid until the next call; empty at the end. An error: the file could not be
    /// read to the end that the header announced.
    [[nodiscard]] Result<std::string_view> next();

private:
    void open_file();
    void make_header(After after);

    HttpServerResponse response_;
    std::string header_;
    int fd_ = -1;
    std::uint64_t offset_ = 0;
    std::uint64_t left_ = 0;
    std::string piece_;
};

}  // namespace aircheck::net
