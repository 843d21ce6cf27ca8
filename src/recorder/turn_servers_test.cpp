#include "recorder/turn_servers.hpp"

#include <gmock/gmock.h>

namespace aircheck::recorder {
namespace {

using testing::ElementsAre;

std::vector<std::string> urls_of(const std::vector<signal::IceServer>& servers) {
    std::vector<std::string> urls;
    for (const auto& server : turn_servers(servers)) {
        urls.push_back(server.username + " " + server.to_string());
    }
    return urls;
}

TEST(TurnServers, EachUrlHasItsEntrysCredentialsAndTheUselessAreLeftOut) {
    EXPECT_THAT(
        urls_of(
            {{{"stun:stun.example:3478"}, "", ""},
             {{"turn:192.0.2.1:3478?transport=udp", "turns:relay.example:443?transport=tcp"},
              "ann",
              "x"},
             {{"turn:192.0.2.1:3478?transport=udp", "nonsense", "turns:a?transport=udp"},
              "bob",
              "y"}}
        ),
        ElementsAre(
            "ann turn:192.0.2.1:3478?transport=udp",
            "ann turns:relay.example:443?transport=tcp",
            "bob turn:192.0.2.1:3478?transport=udp"
        )
    );
}

TEST(TurnServers, AreBoundedAndNotDoubled) {
    std::vector<signal::IceServer> servers(2, {{"turn:192.0.2.1"}, "ann", "x"});
    EXPECT_EQ(turn_servers(servers).size(), 1u);
    for (int i = 0; i < 1000; ++i) {
        servers.push_back({{"turn:relay" + std::to_string(i) + ".example"}, "ann", "x"});
    }
    EXPECT_EQ(turn_servers(servers).size(), 32u);
}

}  // namespace
}  // namespace aircheck::recorder
