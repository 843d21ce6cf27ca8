#include "sim/server.hpp"

#include "net/loop.hpp"
#include "net/url.hpp"
#include "net/websocket.hpp"
#include "rtp/packet.hpp"
#include "rtp/rtcp.hpp"
#include "signal/room.hpp"
#include "signal/token.hpp"
#include "transport/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace aircheck::sim {
namespace {

using testing::HasSubstr;

/// A receive-only client made of the layers that a recorder is made of.
class Listener final : public transport::PeerTransport::Sink {
public:
    Listener(net::Loop& loop, const std::string& url, const std::string& room, std::string identity)
        : loop_(loop), tick_(loop) {
        signal::RoomOptions options;
        options.server_url = url;
        options.first_join_tries = 1;
        options.mint_token = [room, identity] {
            return signal::recorder_token({"devkey", "secret"}, room, identity, wall_now());
        };
        session_ = std::make_unique<signal::RoomSession>(options);
        session_->start(monotonic_now());
        pump();
        tick();
    }

    void on_rtp(BytesView packet, Instant) override {
        const auto view = rtp::PacketView::parse(packet).value();
        sequence_numbers[view.ssrc].push_back(view.sequence_number.value());
    }
    void on_rtcp(BytesView packet, Instant) override {
        const auto parts = rtp::parse_rtcp(packet).value();
        for (const auto& part : parts) {
            reports += std::holds_alternative<rtp::SenderReport>(part) ? 1 : 0;
        }
    }
    void on_stage(const transport::StageChange& change) override {
        if (change.stage != transport::Stage::Connected) return;
        loop_.post([this] { session_->on_media_connected(monotonic_now()); });
    }
    void nack(std::uint32_t ssrc, std::uint16_t sequence_number) {
        Bytes bytes;
        rtp::append_rtcp(rtp::ReceiverReport{1, {}}, bytes);
        rtp::append_rtcp(rtp::Nack{1, ssrc, {rtp::SequenceNumber(sequence_number)}}, bytes);
        connection_->send_rtcp(bytes);
    }
    [[nodiscard]] std::size_t packets() const {
        std::size_t sum = 0;
        for (const auto& [ssrc, list] : sequence_numbers) sum += list.size();
        return sum;
    }
    [[nodiscard]] const signal::RoomSession& session() const { return *session_; }
    [[nodiscard]] const transport::Connection* connection() const { return connection_.get(); }

    std::map<std::uint32_t, std::vector<std::uint16_t>> sequence_numbers;
    std::vector<std::string> events;  ///< "joined alice", "muted alice" …
    std::optional<signal::Ended> ended;
    int reports = 0, offers = 0, resumes = 0;

private:
    void tick() {
        session_->on_tick(monotonic_now());
        pump();
        tick_.after(20ms, [this] { tick(); });
    }
    void pump() {
        for (auto& event : session_->take_events()) {
            std::visit([this](auto& it) { handle(it); }, event);
        }
    }
    template <typename T>
    void handle(T&) {}
    void handle(signal::Send& send) {
        if (socket_) socket_->send_binary(send.message);
    }
    void handle(signal::Connect& connect) {
        net::WebSocket::Options options;
        options.headers.set("Authorization", "Bearer " + connect.token);
        net::WebSocket::Handlers handlers;
        const auto number = connect.socket;
        handlers.open = [this, number](const auto&, const auto&, const auto&) {
            session_->on_open(number, monotonic_now());
            pump();
        };
        handlers.message = [this, number](BytesView message, bool) {
            session_->on_message(number, message, monotonic_now());
            pump();
        };
        handlers.closed = [this, number](const net::WebSocket::Failure& failure) {
            session_->on_socket_closed(
                number,
                failure.http_status,
                failure.body,
                failure.error.to_string(),
                monotonic_now()
            );
            loop_.post([this] { pump(); });
        };
        const auto url = net::Url::parse(connect.url).value();
        socket_ = net::WebSocket::connect(loop_, url, options, handlers);
    }
    void handle(signal::RemoteOffer& offer) {
        ++offers;
        if (!connection_) {
            transport::Connection::Options options;
            options.local_addresses = {"127.0.0.1"};
            connection_ = transport::Connection::open(loop_, *certificate_, options, *this).value();
        }
        transport::RemoteParameters remote;
        remote.ice_ufrag = offer.sdp.ice_ufrag;
        remote.ice_pwd = offer.sdp.ice_pwd;
        remote.ice_mode = offer.sdp.ice_lite ? transport::IceMode::Lite : transport::IceMode::Full;
        remote.fingerprint = offer.sdp.fingerprint_hash + " " + offer.sdp.fingerprint;
        for (const auto& candidate : offer.sdp.candidates) {
            remote.candidates.push_back(signal::to_string(candidate));
        }
        ASSERT_TRUE(connection_->set_remote(remote));
        signal::LocalParameters local;
        local.ice_ufrag = connection_->local().ice_ufrag;
        local.ice_pwd = connection_->local().ice_pwd;
        local.fingerprint = connection_->local().fingerprint.substr(8);
        for (const auto& text : connection_->local().candidates) {
            local.candidates.push_back(signal::parse_candidate(text).value());
        }
        EXPECT_TRUE(session_->answer(offer.id, local, monotonic_now()));
        loop_.post([this] { pump(); });
    }
    void handle(signal::Resumed&) { ++resumes; }
    void handle(signal::ParticipantJoined& it) {
        events.push_back("joined " + it.participant.identity);
    }
    void handle(signal::ParticipantLeft& it) { events.push_back("left " + it.identity); }
    void handle(signal::TrackUpdated& it) {
        events.push_back((it.track.muted ? "muted " : "unmuted ") + it.identity);
    }
    void handle(signal::Ended& it) { ended = it; }

