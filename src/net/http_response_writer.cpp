#include "net/http_response_writer.hpp"

#include "core/log.hpp"

#include <boost/beast/http/status.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace aircheck::net {
namespace {

namespace http = boost::beast::http;

constexpr std::uint64_t kPiece = 256 * 1024;

/// RFC 9110 §5.6.7.
std::string http_date(WallTime now) {
    const auto seconds = static_cast<time_t>(unix_nanoseconds(now) / 1'000'000'000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    const auto length = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text, length};
}

/// Framing is the writer's own business.
bool is_framing(std::string_view name) {
    return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Connection") ||
           equal_ignoring_case(name, "Transfer-Encoding");
}

bool is_one_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    });
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

HttpResponseWriter::HttpResponseWriter(HttpServerResponse response, Body body, After after)
    : response_(std::move(response)) {
    if (response_.status < 200 || response_.status > 999) response_.status = 500;
    if (response_.file) open_file();
    if (!response_.file) left_ = response_.body.size();
    make_header(after);
    if (body == Body::Omit || !may_have_body(response_.status)) left_ = 0;
}

HttpResponseWriter::~HttpResponseWriter() {
    if (fd_ >= 0) ::close(fd_);
}

void HttpResponseWriter::open_file() {
    const auto& file = *response_.file;
    fd_ = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    const bool fits = fd_ >= 0 && fstat(fd_, &about) == 0 && S_ISREG(about.st_mode) &&
                      file.offset <= static_cast<std::uint64_t>(about.st_size) &&
                      file.length <= static_cast<std::uint64_t>(about.st_size) - file.offset;
    if (fits) {
        offset_ = file.offset;
        left_ = file.length;
        return;
    }
    log::warn("http.file", {{"path", file.path}, {"what", "cannot be read, or is too short"}});
    response_ = {500, {{"Content-Type", "text/plain"}}, "the file cannot be read\n", std::nullopt};
}

void HttpResponseWriter::make_header(After after) {
    const auto reason =
        http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response_.status)));
    header_ = "HTTP/1.1 " + std::to_string(response_.status) + " ";
    header_.append(reason.data(), reason.size());
    header_ += "\r\n";
    for (const auto& [name, value] : response_.headers) {
        // A line break in a value (a room's name, say) would start a header of the attacker's.
        if (is_framing(name) || !is_one_line(name) || !is_one_line(value)) continue;
        header_ += name + ": " + value + "\r\n";
    }
    if (!response_.headers.has("Date")) header_ += "Date: " + http_date(wall_now()) + "\r\n";
    // 204 has none, and 304's would be that of what was not sent (RFC 9110 §8.6).
    if (may_have_body(response_.status)) {
        header_ += "Content-Length: " + std::to_string(left_) + "\r\n";
    }
    if (after == After::Close) header_ += "Connection: close\r\n";
    header_ += "\r\n";
}

Result<std::string_view> HttpResponseWriter::next() {
    piece_ = std::exchange(header_, {});
    const auto wanted = std::min(left_, kPiece);
    if (!response_.file) {
        piece_.append(response_.body, offset_, wanted);
    } else if (wanted > 0) {
        const auto start = piece_.size();
        piece_.resize(start + wanted);
        std::size_t done = 0;
        while (done < wanted) {
            const auto got = ::pread(
                fd_, piece_.data() + start + done, wanted - done, static_cast<off_t>(offset_ + done)
            );
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno(errno, response_.file->path);
            if (got == 0) return fail(Errc::Truncated, response_.file->path);
            done += static_cast<std::size_t>(got);
        }
    }
    offset_ += wanted;
    left_ -= wanted;
    return piece_;
}

}  // namespace aircheck::net
