#include "net/forward_headers.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace aircheck::net {
namespace {

/// Who we are in Via (RFC 9110 §7.6.3); a host name would tell the outside about the inside.
constexpr std::string_view kPseudonym = "aircheck";

/// How an IPv4 peer looks on a listener for both families.
constexpr std::string_view kMapped = "::ffff:";

constexpr std::array<std::string_view, 11> kOfOneConnection = {
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Expect",  // Answered already: the body is here.
    "Content-Length"};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// True when `is_it` holds for a member of the comma-separated lists in all fields `name`.
template <typename Predicate>
bool any_member(const Headers& headers, std::string_view name, Predicate is_it) {
    for (const auto& [field, value] : headers) {
        if (!equal_ignoring_case(field, name)) continue;
        for (std::string_view rest = value; !rest.empty();) {
            const auto comma = std::min(rest.find(','), rest.size());
            if (is_it(trimmed(rest.substr(0, comma)))) return true;
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    return false;
}

bool is_of_one_connection(const Headers& headers, std::string_view name) {
    const auto is_name = [name](std::string_view other) {
        return equal_ignoring_case(other, name);
    };
    return std::any_of(kOfOneConnection.begin(), kOfOneConnection.end(), is_name) ||
           any_member(headers, "Connection", is_name);
}

bool is_one_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    });
}

/// The values of all fields `name`, with `last` at the end, as one list.
std::string extended_list(const Headers& headers, std::string_view name, std::string_view last) {
    std::string list;
    for (const auto& [field, value] : headers) {
        if (equal_ignoring_case(field, name) && !trimmed(value).empty()) list += value + ", ";
    }
    return list.append(last);
}

void append_field(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

Headers end_to_end(const Headers& headers) {
    Headers kept;
    for (const auto& [name, value] : headers) {
        if (!is_of_one_connection(headers, name) && is_one_line(value)) kept.add(name, value);
    }
    return kept;
}

bool asks_for_websocket(const HttpServerRequest& request) {
    return request.method == "GET" &&
           equal_ignoring_case(request.headers.get("Upgrade"), "websocket") &&
           any_member(request.headers, "Connection", [](std::string_view member) {
               return equal_ignoring_case(member, "upgrade");
           });
}

bool was_forwarded(const Headers& headers) {
    return any_member(headers, "Via", [](std::string_view member) {
        const auto space = member.find(' ');  // "1.1 name (comment)"
        if (space == std::string_view::npos) return false;
        const auto name = trimmed(member.substr(space));
        return equal_ignoring_case(name.substr(0, name.find(' ')), kPseudonym);
    });
}

std::string forwarded_request(const HttpServerRequest& request, const Url& to) {
    std::string path = to.path;
    while (path.ends_with('/')) path.pop_back();
    path += request.path;
    if (!request.query.empty()) path += "?" + request.query;
    std::string text = request.method + " " + path + " HTTP/1.1\r\n";
    append_field(text, "Host", to.host_header());
    for (const auto& [name, value] : end_to_end(request.headers)) {
        const bool written_here = equal_ignoring_case(name, "Host") ||
                                  equal_ignoring_case(name, "Via") ||
                                  equal_ignoring_case(name, "X-Forwarded-For");
        if (!written_here) append_field(text, name, value);
    }
    std::string_view from = request.remote.address;
    if (from.starts_with(kMapped)) from.remove_prefix(kMapped.size());
    append_field(text, "X-Forwarded-For", extended_list(request.headers, "X-Forwarded-For", from));
    append_field(
        text, "Via", extended_list(request.headers, "Via", "1.1 " + std::string(kPseudonym))
    );
    if (asks_for_websocket(request)) {
        append_field(text, "Connection", "Upgrade");
        append_field(text, "Upgrade", "websocket");
        return text + "\r\n";
    }
    append_field(text, "Connection", "close");
    if (request.method != "GET" || !request.body.empty()) {
        append_field(text, "Content-Length", std::to_string(request.body.size()));
    }
    return text + "\r\n" + request.body;
}

std::string switching_protocols(const Headers& answer) {
    std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
    append_field(text, "Connection", "Upgrade");
    append_field(text, "Upgrade", "websocket");
    for (const auto& [name, value] : end_to_end(answer)) append_field(text, name, value);
    return text + "\r\n";
}

}  // namespace aircheck::net
