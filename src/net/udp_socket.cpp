#include "net/address.hpp"
#include "net/loop_impl.hpp"
#include "net/socket.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace aircheck::net {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kBatch = 64;
/// Media packets keep below an Ethernet frame; what is longer is dropped.
constexpr std::size_t kMaxDatagram = 2048;
/// One drain() hands over at most this many batches: a flood must not hold up the thread's others.
constexpr int kMaxBatches = 64;
/// A second of many tracks; the system may allow less (net.core.rmem_max).
constexpr int kReceiveBuffer = 4 * 1024 * 1024;

/// What one recvmmsg() fills. 150 KiB, so one a thread, not one a socket.
struct Batch {
    struct Slot {
        std::array<std::uint8_t, kMaxDatagram> bytes;
        alignas(cmsghdr) std::array<std::uint8_t, 64> control;
        sockaddr_storage from;
        iovec part;
    };
    std::array<Slot, kBatch> slots;
    std::array<mmsghdr, kBatch> headers;
    std::size_t filled =
        kBatch;  ///< Headers to be set up: the kernel has written to them, or nobody has.
    bool in_use = false;

    /// The number of datagrams received, without waiting; 0 when there are none.
    std::size_t receive(int fd) {
        for (std::size_t i = 0; i < filled; ++i) {
            auto& slot = slots[i];
            slot.part = {slot.bytes.data(), slot.bytes.size()};
            auto& header = headers[i].msg_hdr;
            header = {};
            header.msg_name = &slot.from;
            header.msg_namelen = sizeof slot.from;
            header.msg_iov = &slot.part;
            header.msg_iovlen = 1;
            header.msg_control = slot.control.data();
            header.msg_controllen = slot.control.size();
        }
        const int count = recvmmsg(fd, headers.data(), kBatch, MSG_DONTWAIT, nullptr);
        filled = count > 0 ? static_cast<std::size_t>(count) : 0;
        return filled;
    }
};

/// The thread's batch, or a fresh one when a handler drains another socket meanwhile.
class BatchLease {
public:
    BatchLease() {
        static thread_local std::unique_ptr<Batch> shared;
        if (!shared) shared = std::make_unique<Batch>();
        if (shared->in_use) own_ = std::make_unique<Batch>();
        batch_ = own_ ? own_.get() : shared.get();
        batch_->in_use = true;
    }
    ~BatchLease() { batch_->in_use = false; }
    BatchLease(const BatchLease&) = delete;
    BatchLease& operator=(const BatchLease&) = delete;
    Batch& operator*() { return *batch_; }

private:
    std::unique_ptr<Batch> own_;
    Batch* batch_;
};

/// The kernel's arrival time (CLOCK_REALTIME), when the datagram has one.
std::optional<WallTime> kernel_time(msghdr& header) {
    for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec ts{};
        std::memcpy(&ts, CMSG_DATA(c), sizeof ts);
        return WallTime(std::chrono::seconds(ts.tv_sec) + Nanoseconds(ts.tv_nsec));
    }
    return std::nullopt;
}

/// Both clocks at one moment.
struct ClockPair {
    Instant monotonic;
    WallTime wall;

    static ClockPair read() {
        const auto before = monotonic_now();
        const auto wall = wall_now();
        return {before + (monotonic_now() - before) / 2, wall};
    }
    /// The monotonic time of `wall`, never in the future.
    [[nodiscard]] Instant convert(WallTime time) const {
        return std::min(monotonic, monotonic + (time - wall));
    }
};

bool same_address(const sockaddr_storage& a, const sockaddr_storage& b) {
    if (a.ss_family != b.ss_family) return false;
    return std::memcmp(&a, &b, a.ss_family == AF_INET ? 8 : sizeof(sockaddr_in6)) == 0;
}

}  // namespace

