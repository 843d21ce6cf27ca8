// The link's peer connection: how it is opened, and which ways it may take as networks change.
#include "net/socket.hpp"
#include "recorder/room_link.hpp"
#include "recorder/turn_servers.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

/// Where our media sockets may be bound: the address that reached the signal server, and the ones
/// of the default routes, for servers that take media elsewhere. Nothing is sent to find out.
std::vector<std::string> local_addresses(const std::string& towards_signal) {
    std::vector<std::string> addresses{towards_signal};
    for (const char* anywhere : {"192.0.2.1", "2001:db8::1"}) {
        const auto address = net::local_address_towards({anywhere, 9});
        if (!address) continue;
        const bool known =
            std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
        if (!known) addresses.push_back(*address);
    }
    return addresses;
}

}  // namespace

void RoomLink::open_connection(const std::vector<signal::IceServer>& ice_servers) {
    stage_ = "ice";
    retire_connection();
    transport::Connection::Options options;
    options.local_addresses = local_addresses(local_address_);
    options.use = options_.ice_transport;
    if (forces_relay_) options.use = transport::IceTransport::Relay;
    options.turn_servers = turn_servers(ice_servers);
    options.relay_access.ca_file = options_.access.ca_file;
    options.on_path_lost = [this](const std::string& words) { on_path_lost(words); };
    options.on_candidate = [this](const std::string& candidate) { trickle(candidate); };
    if (!options_.srtp_profiles.empty()) options.transport.srtp_profiles = options_.srtp_profiles;
    auto opened = transport::Connection::open(loop_, certificate_, std::move(options), *this);
    if (!opened) {
        on_media_failed(opened.error().to_string());
        return;
    }
    connection_ = std::move(*opened);
}

/// A candidate that was found after the answer. One found before the offer is in the answer too.
void RoomLink::trickle(const std::string& candidate) {
    const auto parsed = signal::parse_candidate(candidate);
    if (!parsed) return;
    session_.send_candidate(*parsed);
    process_events();
}

/// Told from inside the connection: handled a turn later.
void RoomLink::on_path_lost(const std::string& words) {
    path_lost_ = words;
    defer();
}

void RoomLink::on_address_change(const std::string& address, net::AddressWatch::Change change) {
    if (ended_) return;
    if (change == net::AddressWatch::Change::Lost) {
        if (connection_) connection_->drop_local_address(address);
        // Signalling's socket says nothing of it.
        if (address == local_address_) on_path_lost("the address " + address + " is gone");
    } else {
        session_.on_network_gained(monotonic_now());
    }
    process_events();
}

void RoomLink::retire_connection() {
    media_closed_at_.reset();
    if (!connection_) return;
    connection_->drain(monotonic_now());  // What lies in its sockets was said before.
    connection_->close();
    retired_connections_.push_back(std::move(connection_));
    stages_.clear();  // After it: what becomes of the old one is no news of the new one.
}

void RoomLink::log_connected() const {
    const auto pair = connection_->selected_pair();
    if (!pair) return;
    log_.info(
        "media.connected",
        {{"by",
          !pair->relay.empty() ? pair->relay
          : pair->tcp          ? "tcp"
                               : "udp"},
         {"server", pair->remote.to_string()},
         {"srtp", connection_->srtp_profile()}}
    );
}

void RoomLink::handle(signal::Resumed& event) {
    log_.info("room.resumed");
    if (connection_) {
        if (event.forces_relay || forces_relay_) connection_->use_relays_only();
        connection_->set_turn_servers(turn_servers(event.ice_servers));
        connection_->add_local_addresses(local_addresses(local_address_));
    }
    // Media that was lost as well comes back with the ICE restart, and says so itself.
    if (connection_ && connection_->stage() == transport::Stage::Connected) {
        session_.on_media_connected(monotonic_now());
        listener_.on_connected();
    }
}

}  // namespace aircheck::recorder