    net::Loop& loop_;
    net::Timer tick_;
    std::unique_ptr<transport::Certificate> certificate_ = transport::Certificate::create().value();
    std::unique_ptr<signal::RoomSession> session_;
    std::unique_ptr<net::WebSocket> socket_;
    std::unique_ptr<transport::Connection> connection_;
};

Caller caller(const std::string& identity, int hz) {
    Caller made;
    made.identity = identity;
    made.utterances = {{0ns, Voice::tone(hz, 0.2).value()}};
    return made;
}

class SimServer : public testing::Test {
protected:
    void start(ServerOptions options = {}) { server = Server::start(loop, options).value(); }
    void add(Room room) { ASSERT_TRUE(server->add_room(std::move(room))); }
    static Room two_callers(Nanoseconds duration) {
        Room room;
        room.name = "talk";
        room.callers = {caller("alice", 440), caller("bob", 1000)};
        room.duration = duration;
        return room;
    }
    std::unique_ptr<Listener> listen(const std::string& identity = "EG_one") {
        return std::make_unique<Listener>(loop, server->url(), "talk", identity);
    }
    /// Runs the loop until `done`; fails the test after 30 s.
    void run_until(std::function<bool()> done) {
        net::Timer poll(loop);
        const auto limit = monotonic_now() + 30s;
        bool in_time = true;
        std::function<void()> check = [&] {
            in_time = monotonic_now() < limit;
            if (done() || !in_time) return loop.stop();
            poll.after(10ms, check);
        };
        check();
        loop.run("test");
        ASSERT_TRUE(in_time);
    }

