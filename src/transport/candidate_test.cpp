#include "transport/candidate.hpp"

#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

TEST(Candidate, ReadsWhatLiveKitOffers) {
    const auto udp = parse_candidate(
        "candidate:3720532451 1 udp 2130706431 192.168.1.7 50012 typ host ufrag abcdEFGH"
    );
    ASSERT_TRUE(udp) << udp.error().to_string();
    EXPECT_EQ(udp->protocol, Protocol::Udp);
    EXPECT_EQ(udp->type, CandidateType::Host);
    EXPECT_EQ(udp->priority, 2130706431u);
    EXPECT_EQ(udp->endpoint, (net::Endpoint{"192.168.1.7", 50012}));

    const auto tcp = parse_candidate(
        "a=candidate:1 1 TCP 1671430143 2001:0db8::0001 7881 typ host tcptype passive\r\n"
    );
    ASSERT_TRUE(tcp) << tcp.error().to_string();
    EXPECT_EQ(tcp->protocol, Protocol::Tcp);
    EXPECT_EQ(tcp->endpoint, (net::Endpoint{"2001:db8::1", 7881}));

    const auto reflexive = parse_candidate(
        "2 1 UDP 1694498815 198.51.100.9 3478 typ srflx raddr 10.0.0.1 rport 9 generation 0"
    );
    ASSERT_TRUE(reflexive);
    EXPECT_EQ(reflexive->type, CandidateType::ServerReflexive);
}

TEST(Candidate, WritesWhatItReads) {
    const std::string text = "candidate:7 1 udp 2130706431 192.0.2.1 5000 typ host";
    EXPECT_EQ(to_string(parse_candidate(text).value()), text);
}

struct Row {
    std::string_view name, text;
    Errc expected;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class CandidateRefused : public testing::TestWithParam<Row> {};

TEST_P(CandidateRefused, ForItsReason) {
    const auto candidate = parse_candidate(GetParam().text);
    ASSERT_FALSE(candidate);
    EXPECT_EQ(candidate.error().code, make_error_code(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    CandidateRefused,
    testing::Values(
        Row{"Empty", "", Errc::Malformed},
        Row{"EndOfCandidates", "candidate:", Errc::Malformed},
        Row{"TooShort", "candidate:1 1 udp 1 192.0.2.1 5000 typ", Errc::Malformed},
        Row{"PortTooLarge", "candidate:1 1 udp 1 192.0.2.1 65536 typ host", Errc::Malformed},
        Row{"NegativePriority", "candidate:1 1 udp -1 192.0.2.1 5 typ host", Errc::Malformed},
        Row{"SecondComponent", "candidate:1 2 udp 1 192.0.2.1 5 typ host", Errc::Unsupported},
        Row{"Mdns", "candidate:1 1 udp 1 4f1c.local 5000 typ host", Errc::Unsupported},
        Row{"TcpActive", "1 1 tcp 1 192.0.2.1 9 typ host tcptype active", Errc::Unsupported},
        Row{"TcpUntyped", "candidate:1 1 tcp 1 192.0.2.1 9 typ host", Errc::Unsupported},
        Row{"Sctp", "candidate:1 1 sctp 1 192.0.2.1 9 typ host", Errc::Unsupported},
        Row{"UnknownType", "candidate:1 1 udp 1 192.0.2.1 9 typ other", Errc::Unsupported},
        Row{"Unspecified", "candidate:1 1 udp 1 0.0.0.0 9 typ host", Errc::Unsupported},
        Row{"LinkLocal", "candidate:1 1 udp 1 fe80::1 9 typ host", Errc::Unsupported},
        Row{"Zoned", "candidate:1 1 udp 1 fe80::1%eth0 9 typ host", Errc::Unsupported},
        Row{"PortZero", "candidate:1 1 udp 1 192.0.2.1 0 typ host", Errc::Unsupported}
    ),
    [](const auto& row) { return std::string(row.param.name); }
);

TEST(Candidate, PriorityFollowsTheFormula) {
    // RFC 8445 §5.1.2.1: 2^24 * 126 + 2^8 * 65535 + 255 for a lone host candidate.
    EXPECT_EQ(candidate_priority(CandidateType::Host, 65535), 2130706431u);
    EXPECT_EQ(candidate_priority(CandidateType::ServerReflexive, 65535), 1694498815u);
}

TEST(Candidate, AddressesBecomeCanonical) {
    EXPECT_EQ(canonical_address("::ffff:192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(canonical_address("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
    EXPECT_EQ(canonical_address("example.org"), "");
    EXPECT_EQ(canonical_address(std::string(200, '1')), "");
}

}  // namespace
}  // namespace aircheck::transport
