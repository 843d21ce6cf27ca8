#include "net/address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace aircheck::net {
namespace {

sockaddr_storage parsed(const std::string& text) {
    sockaddr_storage out{};
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
    if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
        out.ss_family = AF_INET;
    } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
        out.ss_family = AF_INET6;
    }
    return out;
}

TEST(Address, JudgesWhatIsPublic) {
    struct Row {
        const char* text;
        bool is_public;
    };
    const Row rows[] = {
        {"1.1.1.1", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"0.0.0.0", false},
        {"127.0.0.1", false},
        {"127.255.255.254", false},
        {"100.63.255.255", true},
        {"100.64.0.1", false},
        {"100.100.100.200", false},  // Alibaba's metadata.
        {"100.128.0.0", true},
        {"168.63.129.16", false},  // Azure's platform.
        {"168.63.129.17", true},
        {"169.254.169.254", false},
        {"169.254.170.2", false},
        {"169.255.0.1", true},
        {"172.15.255.255", true},
        {"172.16.0.1", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"192.0.0.192", false},  // Oracle's metadata.
        {"192.167.1.1", true},
        {"192.168.0.1", false},
        {"198.17.0.1", true},
        {"198.18.0.1", false},
        {"198.20.0.1", true},
        {"203.0.113.7", false},
        {"223.255.255.255", true},
        {"224.0.0.1", false},
        {"239.1.2.3", false},
        {"240.0.0.1", false},
        {"255.255.255.255", false},
        {"2606:4700:4700::1111", true},
        {"2a00:1450:4001::1", true},
        {"::", false},
        {"::1", false},
        {"::127.0.0.1", false},
        {"::ffff:127.0.0.1", false},
        {"::ffff:1.1.1.1", true},
        {"64:ff9b::a9fe:a9fe", false},  // NAT64 of 169.254.169.254.
        {"64:ff9b::101:101", true},
        {"64:ff9b:1::1", false},
        {"2002:a00:1::1", false},  // 6to4 of 10.0.0.1.
        {"2002:101:101::1", true},
        {"2001:0:1:2::3", false},  // Teredo.
        {"2001:db8::1", false},
        {"2001:4860:4860::8888", true},
        {"fc00::1", false},
        {"fd00:ec2::254", false},  // AWS's metadata.
        {"fe80::1", false},
        {"fec0::1", false},
        {"ff02::1", false},
        {"100::1", false},
    };
    for (const auto& row : rows) {
        const auto address = parsed(row.text);
        ASSERT_NE(address.ss_family, AF_UNSPEC) << row.text;
        EXPECT_EQ(is_public_address(reinterpret_cast<const sockaddr&>(address)), row.is_public)
            << row.text;
        EXPECT_EQ(address_text(reinterpret_cast<const sockaddr&>(address)), row.text);
    }
    const sockaddr_storage none{};
    EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(none)));
    EXPECT_TRUE(is_forbidden_address(reinterpret_cast<const sockaddr&>(none)));
}

TEST(Address, KnowsWhatNothingOpens) {
    struct Row {
        const char* text;
        bool is_forbidden;
    };
    const Row rows[] = {
        {"127.0.0.1", false},
        {"10.0.0.1", false},
        {"172.16.0.1", false},
        {"192.168.0.1", false},
        {"100.64.0.1", false},
        {"198.18.0.1", false},
        {"1.1.1.1", false},
        {"0.0.0.0", true},
        {"0.1.2.3", true},
        {"100.100.100.200", true},  // Alibaba's metadata.
        {"100.100.100.201", false},
        {"168.63.129.16", true},  // Azure's platform.
        {"169.253.255.255", false},
        {"169.254.0.1", true},
        {"169.254.169.254", true},
        {"169.255.0.0", false},
        {"192.0.0.192", true},  // Oracle's metadata.
        {"223.255.255.255", false},
        {"224.0.0.1", true},
        {"255.255.255.255", true},
        {"::1", false},
        {"fc00::1", false},
        {"fd12:3456::1", false},
        {"fec0::1", false},
        {"::ffff:10.0.0.1", false},
        {"::", true},
        {"::169.254.169.254", true},
        {"::ffff:169.254.169.254", true},
        {"64:ff9b::a9fe:a9fe", true},
        {"64:ff9b::a00:1", false},
        {"64:ff9b:1::a9fe:a9fe", true},  // Local NAT64: where the IPv4 one lies is not known.
        {"2002:a9fe:a9fe::1", true},
        {"2001:0:1:2::3", true},  // Teredo.
        {"fd00:ec2::254", true},  // AWS's metadata,
        {"fd20:ce::254", true},   // Google's.
        {"fe80::1", true},
        {"febf::1", true},
        {"ff02::1", true},
    };
    for (const auto& row : rows) {
        const auto address = parsed(row.text);
        ASSERT_NE(address.ss_family, AF_UNSPEC) << row.text;
        EXPECT_EQ(
            is_forbidden_address(reinterpret_cast<const sockaddr&>(address)), row.is_forbidden
        ) << row.text;
    }
}

