// The way into a room, and out of it, on the built-in room server.
#include "net/loop.hpp"
#include "recorder/room_link.hpp"
#include "sim/server.hpp"
#include "transport/certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::app {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What a link tells, in order, each kind of packet once.
class Diary : public recorder::RoomLink::Listener {
public:
    void on_stage(std::string_view stage, Nanoseconds) override { note("stage", stage); }
    void on_room(const signal::Room& room) override { note("room", room.name); }
    void on_participant(const signal::Participant& participant) override {
        note("participant", participant.identity);
    }
    void on_participant_left(const std::string&, const std::string& identity) override {
        note("left", identity);
    }
    void on_track(const std::string&, const signal::Track& track) override {
        note("track", track.kind == signal::TrackKind::Audio ? "audio" : "other");
    }
    void on_track_gone(const std::string&) override { note("track", "gone"); }
    void on_mapping(const std::vector<signal::TrackMapping>& tracks) override {
        note("mapping", std::to_string(tracks.size()));
    }
    void on_rtp(BytesView, Instant) override {
        if (rtp++ == 0) note("first", "rtp");
    }
    void on_rtcp(BytesView, Instant) override {
        if (rtcp++ == 0) note("first", "rtcp");
    }
    void on_interrupted(std::string_view reason, std::string_view) override {
        note("interrupted", reason);
    }
    void on_connected() override { note("connected", ""); }
    void on_ended(signal::EndReason reason, std::string why) override {
        ended = reason;
        words = std::move(why);
        note("ended", "");
    }

    [[nodiscard]] std::size_t times(const std::string& entry) const {
        return static_cast<std::size_t>(std::count(entries.begin(), entries.end(), entry));
    }
    [[nodiscard]] std::size_t place_of(const std::string& entry) const {
        return static_cast<std::size_t>(
            std::find(entries.begin(), entries.end(), entry) - entries.begin()
        );
    }

    std::vector<std::string> entries;
    std::size_t rtp = 0;
    std::size_t rtcp = 0;
    std::optional<signal::EndReason> ended;
    std::string words;
    std::function<void(const std::string& entry)> on_entry;

private:
    void note(std::string_view what, std::string_view which) {
        entries.push_back(std::string(what) + (which.empty() ? "" : " ") + std::string(which));
        if (on_entry) on_entry(entries.back());
    }
};

class SimRoomLink : public testing::Test {
protected:
    void SetUp() override {
        server_ = sim::Server::start(loop_, {}).value();
        certificate_ = transport::Certificate::create().value();
        sim::Room room;
        room.name = "room";
        sim::Caller ada;
        ada.identity = "ada";
        ada.utterances = {{Nanoseconds(0), sim::Voice::tone(440, 0.3).value()}};
        room.callers = {ada};
        ASSERT_TRUE(server_->add_room(std::move(room)));
    }
    void TearDown() override {
        link_.reset();
        server_.reset();
    }

    void join(const std::string& room, const std::string& secret = "secret") {
        recorder::RoomLink::Options options;
        options.access = {server_->url(), "devkey", secret, ""};
        options.room_name = room;
        options.identity = "EG_link";
        link_ = std::make_unique<recorder::RoomLink>(
            loop_, *certificate_, std::move(options), log::RecordingLog("EG_link", room), diary_
        );
        link_->start();
    }
    /// Ticks the link until `done`; a failure after two minutes.
    void run_until(const std::function<bool()>& done) {
        const Instant limit = monotonic_now() + 120s;
        bool reached = false;
        net::Timer timer(loop_);
        std::function<void()> tick = [&] {
            const Instant now = monotonic_now();
            link_->tick(now);
            reached = done();
            if (reached || now > limit) return loop_.stop();
            timer.after(20ms, tick);
        };
        timer.after(20ms, tick);
        loop_.run("test");
        ASSERT_TRUE(reached) << testing::PrintToString(diary_.entries);
    }
    void run_until_noted(const std::string& entry, std::size_t times = 1) {
        run_until([&] { return diary_.times(entry) >= times; });
    }

    net::Loop loop_;
    std::unique_ptr<sim::Server> server_;
    std::unique_ptr<transport::Certificate> certificate_;
    Diary diary_;
    std::unique_ptr<recorder::RoomLink> link_;
};