struct UdpSocket::Impl : std::enable_shared_from_this<UdpSocket::Impl> {
    Impl(Loop& loop, int socket) : context(loop.impl().context), fd(socket) {}
    ~Impl() { close(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void close() {
        stop_waiting();
        if (fd >= 0) ::close(fd);
        fd = -1;
    }

    void wait() {
        watch->async_wait(
            asio::posix::stream_descriptor::wait_read,
            [self = shared_from_this(), at = watch_generation](const auto& error) {
                if (error || self->fd < 0 || self->watch_generation != at) return;
                const auto run = self->readable;  // The handler may replace itself.
                run();
                if (self->fd >= 0 && self->watch_generation == at) self->wait();
            }
        );
    }

    void stop_waiting() {
        ++watch_generation;
        readable = nullptr;
        // Takes the socket out of the reactor, so that a recording that is drained by its tick does
        // not wake the thread for each packet; `fd` stays open.
        if (watch) static_cast<void>(watch->release());
        watch.reset();
    }

    const Endpoint& endpoint_of(const sockaddr_storage& from) {
        if (!same_address(from, last_from)) {
            last_from = from;
            last_endpoint = to_endpoint(reinterpret_cast<const sockaddr&>(from));
        }
        return last_endpoint;
    }

    asio::io_context& context;
    int fd;
    std::optional<asio::posix::stream_descriptor> watch;
    std::uint64_t watch_generation = 0;
    std::function<void()> readable;
    /// When the socket was last seen empty: nothing that comes later arrived before. Keeps a step
    /// of the calendar clock between arrival and drain from moving arrivals far into the past.
    Instant emptied_at = monotonic_now();
    sockaddr_storage last_from{};
    Endpoint last_endpoint;
    Endpoint last_to;
    std::optional<SocketAddress> last_to_address;
};

Result<std::unique_ptr<UdpSocket>> UdpSocket::open(Loop& loop, const Endpoint& local) {
    const auto name = "UDP " + local.to_string();
    const auto address = to_socket_address(local);
    if (!address) return fail(Errc::InvalidArgument, name + ": not a numeric address");
    const int family = address->get()->sa_family;
    const int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail_errno(errno, name);
    auto impl = std::make_shared<Impl>(loop, fd);
    const int on = 1;
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    }
    if (::bind(fd, address->get(), address->size) != 0) return fail_errno(errno, name);
    return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(impl)));
}

UdpSocket::UdpSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

UdpSocket::~UdpSocket() { impl_->close(); }

Endpoint UdpSocket::local() const { return local_endpoint(impl_->fd); }

void UdpSocket::send(BytesView bytes, const Endpoint& to) {
    auto& impl = *impl_;
    if (!impl.last_to_address || impl.last_to != to) {
        impl.last_to_address = to_socket_address(to);
        impl.last_to = to;
    }
    if (!impl.last_to_address) return;
    const auto& address = *impl.last_to_address;
    // What sendto() says is not looked at: the peers' retransmissions care for lost datagrams.
    static_cast<void>(::sendto(
        impl.fd,
        bytes.data(),
        bytes.size(),
        MSG_DONTWAIT | MSG_NOSIGNAL,
        address.get(),
        address.size
    ));
}

std::size_t UdpSocket::drain(const OnDatagram& handler) {
    const auto impl = impl_;  // The handler may destroy this socket.
    BatchLease lease;
    Batch& batch = *lease;
    std::size_t total = 0;
    for (int round = 0; round < kMaxBatches && impl->fd >= 0; ++round) {
        const auto count = batch.receive(impl->fd);
        // For each batch: handlers take time, and what comes meanwhile did not come before them.
        const auto clocks = ClockPair::read();
        for (std::size_t i = 0; i < count && impl->fd >= 0; ++i) {
            auto& header = batch.headers[i];
            if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
            const auto stamped = kernel_time(header.msg_hdr);
            const auto arrival = stamped ? clocks.convert(*stamped) : clocks.monotonic;
            ++total;
            handler(
                BytesView(batch.slots[i].bytes.data(), header.msg_len),
                impl->endpoint_of(batch.slots[i].from),
                std::max(arrival, impl->emptied_at)
            );
        }
        if (count < kBatch) {
            impl->emptied_at = clocks.monotonic;
            break;
        }
    }
    return total;
}

void UdpSocket::on_readable(std::function<void()> handler) {
    auto& impl = *impl_;
    impl.stop_waiting();
    if (!handler) return;
    impl.readable = std::move(handler);
    impl.watch.emplace(impl.context, impl.fd);
    impl.wait();
}

}  // namespace aircheck::net
