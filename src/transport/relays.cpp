#include "transport/relays.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::transport {
namespace {

constexpr std::size_t kMaxServers = 4;
/// Of a connection: those of the search before are kept until the new one has an end.
constexpr std::size_t kMaxRelays = 12;

int rank_of(const TurnServer& server) { return static_cast<int>(server.transport); }

/// The first of each transport, then the second of each, and so on: which of them is let through
/// is not known.
std::vector<TurnServer> best_of(std::vector<TurnServer> servers) {
    std::vector<std::pair<int, TurnServer>> turns;
    std::array<int, 3> seen{};
    for (auto& server : servers) {
        const int nth = seen.at(static_cast<std::size_t>(server.transport))++;
        turns.emplace_back(nth * 3 + rank_of(server), std::move(server));
    }
    std::stable_sort(turns.begin(), turns.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    if (turns.size() > kMaxServers) turns.resize(kMaxServers);
    servers.clear();
    for (auto& [turn, server] : turns) servers.push_back(std::move(server));
    return servers;
}

}  // namespace

Relays::Relays(net::Loop& loop, RelayAccess access, Handlers handlers)
    : loop_(loop), access_(std::move(access)), handlers_(std::move(handlers)) {}

void Relays::set_servers(std::vector<TurnServer> servers) {
    servers_ = best_of(std::move(servers));
}

void Relays::open() {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (relays_.size() >= kMaxRelays) return;
        if (next_path_ >= kFirstTcpPath) next_path_ = kFirstRelayPath;
        while (relays_.contains(next_path_)) ++next_path_;
        const PathId path = next_path_++;
        failures_.erase(servers_[i].to_string());
        Relay::Handlers on;
        on.changed = [this, path] { on_changed(path); };
        on.packet = [this, path](const net::Endpoint& peer, BytesView packet, Instant arrival) {
            handlers_.packet(path, peer, packet, arrival);
        };
        Entry entry;
        entry.relay = std::make_unique<Relay>(loop_, servers_[i], access_, std::move(on));
        entry.preference =
            static_cast<std::uint16_t>(60'000 - 10'000 * rank_of(servers_[i]) - 256 * int(i));
        if (is_polled_) entry.relay->set_polled();
        relays_.emplace(path, std::move(entry));
    }
    handlers_.woken();
}

void Relays::on_changed(PathId path) {
    const auto found = relays_.find(path);
    if (found == relays_.end()) return;
    auto& [relay, preference, is_ready] = found->second;
    if (relay->state() == TurnClient::State::Ready && !is_ready) {
        is_ready = true;
        log::debug(
            "relay.ready",
            {{"server", relay->server().to_string()}, {"relayed", relay->relayed().to_string()}}
        );
        const auto relayed = relay->relayed();
        handlers_.ready(path, relayed, preference);
    } else if (relay->state() == TurnClient::State::Ready && relay->is_expiring()) {
        log::info("relay.expiring", {{"server", relay->server().to_string()}});
        handlers_.expiring(path);
    } else if (relay->state() == TurnClient::State::Failed) {
        log::info("relay.failed", {{"why", relay->failure()}});
        failures_[relay->server().to_string()] = relay->failure();
        retired_.push_back(std::move(relay));
        relays_.erase(found);
        handlers_.lost(path);
    }
    handlers_.woken();
}

std::vector<PathId> Relays::expiring() const {
    std::vector<PathId> paths;
    for (const auto& [path, entry] : relays_) {
        if (entry.is_ready && entry.relay->is_expiring()) paths.push_back(path);
    }
    return paths;
}

void Relays::release_but(PathId keep, Instant now) {
    for (auto it = relays_.begin(); it != relays_.end();) {
        if (it->first == keep) {
            ++it;
            continue;
        }
        const auto path = it->first;
        it->second.relay->close(now);
        retired_.push_back(std::move(it->second.relay));
        it = relays_.erase(it);
        handlers_.lost(path);
    }
}

void Relays::close(Instant now) {
    for (auto& [path, entry] : relays_) {
        entry.relay->close(now);
        retired_.push_back(std::move(entry.relay));
    }
    relays_.clear();
}

void Relays::send(PathId path, const net::Endpoint& to, BytesView packet) {
    const auto found = relays_.find(path);
    if (found != relays_.end()) found->second.relay->send(to, packet, monotonic_now());
}

std::string Relays::name_of(PathId path) const {
    const auto found = relays_.find(path);
    return found == relays_.end() ? "" : found->second.relay->server().to_string();
}

std::string Relays::words() const {
    std::string text;
    for (const auto& [server, why] : failures_) text += (text.empty() ? "" : "; ") + why;
    for (const auto& [path, entry] : relays_) {
        if (entry.is_ready) continue;
        text += (text.empty() ? "relay " : "; relay ") + entry.relay->server().to_string() +
                " has not answered";
    }
    return text.substr(0, 600);
}

void Relays::set_polled() {
    is_polled_ = true;
    for (auto& [path, entry] : relays_) entry.relay->set_polled();
}

std::size_t Relays::drain() {
    std::size_t count = 0;
    for (auto& [path, entry] : relays_) count += entry.relay->drain();
    return count;
}

void Relays::tick(Instant now) {
    retired_.clear();
    std::vector<PathId> paths;
    for (const auto& [path, entry] : relays_) paths.push_back(path);
    for (const auto path : paths) {
        const auto found = relays_.find(path);
        if (found != relays_.end()) found->second.relay->tick(now);
    }
}

std::optional<Instant> Relays::next_deadline() const {
    std::optional<Instant> due;
    for (const auto& [path, entry] : relays_) {
        const auto at = entry.relay->next_deadline();
        if (at) due = due ? std::min(*due, *at) : *at;
    }
    return due;
}

}  // namespace aircheck::transport
