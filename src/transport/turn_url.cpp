#include "transport/turn_url.hpp"

#include <algorithm>
#include <charconv>

namespace aircheck::transport {
namespace {

constexpr std::size_t kMaxUrl = 512;
constexpr std::size_t kMaxHost = 253;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return out;
}

tl::unexpected<Error> refuse(Errc code, std::string_view what, std::string_view url) {
    return fail(
        make_error_code(code),
        "ICE server '" + std::string(url.substr(0, 100)) + "': " + std::string(what)
    );
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == ':';
}

/// Takes host and port off the front of `rest`: "host", "host:port", "[v6]:port".
bool take_host(std::string_view rest, TurnServer& server) {
    std::string_view port;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return false;
        server.host = lower(rest.substr(1, end - 1));
        port = rest.substr(end + 1);
    } else {
        const auto colon = rest.find(':');
        server.host = lower(rest.substr(0, colon));
        if (colon != std::string_view::npos) port = rest.substr(colon);
    }
    const bool is_host = !server.host.empty() && server.host.size() <= kMaxHost &&
                         std::all_of(server.host.begin(), server.host.end(), is_host_character);
    if (!is_host) return false;
    if (port.empty()) return true;
    if (port.front() != ':') return false;
    port.remove_prefix(1);
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), server.port);
    return code == std::errc{} && end == port.data() + port.size() && server.port != 0;
}

}  // namespace

std::string TurnServer::to_string() const {
    const bool is_v6 = host.find(':') != std::string::npos;
    return std::string(transport == TurnTransport::Tls ? "turns:" : "turn:") +
           (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) +
           (transport == TurnTransport::Udp ? "?transport=udp" : "?transport=tcp");
}

Result<TurnServer> parse_turn_url(std::string_view url) {
    if (url.size() > kMaxUrl) return refuse(Errc::Malformed, "too long", url);
    const auto colon = url.find(':');
    if (colon == std::string_view::npos) return refuse(Errc::Malformed, "no scheme", url);
    const auto scheme = lower(url.substr(0, colon));
    if (scheme == "stun" || scheme == "stuns") {
        return refuse(Errc::Unsupported, "STUN is not needed towards an SFU", url);
    }
    if (scheme != "turn" && scheme != "turns") {
        return refuse(Errc::Unsupported, "unknown scheme", url);
    }
    const bool is_secure = scheme == "turns";
    auto rest = url.substr(colon + 1);
    const auto question = rest.find('?');
    std::string transport = is_secure ? "tcp" : "udp";
    if (question != std::string_view::npos) {
        const auto query = lower(rest.substr(question + 1));
        if (!query.starts_with("transport=")) return refuse(Errc::Malformed, "bad query", url);
        transport = query.substr(10);
        rest = rest.substr(0, question);
    }
    TurnServer server;
    server.port = is_secure ? 5349 : 3478;
    if (!take_host(rest, server)) return refuse(Errc::Malformed, "bad host or port", url);
    if (transport != "udp" && transport != "tcp") {
        return refuse(Errc::Unsupported, "unknown transport", url);
    }
    if (is_secure && transport == "udp") {
        return refuse(Errc::Unsupported, "TURN over DTLS", url);
    }
    if (transport == "tcp") server.transport = TurnTransport::Tcp;
    if (is_secure) server.transport = TurnTransport::Tls;
    return server;
}

}  // namespace aircheck::transport