TEST(Address, FindsItselfInAListOfNetworks) {
    struct Row {
        const char* entry;
        const char* address;
        const char* host;
        bool expected;
    };
    const Row rows[] = {
        {"10.0.0.1", "10.0.0.1", "a", true},
        {"10.0.0.1", "10.0.0.2", "a", false},
        {"10.0.0.0/8", "10.255.255.255", "a", true},
        {"10.0.0.0/8", "11.0.0.0", "a", false},
        {"10.9.9.9/8", "10.0.0.1", "a", true},  // Bits beyond the prefix have no meaning.
        {"172.16.0.0/12", "172.31.255.255", "a", true},
        {"172.16.0.0/12", "172.32.0.0", "a", false},
        {"192.168.1.4/31", "192.168.1.5", "a", true},
        {"192.168.1.4/31", "192.168.1.6", "a", false},
        {"192.168.1.4/32", "192.168.1.5", "a", false},
        {"0.0.0.0/0", "192.168.1.5", "a", true},
        {"0.0.0.0/0", "fd00::1", "a", false},
        {"::/0", "192.168.1.5", "a", false},
        {"fd00::1", "fd00::1", "a", true},
        {"fd00:0:0::1", "fd00::1", "a", true},
        {"fd00::/8", "fdff::1", "a", true},
        {"fd00::/8", "fc00::1", "a", false},
        {"fd00::/127", "fd00::1", "a", true},
        {"fd00::/127", "fd00::2", "a", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", "a", true},  // Mapped: the same machine.
        {"::ffff:10.0.0.0/104", "10.1.2.3", "a", true},
        {"::ffff:10.0.0.0/104", "11.1.2.3", "a", false},
        {"::ffff:10.0.0.0/8", "10.0.0.0", "a", false},
        {"10.0.0.0/33", "10.0.0.0", "a", false},
        {"10.0.0.0/", "10.0.0.0", "a", false},
        {"10.0.0.0/8x", "10.0.0.0", "a", false},
        {"10.0.0.0/-1", "10.0.0.0", "a", false},
        {"fd00::/129", "fd00::", "a", false},
        {"", "10.0.0.0", "", false},
        {"minio.inside", "10.0.0.1", "minio.inside", true},
        {"Minio.Inside", "10.0.0.1", "minio.inside", true},
        {"minio.inside", "10.0.0.1", "minio.inside.evil", false},
        {"minio.inside", "10.0.0.1", "x.minio.inside", false},
        {"minio.inside", "10.0.0.1", "", false},
    };
    for (const auto& row : rows) {
        const auto address = parsed(row.address);
        const auto& judged = reinterpret_cast<const sockaddr&>(address);
        EXPECT_EQ(is_listed({row.entry}, judged, row.host), row.expected)
            << row.entry << " " << row.address << " " << row.host;
        EXPECT_EQ(is_listed({"198.18.0.0/15", row.entry}, judged, row.host), row.expected)
            << row.entry;
    }
    const auto address = parsed("10.0.0.1");
    EXPECT_FALSE(is_listed({}, reinterpret_cast<const sockaddr&>(address), "10.0.0.1"));
}

}  // namespace
}  // namespace aircheck::net
