#include "net/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace aircheck::net {
namespace {

constexpr std::string_view kHidden = "{...}";

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_unreserved(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::uint16_t default_port(std::string_view scheme) {
    if (scheme == "http" || scheme == "ws") return 80;
    if (scheme == "https" || scheme == "wss") return 443;
    return 0;
}

bool is_scheme(std::string_view text) {
    return !text.empty() && is_alpha(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
           });
}

bool is_ipv6(const std::string& text) {
    in6_addr address{};
    return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// A name, or an IPv4 address; the underscore is what S3 buckets and container names have.
bool is_host_name(std::string_view host) {
    return host.size() <= 255 && std::all_of(host.begin(), host.end(), [](char c) {
               return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
           });
}

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
    return fail(
        Errc::Malformed, "URL '" + redact_url(text.substr(0, 2048)) + "': " + std::string(why)
    );
}

bool parse_port(std::string_view text, std::uint16_t& port) {
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, port);
    return error == std::errc{} && at == end && port != 0 && is_digit(text.front());
}

/// Splits "host:port" or "[v6]:port"; says what is wrong, or "".
std::string_view parse_host(std::string_view text, Url& url) {
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return "'[' without ']'";
        url.host = lower(text.substr(1, end - 1));
        if (!is_ipv6(url.host)) return "the address in brackets is not IPv6";
        port = text.substr(end + 1);
        if (!port.empty() && port.front() != ':') return "text after ']'";
    } else {
        const auto colon = text.find(':');
        url.host = lower(text.substr(0, colon));
        if (!is_host_name(url.host)) return "the host name has a character that none may have";
        if (colon != std::string_view::npos) port = text.substr(colon);
    }
    url.port = default_port(url.scheme);
    if (port.size() > 1 && !parse_port(port.substr(1), url.port))
        return "the port is not 1 to 65535";
    if (url.host.empty() && url.scheme != "file") return "no host";
    return "";
}

/// Where the user information of `rest` (what follows "://") ends, or npos. A password with an
/// unencoded '/' moves the '@' out of the authority; it must not be shown for that.
std::size_t find_user_info_end(std::string_view rest) {
    const auto authority = rest.substr(0, rest.find_first_of("/?#"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) return at;
    const auto colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) return std::string_view::npos;
    const auto port = authority.substr(colon + 1);
    const bool is_port = port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
    return is_port ? std::string_view::npos : rest.rfind('@');
}

std::string redact_query(std::string_view query) {
    std::string out;
    while (true) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos) out += pair.substr(0, equals + 1);
        if (!pair.empty()) out += kHidden;
        if (end == std::string_view::npos) return out;
        out += '&';
        query.remove_prefix(end + 1);
    }
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    const auto unprintable = [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    };
    if (std::any_of(text.begin(), text.end(), unprintable)) {
        return bad(text, "it has a space or a control character");
    }
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) {
        return bad(text, "it does not begin with a scheme, like https://");
    }
    Url url;
    url.scheme = lower(text.substr(0, colon));
    auto rest = text.substr(colon + 3);
    rest = rest.substr(0, rest.find('#'));
    const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
    auto authority = rest.substr(0, authority_end);
    rest.remove_prefix(authority_end);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        url.user_info = std::string(authority.substr(0, at));
        authority.remove_prefix(at + 1);
        // Other parsers end the authority at a backslash: what they connect to is not what we
        // judged.
        if (url.user_info.find('\\') != std::string::npos) return bad(text, "it has a backslash");
    }
    if (const auto why = parse_host(authority, url); !why.empty()) return bad(text, why);
    const auto question = rest.find('?');
    url.path = std::string(rest.substr(0, question));
    if (question != std::string_view::npos) url.query = std::string(rest.substr(question + 1));
    return url;
}

std::string Url::to_string() const {
    std::string out = scheme + "://";
    if (!user_info.empty()) out += user_info + "@";
    out += host_header() + path;
    if (!query.empty()) out += "?" + query;
    return out;
}

std::string Url::host_header() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != 0 && port != default_port(scheme)) out += ":" + std::to_string(port);
    return out;
}

Url Url::as_http() const {
    Url url = *this;
    if (scheme == "ws") url.scheme = "http";
    if (scheme == "wss") url.scheme = "https";
    return url;
}

Url Url::as_websocket() const {
    Url url = *this;
    if (scheme == "http") url.scheme = "ws";
    if (scheme == "https") url.scheme = "wss";
    return url;
}

bool Url::is_secure() const { return scheme == "https" || scheme == "wss"; }

std::string percent_encode(std::string_view text, std::string_view keep) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) || keep.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
    const auto decode = [](std::string_view part) {
        std::string text(part);
        std::replace(text.begin(), text.end(), '+', ' ');
        return percent_decode(text);
    };
    std::vector<std::pair<std::string, std::string>> out;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        out.emplace_back(
            decode(pair.substr(0, equals)), decode(pair.substr(std::min(equals + 1, pair.size())))
        );
    }
    return out;
}

std::string redact_url(std::string_view url) {
    const auto scheme_end = url.find("://");
    const auto start = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    std::string out(url.substr(0, start));
    auto rest = url.substr(start);
    if (const auto at = find_user_info_end(rest); at != std::string_view::npos) {
        const auto user_info = rest.substr(0, at);
        const auto colon = user_info.find(':');
        out += user_info.substr(0, colon);
        if (colon != std::string_view::npos) out += ":" + std::string(kHidden);
        out += '@';
        rest.remove_prefix(at + 1);
    }
    rest = rest.substr(0, rest.find('#'));
    const auto question = rest.find('?');
    out += rest.substr(0, question);
    if (question != std::string_view::npos) out += "?" + redact_query(rest.substr(question + 1));
    return out;
}

}  // namespace aircheck::net
