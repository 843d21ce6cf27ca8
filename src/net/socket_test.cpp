#include "net/socket.hpp"

#include "tests/support/loopback.hpp"

#include "net/loop.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace aircheck::net {
namespace {

/// Runs `loop` until stop(), and fails the test after 20 s.
void run_limited(Loop& loop) {
    Timer limit(loop);
    limit.after(60s, [&] {
        ADD_FAILURE() << "nothing happened for 20 s";
        loop.stop();
    });
    loop.run("test");
}

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Endpoint, WritesBracketsAroundIpv6) {
    EXPECT_EQ((Endpoint{"127.0.0.1", 80}.to_string()), "127.0.0.1:80");
    EXPECT_EQ((Endpoint{"::1", 7880}.to_string()), "[::1]:7880");
}

struct UdpPair : testing::Test {
    Loop loop;
    std::unique_ptr<UdpSocket> a = UdpSocket::open(loop, {"127.0.0.1", 0}).value();
    std::unique_ptr<UdpSocket> b = UdpSocket::open(loop, {"127.0.0.1", 0}).value();

    void pass_20ms() {
        Timer later(loop);
        later.after(20ms, [&] { loop.stop(); });
        run_limited(loop);
    }
    /// The system begins to stamp a moment after its first socket asked for it; until then it gives
    /// the time of reading.
    bool kernel_stamps() {
        for (int attempt = 0; attempt < 500; ++attempt) {
            a->send(Bytes(1, 0), b->local());
            pass_20ms();
            bool early = false;
            const auto now = monotonic_now();
            b->drain([&](BytesView, const Endpoint&, Instant arrival) {
                early = arrival < now - 10ms;
            });
            if (early) return true;
        }
        return false;
    }
};

TEST_F(UdpPair, DrainsMoreThanOneBatchInOrderWithSenderAndArrival) {
    ASSERT_TRUE(kernel_stamps());
    const auto before = monotonic_now();
    for (unsigned i = 0; i < 150; ++i) {
        a->send(Bytes(1 + i % 7, static_cast<std::uint8_t>(i)), b->local());
    }
    const auto after = monotonic_now();
    pass_20ms();
    unsigned next = 0;
    Instant last = before;
    // Datagrams over loopback are in the receiver's queue when sendto() returns.
    const auto count = b->drain([&](BytesView bytes, const Endpoint& from, Instant arrival) {
        ASSERT_EQ(bytes.size(), 1 + next % 7);
        EXPECT_EQ(bytes[0], next);
        EXPECT_EQ(from, a->local());
        // The kernel's stamps, not the time of draining; a microsecond for the clocks' conversion.
        EXPECT_GE(arrival, last - 1us);
        EXPECT_LE(arrival, after + 1ms);
        last = arrival;
        ++next;
    });
    EXPECT_EQ(count, 150u);
    EXPECT_EQ(next, 150u);
    EXPECT_EQ(b->drain([](BytesView, const Endpoint&, Instant) { FAIL(); }), 0u);
}

// A thread that is behind drains for long; what comes meanwhile must not seem to have come before.
TEST_F(UdpPair, WhatComesDuringADrainHasItsOwnArrival) {
    ASSERT_TRUE(kernel_stamps());
    for (unsigned i = 0; i < 64; ++i) a->send(Bytes(1, 0), b->local());  // one whole batch
    std::optional<Instant> sent;
    std::optional<Instant> arrived;
    b->drain([&](BytesView bytes, const Endpoint&, Instant arrival) {
        if (bytes[0] == 1) arrived = arrival;
        if (sent) return;
        pass_20ms();
        sent = monotonic_now();
        a->send(Bytes(1, 1), b->local());
    });
    ASSERT_TRUE(sent && arrived);
    EXPECT_GE(*arrived, *sent - 1ms);
}

TEST_F(UdpPair, TellsSendersApart) {
    const auto c = UdpSocket::open(loop, {"127.0.0.1", 0}).value();
    a->send(bytes_of("a"), b->local());
    c->send(bytes_of("c"), b->local());
    a->send(bytes_of("a"), b->local());
    std::vector<Endpoint> from;
    b->drain([&](BytesView, const Endpoint& sender, Instant) { from.push_back(sender); });
    EXPECT_EQ(from, (std::vector{a->local(), c->local(), a->local()}));
}