TEST_F(SimRoomLink, TellsEachStageInOrder) {
    join("room");
    EXPECT_EQ(link_->stage(), "signal");
    EXPECT_THAT(link_->waits_for(), HasSubstr("127.0.0.1"));
    run_until_noted("first rtp");
    run_until_noted("connected");  // Told a turn later: packets that came with it may be first.
    const std::vector<std::string> order = {
        "stage tcp",
        "stage signal",
        "room room",
        "participant ada",
        "stage ice",
        "stage dtls",
        "connected"};
    for (std::size_t i = 1; i < order.size(); ++i) {
        EXPECT_LT(diary_.place_of(order[i - 1]), diary_.place_of(order[i])) << order[i];
    }
    EXPECT_LT(diary_.place_of("track audio"), diary_.place_of("first rtp"));
    EXPECT_LT(diary_.place_of("mapping 1"), diary_.place_of("first rtp"))
        << "whose packet it is has to be known";
    EXPECT_EQ(link_->stage(), "media");
    EXPECT_FALSE(diary_.ended);
}

TEST_F(SimRoomLink, LeavingIsTheLastThatIsTold) {
    join("room");
    run_until_noted("first rtp");
    link_->leave();
    ASSERT_EQ(diary_.ended, signal::EndReason::Left);
    const std::size_t told = diary_.entries.size();
    const std::size_t heard = diary_.rtp;
    link_->leave();
    int ticks = 0;
    run_until([&] { return ++ticks == 10; });
    EXPECT_EQ(diary_.entries.size(), told);
    EXPECT_EQ(diary_.rtp, heard);
}

TEST_F(SimRoomLink, CanBeLeftBeforeItIsIn) {
    join("room");
    link_->leave();
    run_until_noted("ended");
    EXPECT_EQ(diary_.ended, signal::EndReason::Left);
    EXPECT_EQ(diary_.rtp, 0U);
}

TEST_F(SimRoomLink, CanBeLeftFromInsideOfWhatItTells) {
    diary_.on_entry = [this](const std::string& entry) {
        if (entry == "room room") link_->leave();
    };
    join("room");
    run_until_noted("ended");
    EXPECT_EQ(diary_.ended, signal::EndReason::Left);
    EXPECT_EQ(diary_.times("ended"), 1U);
    EXPECT_EQ(diary_.entries.back(), "ended");
}

TEST_F(SimRoomLink, SaysWhyItIsRefused) {
    join("nowhere");
    run_until_noted("ended");
    EXPECT_EQ(diary_.ended, signal::EndReason::Refused);
    EXPECT_FALSE(diary_.words.empty());
    EXPECT_EQ(diary_.times("connected"), 0U);
}

TEST_F(SimRoomLink, AWrongSecretIsRefused) {
    join("room", "not-the-secret");
    run_until_noted("ended");
    EXPECT_EQ(diary_.ended, signal::EndReason::Refused);
    EXPECT_FALSE(diary_.words.empty());
}

TEST_F(SimRoomLink, EndsWithItsRoom) {
    join("room");
    run_until_noted("first rtp");
    server_->close_room("room");
    run_until_noted("ended");
    EXPECT_EQ(diary_.ended, signal::EndReason::RoomClosed);
}

TEST_F(SimRoomLink, TheSignalComesBackWhileMediaFlowsOn) {
    join("room");
    run_until_noted("first rtp");
    server_->drop_signal("room");
    run_until_noted("interrupted signal");
    const std::size_t heard = diary_.rtp;
    run_until_noted("connected", 2);
    EXPECT_EQ(server_->stats().resumes, 1U);
    EXPECT_EQ(server_->stats().joins, 1U);
    run_until([&] { return diary_.rtp > heard + 50; });
    EXPECT_EQ(diary_.times("interrupted media"), 0U);
    EXPECT_FALSE(diary_.ended);
}

TEST_F(SimRoomLink, TellsAnotherWorkerApart) {
    join("room");
    run_until_noted("first rtp");
    constexpr int kDuplicateIdentity = 2;  // livekit.DisconnectReason
    server_->send_leave("room", kDuplicateIdentity, 0);
    run_until_noted("ended");
    EXPECT_EQ(diary_.ended, signal::EndReason::DuplicateIdentity);
}

}  // namespace
}  // namespace aircheck::app
