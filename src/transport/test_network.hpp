#pragma once

// For tests only: a network in simulated time.

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "transport/wire.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace aircheck::transport::testing {

/// Delivers datagrams between nodes with delay, loss, reordering and duplication from a seed, and
/// TCP frames in order and without loss. A passive TCP address is a path of its node, like a UDP
/// one.
class TestNetwork {
public:
    struct Link {
        Nanoseconds delay = 5ms;
        Nanoseconds jitter{0};  ///< Added uniformly: reorders.
        double loss = 0;
        double duplicate = 0;
    };

    class Node final : public Wire {
    public:
        std::function<void(PathId, const net::Endpoint&, BytesView, Instant)> on_datagram;
        std::function<void(PathId, const net::Endpoint&, Instant)> on_connected;
        std::function<void(PathId, const std::string&, Instant)> on_closed;
        std::function<void(Instant)> on_tick;
        std::function<std::optional<Instant>(Instant)> deadline;

        void send(PathId path, const net::Endpoint& to, BytesView packet) override;
        void open_tcp(PathId path, const net::Endpoint& to) override;
        void close_tcp(PathId path) override { addresses.erase(path); }

        TestNetwork* network = nullptr;
        std::map<PathId, net::Endpoint> addresses;  ///< UDP's, and of opened TCP paths.
        std::uint64_t sent = 0;
        std::uint64_t tcp_opened = 0;
    };

    explicit TestNetwork(unsigned seed) : random_(seed) {}

    Node& add_node() {
        nodes_.push_back(std::make_unique<Node>());
        nodes_.back()->network = this;
        return *nodes_.back();
    }
    /// Runs events until `done` or for `limit`; true when done.
    bool run_until(const std::function<bool()>& done, Nanoseconds limit);
    void run_for(Nanoseconds time) {
        run_until([] { return false; }, time);
    }

    Link link;
    std::function<bool(const net::Endpoint& from, const net::Endpoint& to, BytesView)> drops;
    std::set<std::pair<std::string, std::uint16_t>> tcp_listeners;
    Instant now{1000s};

private:
    friend class Node;
    void schedule(Nanoseconds delay, std::function<void()> event) {
        events_.emplace(now + delay, std::move(event));
    }
    void deliver(const net::Endpoint& from, const net::Endpoint& to, const Bytes& packet);
    [[nodiscard]] double dice() { return std::uniform_real_distribution<>(0, 1)(random_); }

    std::vector<std::unique_ptr<Node>> nodes_;
    std::multimap<Instant, std::function<void()>> events_;
    std::mt19937 random_;
    std::uint16_t next_port_ = 50'000;
};

inline void TestNetwork::Node::send(PathId path, const net::Endpoint& to, BytesView packet) {
    ++sent;
    const auto local = addresses.find(path);
    if (local == addresses.end()) return;
    const auto from = local->second;
    if (network->drops && network->drops(from, to, packet)) return;
    Bytes copy(packet.begin(), packet.end());
    const bool is_tcp =
        path >= kFirstTcpPath || network->tcp_listeners.contains({from.address, from.port});
    const auto& link = network->link;
    if (!is_tcp && network->dice() < link.loss) return;
    const int copies = !is_tcp && network->dice() < link.duplicate ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        const auto jitter =
            is_tcp ? Nanoseconds{0}
                   : std::chrono::duration_cast<Nanoseconds>(link.jitter * network->dice());
        network->schedule(link.delay + jitter, [net = network, from, to, copy] {
            net->deliver(from, to, copy);
        });
    }
}

inline void TestNetwork::Node::open_tcp(PathId path, const net::Endpoint& to) {
    ++tcp_opened;
    const net::Endpoint local{addresses.begin()->second.address, network->next_port_++};
    const bool accepted = network->tcp_listeners.contains({to.address, to.port});
    network->schedule(network->link.delay * 2, [this, path, local, accepted] {
        if (accepted) {
            addresses[path] = local;
            on_connected(path, local, network->now);
        } else {
            on_closed(path, "connection refused", network->now);
        }
    });
}

inline void TestNetwork::deliver(
    const net::Endpoint& from, const net::Endpoint& to, const Bytes& packet
) {
    for (const auto& node : nodes_) {
        for (const auto& [path, local] : node->addresses) {
            if (local != to) continue;
            node->on_datagram(path, from, packet, now);
            return;
        }
    }
}

inline bool TestNetwork::run_until(const std::function<bool()>& done, Nanoseconds limit) {
    const auto end = now + limit;
    while (!done()) {
        Instant next = end;
        if (!events_.empty()) next = std::min(next, events_.begin()->first);
        for (const auto& node : nodes_) {
            if (const auto due = node->deadline(now)) next = std::min(next, *due);
        }
        // A deadline in the past still lets time pass, as a timer's granularity does.
        now = std::max(next, now + 10us);
        if (now >= end) {
            now = end;
            return done();
        }
        while (!events_.empty() && events_.begin()->first <= now) {
            const auto event = std::move(events_.begin()->second);
            events_.erase(events_.begin());
            event();
        }
        for (const auto& node : nodes_) {
            const auto due = node->deadline(now);
            if (due && *due <= now) node->on_tick(now);
        }
    }
    return true;
}

}  // namespace aircheck::transport::testing