    net::Loop loop;
    std::unique_ptr<Server> server;
};

class SimServerModes : public SimServer, public testing::WithParamInterface<bool> {};

TEST_P(SimServerModes, ARoomIsHeardFromItsFirstPacketToItsEnd) {
    ServerOptions options;
    options.ice_lite = GetParam();
    start(options);
    add(two_callers(3500ms));
    std::string ended;
    server->on_room_ended([&](const std::string& name) { ended = name; });
    const auto listener = listen();
    run_until([&] { return listener->ended.has_value() && !ended.empty(); });
    EXPECT_EQ(listener->ended->reason, signal::EndReason::RoomClosed);
    EXPECT_EQ(ended, "talk");
    EXPECT_FALSE(server->has_room("talk"));
    ASSERT_EQ(listener->sequence_numbers.size(), 2u);
    for (const auto& [ssrc, list] : listener->sequence_numbers) {
        EXPECT_NEAR(static_cast<double>(list.size()), 175, 3);
        for (std::size_t i = 1; i < list.size(); ++i) {
            EXPECT_EQ(list[i], static_cast<std::uint16_t>(list[i - 1] + 1));
        }
    }
    EXPECT_EQ(listener->packets(), server->stats().media_packets) << "none missed, none lost";
    EXPECT_EQ(listener->reports, 2);
}

INSTANTIATE_TEST_SUITE_P(Ice, SimServerModes, testing::Bool(), [](const auto& row) {
    return row.param ? "Lite" : "Full";
});

TEST_F(SimServer, CallersComeMuteAndLeave) {
    start();
    auto room = two_callers(2s);
    room.callers[0].stop = 1500ms;
    room.callers[1].start = 500ms;
    room.callers[1].muted = {{800ms, 1200ms}};
    add(room);
    const auto listener = listen();
    run_until([&] { return listener->ended.has_value(); });
    EXPECT_THAT(
        listener->events,
        testing::ElementsAre("joined alice", "joined bob", "muted bob", "unmuted bob", "left alice")
    );
    EXPECT_EQ(listener->sequence_numbers.size(), 2u);
    EXPECT_GE(listener->offers, 3);
}

TEST_F(SimServer, ALostSignalSocketIsResumedWhileMediaGoesOn) {
    start();
    add(two_callers(4s));
    const auto listener = listen();
    run_until([&] { return listener->packets() > 50; });
    server->drop_signal("talk");
    run_until([&] { return listener->ended.has_value(); });
    EXPECT_EQ(listener->resumes, 1);
    EXPECT_EQ(server->stats().resumes, 1u);
    EXPECT_EQ(listener->ended->reason, signal::EndReason::RoomClosed);
    EXPECT_EQ(listener->connection()->stats().pair_changes, 2u) << "ICE was restarted";
    EXPECT_EQ(listener->packets(), server->stats().media_packets);
}

TEST_F(SimServer, ALostPacketComesAgainWhenAskedFor) {
    start();
    auto room = two_callers(3s);
    room.link.loss = 0.3;
    add(room);
    const auto listener = listen();
    std::size_t asked = 0;
    std::set<std::pair<std::uint32_t, std::uint16_t>> done;
    run_until([&] {
        for (auto& [ssrc, list] : listener->sequence_numbers) {
            const auto all = list;
            for (std::size_t i = 1; i < all.size(); ++i) {
                for (auto n = static_cast<std::uint16_t>(all[i - 1] + 1);
                     n != all[i] && static_cast<std::uint16_t>(all[i] - n) < 20;
                     ++n) {
                    if (!done.insert({ssrc, n}).second) continue;
                    listener->nack(ssrc, n);
                    ++asked;
                }
            }
        }
        return listener->ended.has_value();
    });
    EXPECT_GT(asked, 30u);
    EXPECT_GT(server->stats().lost_packets, 60u);
    EXPECT_GT(server->stats().retransmissions, asked / 2);
    EXPECT_GT(listener->packets(), server->stats().media_packets * 75 / 100);
}

TEST_F(SimServer, TheSameIdentityThrowsTheOlderOut) {
    start();
    add(two_callers(5s));
    const auto first = listen();
    run_until([&] { return first->packets() > 0; });
    const auto second = listen();
    run_until([&] { return first->ended.has_value() && second->packets() > 0; });
    EXPECT_EQ(first->ended->reason, signal::EndReason::DuplicateIdentity);
    EXPECT_FALSE(second->ended);
}

TEST_F(SimServer, ARoomThatDoesNotExistIsRefused) {
    start();
    const auto listener = listen();
    run_until([&] { return listener->ended.has_value(); });
    EXPECT_EQ(listener->ended->reason, signal::EndReason::Refused);
    EXPECT_THAT(listener->ended->words, HasSubstr("room"));
}

TEST_F(SimServer, ManyRoomsAtOnce) {
    start();
    std::vector<std::unique_ptr<Listener>> listeners;
    for (int i = 0; i < 10; ++i) {
        auto room = two_callers(1500ms);
        room.name = "room" + std::to_string(i);
        add(room);
        listeners.push_back(
            std::make_unique<Listener>(loop, server->url(), room.name, "EG_" + room.name)
        );
    }
    run_until([&] {
        return std::all_of(listeners.begin(), listeners.end(), [](const auto& listener) {
            return listener->ended.has_value();
        });
    });
    for (const auto& listener : listeners) {
        EXPECT_NEAR(static_cast<double>(listener->packets()), 150, 6);
    }
}

TEST_F(SimServer, BadRoomsAreRefused) {
    start();
    add(two_callers(1s));
    EXPECT_FALSE(server->add_room(two_callers(1s))) << "the name is taken";
    Room nameless;
    nameless.name = "other";
    nameless.callers = {Caller{}};
    EXPECT_FALSE(server->add_room(nameless));
}

}  // namespace
}  // namespace aircheck::sim
