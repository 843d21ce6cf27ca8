#pragma once

#include "transport/ice.hpp"
#include "transport/test_network.hpp"

#include <string>
#include <vector>

namespace aircheck::transport::testing {

inline constexpr Nanoseconds kSecond = 1s;

inline const net::Endpoint kOurs{"10.0.0.1", 4000}, kTheirs{"10.0.0.2", 5000};
inline const net::Endpoint kOursV6{"2001:db8::1", 4001}, kTheirsV6{"2001:db8::2", 5001};

/// An agent, its node, and what a description would say of it.
struct Peer {
    Peer(TestNetwork& network, IceAgent::Config config, std::vector<net::Endpoint> udp)
        : node(network.add_node()), agent(config, node) {
        PathId path = 0;
        for (const auto& address : udp) {
            node.addresses[path] = address;
            agent.add_local_candidate(path++, address, network.now);
        }
        node.on_datagram = [this](PathId on, const net::Endpoint& from, BytesView b, Instant at) {
            if (!agent.on_stun(on, from, b, at)) ++ignored;
        };
        node.on_connected = [this](PathId on, const net::Endpoint& local, Instant at) {
            agent.on_tcp_connected(on, local, at);
        };
        node.on_closed = [this](PathId on, const std::string& reason, Instant at) {
            agent.on_tcp_closed(on, reason, at);
        };
        node.on_tick = [this](Instant at) { agent.on_tick(at); };
        node.deadline = [this](Instant) { return agent.next_deadline(); };
    }

    void learn(const Peer& other, IceMode mode, Instant now) {
        agent.set_remote(other.agent.local_credentials(), mode, now);
        for (const auto& candidate :
             other.offered.empty() ? other.agent.local_candidates() : other.offered) {
            agent.add_remote_candidate(candidate, now);
        }
    }

    TestNetwork::Node& node;
    IceAgent agent;
    std::vector<Candidate> offered;  // Instead of the agent's own.
    int ignored = 0;
};

inline IceAgent::Config config_of(IceRole role, IceMode mode = IceMode::Full) {
    IceAgent::Config config;
    config.role = role;
    config.mode = mode;
    return config;
}

/// The same times in every run: they are drawn from the tie-breaker.
inline IceAgent::Config steady_config_of(IceRole role) {
    IceAgent::Config config = config_of(role);
    config.tie_breaker = role == IceRole::Controlled ? 2 : 3;
    return config;
}

inline bool are_connected(const Peer& a, const Peer& b) {
    return a.agent.state() == IceState::Connected && b.agent.state() == IceState::Connected &&
           a.agent.selected() != nullptr && b.agent.selected() != nullptr &&
           a.agent.selected()->remote == b.agent.selected()->local;
}

}  // namespace aircheck::transport::testing
