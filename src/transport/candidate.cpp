#include "transport/candidate.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace aircheck::transport {
namespace {

constexpr std::size_t kMaxCandidateLength = 512;

tl::unexpected<Error> malformed(std::string_view what, std::string_view text) {
    return fail(
        make_error_code(Errc::Malformed),
        "candidate: " + std::string(what) + " in \"" + std::string(text.substr(0, 100)) + "\""
    );
}

tl::unexpected<Error> unsupported(std::string_view what) {
    return fail(make_error_code(Errc::Unsupported), "candidate: " + std::string(what));
}

template <typename T>
bool parse_number(std::string_view text, T& value) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} && end == text.data() + text.size();
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const auto start = text.find_first_not_of(" \t\r\n");
        if (start == std::string_view::npos) return words;
        text.remove_prefix(start);
        const auto end = text.find_first_of(" \t\r\n");
        words.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return words;
        text.remove_prefix(end);
    }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; };
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

std::optional<CandidateType> parse_type(std::string_view text) {
    if (text == "host") return CandidateType::Host;
    if (text == "srflx") return CandidateType::ServerReflexive;
    if (text == "prflx") return CandidateType::PeerReflexive;
    if (text == "relay") return CandidateType::Relay;
    return {};
}

std::string_view name_of(CandidateType type) {
    switch (type) {
        case CandidateType::Host:
            return "host";
        case CandidateType::ServerReflexive:
            return "srflx";
        case CandidateType::PeerReflexive:
            return "prflx";
        case CandidateType::Relay:
            return "relay";
    }
    return "host";
}

bool is_unusable_address(const std::string& address) {
    // Link-local IPv6 needs a zone, which SDP does not carry.
    return address == "0.0.0.0" || address == "::" || address.starts_with("fe8") ||
           address.starts_with("fe9") || address.starts_with("fea") || address.starts_with("feb") ||
           address.starts_with("ff");
}

}  // namespace

Result<Candidate> parse_candidate(std::string_view text) {
    if (text.size() > kMaxCandidateLength) return malformed("too long", text);
    const auto words = words_of(text);
    if (words.size() < 8) return malformed("too few fields", text);
    auto foundation = words[0];
    if (foundation.starts_with("a=")) foundation.remove_prefix(2);
    if (foundation.starts_with("candidate:")) foundation.remove_prefix(10);
    if (foundation.empty() || foundation.size() > 32) return malformed("bad foundation", text);

    Candidate candidate;
    candidate.foundation = std::string(foundation);
    unsigned component = 0;
    if (!parse_number(words[1], component)) return malformed("bad component", text);
    if (component != 1) return unsupported("component other than 1");
    if (!parse_number(words[3], candidate.priority)) return malformed("bad priority", text);
    if (!parse_number(words[5], candidate.endpoint.port)) return malformed("bad port", text);
    if (words[6] != "typ") return malformed("no type", text);
    const auto type = parse_type(words[7]);
    if (!type) return unsupported("unknown type");
    candidate.type = *type;

    std::string_view tcp_type;
    for (std::size_t i = 8; i + 1 < words.size(); i += 2) {
        if (words[i] == "tcptype") tcp_type = words[i + 1];
    }
    if (equal_ignoring_case(words[2], "udp")) {
        candidate.protocol = Protocol::Udp;
    } else if (equal_ignoring_case(words[2], "tcp")) {
        candidate.protocol = Protocol::Tcp;
        if (tcp_type != "passive") return unsupported("TCP other than passive");
    } else {
        return unsupported("unknown transport");
    }
    candidate.endpoint.address = canonical_address(words[4]);
    if (candidate.endpoint.address.empty()) return unsupported("a name instead of an address");
    if (candidate.endpoint.port == 0 || is_unusable_address(candidate.endpoint.address)) {
        return unsupported("unusable address");
    }
    return candidate;
}

std::string to_string(const Candidate& candidate) {
    std::string text = "candidate:" + candidate.foundation + " 1 ";
    text += candidate.protocol == Protocol::Udp ? "udp " : "tcp ";
    text += std::to_string(candidate.priority) + " " + candidate.endpoint.address + " " +
            std::to_string(candidate.endpoint.port) + " typ ";
    text += name_of(candidate.type);
    if (candidate.protocol == Protocol::Tcp) text += " tcptype passive";
    return text;
}

std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference) {
    std::uint32_t type_preference = 0;
    switch (type) {
        case CandidateType::Host:
            type_preference = 126;
            break;
        case CandidateType::PeerReflexive:
            type_preference = 110;
            break;
        case CandidateType::ServerReflexive:
            type_preference = 100;
            break;
        case CandidateType::Relay:
            type_preference = 0;
            break;
    }
    return (type_preference << 24) | (std::uint32_t{local_preference} << 8) | 255u;
}

std::string canonical_address(std::string_view text) {
    if (text.size() >= INET6_ADDRSTRLEN) return {};
    const std::string terminated(text);
    std::array<std::uint8_t, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (inet_pton(AF_INET, terminated.c_str(), address.data()) == 1) {
        inet_ntop(AF_INET, address.data(), out.data(), out.size());
        return out.data();
    }
    if (inet_pton(AF_INET6, terminated.c_str(), address.data()) != 1) return {};
    static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(kMapped.begin(), kMapped.end(), address.begin())) {
        inet_ntop(AF_INET, address.data() + 12, out.data(), out.size());
    } else {
        inet_ntop(AF_INET6, address.data(), out.data(), out.size());
    }
    return out.data();
}

}  // namespace aircheck::transport
