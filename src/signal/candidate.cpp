#include "signal/sdp.hpp"
#include "signal/sdp_text.hpp"

#include <arpa/inet.h>

#include <array>

namespace aircheck::signal {
namespace {

bool is_ip_literal(const std::string& address) {
    std::array<unsigned char, sizeof(in6_addr)> binary{};
    return inet_pton(AF_INET, address.c_str(), binary.data()) == 1 ||
           inet_pton(AF_INET6, address.c_str(), binary.data()) == 1;
}

std::optional<Candidate::Type> parse_type(std::string_view word) {
    if (word == "host") return Candidate::Type::Host;
    if (word == "srflx") return Candidate::Type::ServerReflexive;
    if (word == "prflx") return Candidate::Type::PeerReflexive;
    if (word == "relay") return Candidate::Type::Relay;
    return std::nullopt;
}

std::string_view type_word(Candidate::Type type) {
    switch (type) {
        case Candidate::Type::Host:
            return "host";
        case Candidate::Type::ServerReflexive:
            return "srflx";
        case Candidate::Type::PeerReflexive:
            return "prflx";
        case Candidate::Type::Relay:
            return "relay";
    }
    return "host";
}

tl::unexpected<Error> malformed(std::string_view what) {
    return fail(Errc::Malformed, "ICE candidate: " + std::string(what));
}

/// The pairs of words behind the type; unknown ones (raddr, generation, network-cost …) are
/// skipped.
void read_extensions(std::string_view rest, Candidate& candidate) {
    while (!rest.empty()) {
        const auto key = text::take_word(rest);
        const auto value = text::take_word(rest);
        if (key == "tcptype") candidate.tcp_type = value;
        if (key == "ufrag") candidate.ufrag = value;
    }
}

}  // namespace

Result<Candidate> parse_candidate(std::string_view line) {
    constexpr std::size_t kMaxLength = 1024;
    if (line.size() > kMaxLength) return malformed("longer than 1024 characters");
    if (line.starts_with("a=")) line.remove_prefix(2);
    if (!line.starts_with("candidate:")) return malformed("does not begin with \"candidate:\"");
    line.remove_prefix(10);

    Candidate candidate;
    candidate.foundation = text::take_word(line);
    const auto component = text::number<std::uint16_t>(text::take_word(line));
    const auto protocol = text::to_lower(text::take_word(line));
    const auto priority = text::number<std::uint32_t>(text::take_word(line));
    candidate.address = text::take_word(line);
    const auto port = text::number<std::uint16_t>(text::take_word(line));
    if (candidate.foundation.empty() || candidate.foundation.size() > 32) {
        return malformed("foundation");
    }
    if (!component || *component < 1 || *component > 256) return malformed("component");
    if (!priority) return malformed("priority");
    if (!port) return malformed("port");
    if (!is_ip_literal(candidate.address)) return malformed("the address is no IP literal");
    if (protocol != "udp" && protocol != "tcp") return malformed("transport");
    if (text::take_word(line) != "typ") return malformed("\"typ\" is missing");
    const auto type = parse_type(text::take_word(line));
    if (!type) return malformed("type");

    candidate.component = *component;
    candidate.protocol = protocol == "udp" ? Candidate::Protocol::Udp : Candidate::Protocol::Tcp;
    candidate.priority = *priority;
    candidate.port = *port;
    candidate.type = *type;
    read_extensions(line, candidate);
    return candidate;
}

std::string to_string(const Candidate& candidate) {
    std::string out =
        "candidate:" + candidate.foundation + " " + std::to_string(candidate.component) +
        (candidate.protocol == Candidate::Protocol::Udp ? " udp " : " tcp ") +
        std::to_string(candidate.priority) + " " + candidate.address + " " +
        std::to_string(candidate.port) + " typ " + std::string(type_word(candidate.type));
    if (!candidate.tcp_type.empty()) out += " tcptype " + candidate.tcp_type;
    if (!candidate.ufrag.empty()) out += " ufrag " + candidate.ufrag;
    return out;
}

}  // namespace aircheck::signal