TEST_F(UdpPair, DropsWhatIsLongerThanAnyMediaPacket) {
    a->send(Bytes(2048, 1), b->local());
    a->send(Bytes(2049, 2), b->local());
    a->send(Bytes(60'000, 3), b->local());
    a->send(Bytes(3, 4), b->local());
    std::vector<std::size_t> sizes;
    b->drain([&](BytesView bytes, const Endpoint&, Instant) { sizes.push_back(bytes.size()); });
    EXPECT_EQ(sizes, (std::vector<std::size_t>{2048, 3}));
}

TEST_F(UdpPair, SendingNowhereIsNoError) {
    a->send(bytes_of("x"), {"not an address", 1});
    a->send(bytes_of("x"), {"::1", 1});
    a->send(bytes_of("x"), {"255.255.255.255", 1});
    a->send(bytes_of("x"), b->local());
    EXPECT_EQ(b->drain([](BytesView, const Endpoint&, Instant) {}), 1u);
}

TEST_F(UdpPair, MayBeDestroyedAndDrainAnotherInItsHandler) {
    const auto c = UdpSocket::open(loop, {"127.0.0.1", 0}).value();
    for (int i = 0; i < 3; ++i) a->send(bytes_of("to b"), b->local());
    a->send(bytes_of("to c"), c->local());
    int seen = 0;
    b->drain([&](BytesView bytes, const Endpoint&, Instant) {
        ++seen;
        c->drain([&](BytesView inner, const Endpoint&, Instant) {
            EXPECT_EQ(as_text(inner), "to c");
        });
        EXPECT_EQ(as_text(bytes), "to b");
        b.reset();
    });
    EXPECT_EQ(seen, 1);
}

TEST_F(UdpPair, CallsOnReadableUntilItIsTakenAway) {
    int calls = 0;
    b->on_readable([&] {
        ++calls;
        b->drain([](BytesView, const Endpoint&, Instant) {});
        if (calls == 1) {
            a->send(bytes_of("again"), b->local());
        } else {
            b->on_readable(nullptr);
            a->send(bytes_of("unheard"), b->local());
            loop.post([&] { loop.post([&] { loop.stop(); }); });
        }
    });
    a->send(bytes_of("first"), b->local());
    run_limited(loop);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(b->drain([](BytesView, const Endpoint&, Instant) {}), 1u);
}

TEST_F(UdpPair, MayBeDestroyedInOnReadable) {
    b->on_readable([&] {
        b.reset();
        loop.stop();
    });
    a->send(bytes_of("x"), b->local());
    run_limited(loop);
    EXPECT_EQ(b, nullptr);
}

TEST(UdpSocket, NamesTheAddressThatIsNotOurs) {
    Loop loop;
    for (const Endpoint& local : {Endpoint{"192.0.2.1", 0}, Endpoint{"localhost", 0}}) {
        const auto socket = UdpSocket::open(loop, local);
        ASSERT_FALSE(socket);
        EXPECT_NE(socket.error().context.find(local.address), std::string::npos);
    }
}

TEST(LocalAddress, IsTheLoopbackTowardsLoopback) {
    EXPECT_EQ(local_address_towards({"127.0.0.1", 1234}).value(), "127.0.0.1");
    EXPECT_EQ(local_address_towards({"127.0.0.1", 0}).value(), "127.0.0.1");
    EXPECT_EQ(local_address_towards({"host", 0}).error().code, Errc::InvalidArgument);
}

TEST(Resolve, GivesNumbersBackAndNamesWhatIsUnknown) {
    Loop loop;
    Result<std::vector<std::string>> number, name, unknown;
    resolve(loop, "::1", [&](auto result) { number = std::move(result); });
    resolve(loop, "localhost", [&](auto result) {
        name = std::move(result);
        resolve(loop, "no-such-host.invalid", [&](auto last) {
            unknown = std::move(last);
            loop.stop();
        });
    });
    run_limited(loop);
    EXPECT_EQ(number.value(), std::vector<std::string>{"::1"});
    ASSERT_TRUE(name) << name.error().to_string();
    EXPECT_FALSE(name->empty());
    for (const auto& address : *name) EXPECT_TRUE(address == "127.0.0.1" || address == "::1");
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().context.find("no-such-host.invalid"), std::string::npos);
}

TEST(Resolve, OutlivesItsLoop) {
    auto loop = std::make_unique<Loop>();
    resolve(*loop, "no-such-host.invalid", [](const auto&) { FAIL(); });
    loop.reset();
}

/// A plain listening socket, to be the other end of FramedTcp.
struct Listener {
    Listener() {
        socket.listen();
        endpoint = {"127.0.0.1", socket.port()};
    }
    [[nodiscard]] int fd() const { return socket.descriptor(); }
    tests::LoopbackSocket socket;
    Endpoint endpoint;
};

void write_all(int fd, BytesView bytes) {
    ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

Bytes read_exactly(int fd, std::size_t size) {
    Bytes out(size);
    EXPECT_EQ(recv(fd, out.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
    return out;
}

TEST(FramedTcp, FramesWhatIsSentAndJoinsWhatArrivesInPieces) {
    Loop loop;
    const Listener listener;
    Bytes at_peer;
    std::thread peer([&] {
        const int fd = accept(listener.fd(), nullptr, nullptr);
        at_peer = read_exactly(fd, 2 + 5 + 2 + 1 + 2 + 0xffff);
        // Two frames and an empty one, a byte at a time, then the longest frame there is.
        for (const std::uint8_t byte : Bytes{0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'}) {
            write_all(fd, {&byte, 1});
            std::this_thread::yield();
        }
        Bytes longest(2 + 0xffff, 'z');
        longest[0] = longest[1] = 0xff;
        write_all(fd, longest);
        close(fd);
    });

    std::vector<std::string> packets;
    bool connected = false;
    Error closed;
    std::unique_ptr<FramedTcp> tcp;
    FramedTcp::Handlers handlers;
    handlers.connected = [&] {
        connected = true;
        EXPECT_EQ(tcp->local().address, "127.0.0.1");
        tcp->send(bytes_of("x"));
        tcp->send(Bytes(0xffff, 'y'));
    };
    handlers.packet = [&](BytesView bytes, Instant) { packets.emplace_back(as_text(bytes)); };
    handlers.closed = [&](const Error& error) {
        closed = error;
        loop.stop();
    };
    tcp = FramedTcp::connect(loop, listener.endpoint, handlers);
    tcp->send(bytes_of("early"));
    tcp->send(Bytes(0x10000, 'n'));  // Too long for the length field: dropped.
    run_limited(loop);
    peer.join();

    EXPECT_TRUE(connected);
    EXPECT_EQ(packets, (std::vector<std::string>{"abc", "d", std::string(0xffff, 'z')}));
    EXPECT_EQ(closed.code, Errc::Unavailable);
    EXPECT_NE(closed.context.find(listener.endpoint.to_string()), std::string::npos);
    EXPECT_EQ(as_text(BytesView(at_peer).first(7)), std::string_view("\0\5early", 7));
    EXPECT_EQ(as_text(BytesView(at_peer).subspan(7, 3)), std::string_view("\0\1x", 3));
    EXPECT_EQ(as_text(BytesView(at_peer).subspan(10, 3)), "\xff\xffy");
}

TEST(FramedTcp, TellsOnceThatNobodyListens) {
    Loop loop;
    Endpoint nobody;
    { nobody = Listener().endpoint; }
    int closed = 0;
    FramedTcp::Handlers handlers;
    handlers.connected = [] { FAIL(); };
    handlers.closed = [&](const Error& error) {
        ++closed;
        EXPECT_NE(error.context.find(nobody.to_string()), std::string::npos) << error.context;
        loop.stop();
    };
    const auto tcp = FramedTcp::connect(loop, nobody, handlers);
    run_limited(loop);
    EXPECT_EQ(closed, 1);
}

TEST(FramedTcp, TellsLaterThatAnAddressIsNone) {
    Loop loop;
    bool closed = false;
    FramedTcp::Handlers handlers;
    handlers.closed = [&](const Error& error) {
        EXPECT_EQ(error.code, Errc::InvalidArgument);
        closed = true;
        loop.stop();
    };
    const auto tcp = FramedTcp::connect(loop, {"host.example", 1}, handlers);
    EXPECT_FALSE(closed);
    run_limited(loop);
    EXPECT_TRUE(closed);
}

TEST(FramedTcp, DropsPacketsBeyondItsBacklog) {
    Loop loop;
    const Listener listener;
    std::size_t received = 0;
    std::thread peer([&] {
        const int fd = accept(listener.fd(), nullptr, nullptr);
        Bytes buffer(65536);
        for (ssize_t n; (n = read(fd, buffer.data(), buffer.size())) > 0;) {
            received += static_cast<std::size_t>(n);
        }
        close(fd);
    });
    std::unique_ptr<FramedTcp> tcp;
    Timer end(loop);
    FramedTcp::Handlers handlers;
    handlers.closed = [](const Error& error) { ADD_FAILURE() << error.context; };
    handlers.connected = [&] { end.after(300ms, [&] { loop.stop(); }); };
    tcp = FramedTcp::connect(loop, listener.endpoint, handlers);
    // Nothing can be written before the loop runs: 1048 frames of 1000 bytes fill 1 MiB.
    for (int i = 0; i < 5000; ++i) tcp->send(Bytes(998, 'x'));
    run_limited(loop);
    tcp.reset();
    peer.join();
    EXPECT_EQ(received, 1'048'000u);
}

TEST(FramedTcp, MayBeDestroyedInItsHandlers) {
    Loop loop;
    const Listener listener;
    std::thread peer([&] {
        const int fd = accept(listener.fd(), nullptr, nullptr);
        write_all(fd, Bytes{0, 1, 'a', 0, 1, 'b'});
        std::uint8_t byte{};
        EXPECT_LE(read(fd, &byte, 1), 0);
        close(fd);
    });
    std::unique_ptr<FramedTcp> tcp;
    int packets = 0;
    FramedTcp::Handlers handlers;
    handlers.packet = [&](BytesView, Instant) {
        ++packets;
        tcp.reset();
        loop.post([&] { loop.stop(); });
    };
    handlers.closed = [](const Error&) { FAIL() << "destroyed"; };
    tcp = FramedTcp::connect(loop, listener.endpoint, handlers);
    run_limited(loop);
    peer.join();
    EXPECT_EQ(packets, 1);
}

}  // namespace
}  // namespace aircheck::net
