#include "net/proxy_url.hpp"

#include <gtest/gtest.h>

namespace aircheck::net {
namespace {

TEST(ProxyFor, HostsOfNoProxyAndThisMachineAreReachedDirectly) {
    struct Row {
        std::string host, no_proxy, expected;
    };
    const std::string proxy = "http://proxy.example:3128";
    const std::vector<Row> rows{
        {"lk.example", "", proxy},
        {"lk.example", "other.example, k.example", proxy},
        {"lk.example", "other.example,lk.example", ""},
        {"a.lk.example", "lk.example", ""},
        {"a.lk.example", ".lk.example", ""},
        {"lk.example", ".lk.example", ""},
        {"lk.example", "*", ""},
        {"192.0.2.1", "192.0.2.1", ""},
        {"localhost", "", ""},
        {"a.localhost", "", ""},
        {"127.0.0.1", "", ""},
        {"127.example", "", proxy},
        {"::1", "", ""}};
    for (const auto& row : rows) {
        EXPECT_EQ(proxy_for(row.host, proxy, row.no_proxy), row.expected)
            << row.host << " but " << row.no_proxy;
    }
    EXPECT_EQ(proxy_for("lk.example", "", ""), "");
    EXPECT_EQ(proxy_for("lk.example", "proxy.example:3128", ""), proxy);
}

}  // namespace
}  // namespace aircheck::net
