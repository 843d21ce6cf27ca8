#include "net/http_proxy.hpp"

#include "core/bytes.hpp"
#include "core/foreign_text.hpp"

#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxAnswer = 8192;

struct Request : std::enable_shared_from_this<Request> {
    Request(AnyStream& over, std::string text, std::function<void(Result<>)> handler)
        : stream(over), sent(std::move(text)), done(std::move(handler)) {}

    void write() {
        asio::async_write(
            stream,
            asio::buffer(sent),
            [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                if (error) return self->end(error.message());
                self->read();
            }
        );
    }

    void read() {
        stream.async_read_some(
            asio::buffer(chunk),
            [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
                if (error) return self->end(error.message());
                self->answer.append(self->chunk.data(), size);
                self->look();
            }
        );
    }

    void look() {
        const auto head = answer.find("\r\n\r\n");
        if (head == std::string::npos && answer.size() < kMaxAnswer) return read();
        const auto line = answer.substr(0, std::min<std::size_t>(answer.find("\r\n"), 120));
        if (head == std::string::npos || !line.starts_with("HTTP/1.") || line.size() < 12) {
            return end("it answers what is not HTTP");
        }
        if (line[9] != '2') return end("it answers " + first_words(line.substr(9)));
        // Whoever is behind it waits for us to begin.
        if (answer.size() != head + 4) return end("it says more than its answer");
        std::exchange(done, nullptr)({});
    }

    void end(const std::string& why) {
        std::exchange(done, nullptr)(fail(Errc::Unavailable, "proxy: " + why));
    }

    AnyStream& stream;
    std::string sent, answer;
    std::array<char, 1024> chunk{};
    std::function<void(Result<>)> done;
};

}  // namespace

void request_tunnel(
    AnyStream& stream, const Url& proxy, const Url& to, std::function<void(Result<> done)> done
) {
    const bool is_v6 = to.host.find(':') != std::string::npos;
    const auto target = (is_v6 ? "[" + to.host + "]" : to.host) + ":" + std::to_string(to.port);
    std::string text = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (!proxy.user_info.empty()) {
        const auto plain = percent_decode(proxy.user_info);
        text += "Proxy-Authorization: Basic " + to_base64(as_bytes(plain)) + "\r\n";
    }
    text += "\r\n";
    std::make_shared<Request>(stream, std::move(text), std::move(done))->write();
}

}  // namespace aircheck::net
