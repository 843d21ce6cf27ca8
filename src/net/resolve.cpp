#include "core/c_handle.hpp"
#include "net/address.hpp"
#include "net/loop_impl.hpp"
#include "net/socket.hpp"
#include "net/thread_name.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

namespace aircheck::net {
namespace {

using Addresses = std::vector<std::string>;
using AddressList = CHandle<addrinfo, freeaddrinfo>;

Result<Addresses> look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    const AddressList list(found);
    if (error != 0) {
        const auto why = error == EAI_SYSTEM ? std::generic_category().message(errno)
                                             : std::string(gai_strerror(error));
        const auto code = error == EAI_AGAIN ? Errc::Unavailable : Errc::NotFound;
        return fail(code, host + ": " + why);
    }
    Addresses out;
    for (const auto* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
        auto text = address_text(*entry->ai_addr);
        if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
    }
    return out;
}

}  // namespace

void resolve(
    Loop& loop,
    const std::string& host,
    std::function<void(Result<std::vector<std::string>>)> handler
) {
    if (to_socket_address({host, 0})) {
        loop.post([host, handler = std::move(handler)] { handler(Addresses{host}); });
        return;
    }
    // getaddrinfo() can't be interrupted: the thread is left alone, and finds the loop gone if it
    // is.
    auto work = [gate = loop.impl().gate, host, handler]() mutable {
        name_this_thread("resolve");
        auto result = look_up(host);
        auto task = [handler = std::move(handler), result = std::move(result)]() mutable {
            handler(std::move(result));
        };
        handler = nullptr;
        gate->post(std::move(task));
    };
    try {
        std::thread(std::move(work)).detach();
    } catch (const std::system_error& error) {
        loop.post([why = host + ": no thread to resolve on: " + error.what(), handler] {
            handler(fail(Errc::Unavailable, why));
        });
    }
}

Result<std::string> local_address_towards(const Endpoint& remote) {
    const auto name = "route to " + remote.to_string();
    auto address = to_socket_address(remote);
    if (!address) return fail(Errc::InvalidArgument, name + ": not a numeric address");
    // Connecting to port 0 fails on some systems; the port does not matter.
    if (remote.port == 0) address = to_socket_address({remote.address, 9});
    const int fd = ::socket(address->get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail_errno(errno, name);
    const int connected = ::connect(fd, address->get(), address->size);
    const int error = errno;
    const auto local = local_endpoint(fd);
    ::close(fd);
    if (connected != 0) return fail_errno(error, name);
    return local.address;
}

}  // namespace aircheck::net
