#include "net/address_watch.hpp"

#include "core/c_handle.hpp"
#include "core/log.hpp"
#include "net/address.hpp"
#include "net/loop_impl.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;
using InterfaceAddresses = CHandle<ifaddrs, freeifaddrs>;

/// The addresses of interfaces that are up.
std::set<std::string> usable_addresses() {
    std::set<std::string> found;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return found;
    const InterfaceAddresses list(first);
    for (const auto* entry = first; entry != nullptr; entry = entry->ifa_next) {
        const bool is_up =
            (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_RUNNING) != 0;
        if (!is_up || entry->ifa_addr == nullptr) continue;
        const auto family = entry->ifa_addr->sa_family;
        if (family == AF_INET || family == AF_INET6) found.insert(address_text(*entry->ifa_addr));
    }
    return found;
}

int open_netlink() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -1;
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
}

}  // namespace

/// What the watches of one loop share. What the kernel says is not read, only that it said
/// something: the addresses are looked up then, so that a message that was lost costs nothing.
struct AddressWatch::Source : std::enable_shared_from_this<AddressWatch::Source> {
    explicit Source(Loop& loop) : socket(loop.impl().context) {}

    static std::shared_ptr<Source> of(Loop& loop) {
        static thread_local std::map<Loop*, std::weak_ptr<Source>> sources;
        std::erase_if(sources, [](const auto& entry) { return entry.second.expired(); });
        if (auto known = sources[&loop].lock()) return known;
        auto made = std::make_shared<Source>(loop);
        made->open();
        sources[&loop] = made;
        return made;
    }

    void open() {
        const int fd = open_netlink();
        if (fd < 0) return log::debug("address_watch.unavailable");
        socket.assign(fd);
        addresses = usable_addresses();
        wait();
    }

    void wait() {
        socket.async_wait(
            asio::posix::stream_descriptor::wait_read,
            [weak = weak_from_this()](const auto& error) {
                const auto self = weak.lock();
                if (error || !self) return;
                self->drain();
                self->compare();
                self->wait();
            }
        );
    }

    void drain() {
        std::array<char, 8192> buffer;
        while (::recv(socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
        }
    }

    void compare() {
        const auto before = std::exchange(addresses, usable_addresses());
        const auto now = addresses;
        for (const auto& address : before) {
            if (!now.contains(address)) tell(address, Change::Lost);
        }
        for (const auto& address : now) {
            if (!before.contains(address)) tell(address, Change::Gained);
        }
    }

    void tell(const std::string& address, Change change) {
        const auto copy = handlers;  // Watches come and go in their handlers.
        for (const auto& weak : copy) {
            if (const auto handler = weak.lock()) (*handler)(address, change);
        }
        std::erase_if(handlers, [](const auto& weak) { return weak.expired(); });
    }

    asio::posix::stream_descriptor socket;
    std::set<std::string> addresses;
    std::vector<std::weak_ptr<Handler>> handlers;
};

AddressWatch::AddressWatch(Loop& loop, Handler handler)
    : source_(Source::of(loop)), handler_(std::make_shared<Handler>(std::move(handler))) {
    std::erase_if(source_->handlers, [](const auto& weak) { return weak.expired(); });
    source_->handlers.push_back(handler_);
}

AddressWatch::~AddressWatch() = default;

}  // namespace aircheck::net
