// Callers who send G.711, in the built-in rooms, over a bad network.
#include "app/sim_world_test.hpp"

namespace aircheck::app {
namespace {

using recorder::EndReason;
using recorder::Status;
using testing::seconds_of_tone;

class SimG711 : public testing::SimWorld {
protected:
    /// Two phones and a browser, for five seconds.
    void add_phones() {
        sim::Room room;
        room.name = "room";
        room.link.loss = 0.02;
        room.link.jitter = 20ms;
        sim::Caller mu = testing::speaker("mu");
        mu.utterances = {{0ms, sim::Voice::tone(600, 0.25, sim::VoiceCodec::Pcmu).value()}};
        mu.drift_ppm = 80;
        sim::Caller a = testing::speaker("a");
        a.utterances = {{0ms, sim::Voice::tone(1000, 0.25, sim::VoiceCodec::Pcma).value()}};
        sim::Caller browser = testing::speaker("browser", 1500);
        for (sim::Caller* caller : {&mu, &a, &browser}) {
            caller->stop = 5s;
            room.callers.push_back(*caller);
        }
        add_room(std::move(room));
    }
};

TEST_F(SimG711, AreHeardBesideOpus) {
    make_recorder();
    add_phones();
    start(job("EG_one", "room"));
    run_until_over("EG_one");
    const recorder::Snapshot& end = last("EG_one");
    ASSERT_EQ(end.status, Status::Complete) << end.error;
    ASSERT_EQ(end.tracks.size(), 3U);
    for (const recorder::TrackSummary& track : end.tracks) {
        EXPECT_GT(track.packets_received, 150U) << track.participant_identity;
        EXPECT_EQ(track.unknown_codec, "");
    }
    const double seconds = to_seconds(end.file.duration);
    EXPECT_GT(seconds, 4);
    for (const int hz : {600, 1000, 1500}) {
        EXPECT_NEAR(seconds_of_tone(end.file.location, hz), seconds, 1.0) << hz << " Hz";
    }
}

TEST_F(SimG711, OneAloneIsEncodedAsOpus) {
    make_recorder();
    add_phones();
    recorder::Job kept = job("EG_one", "room");
    kept.source.kind = recorder::Source::Kind::Participant;
    kept.source.identity = "a";
    kept.encoding.container = recorder::Container::Ogg;
    kept.encoding.codec = recorder::AudioCodec::OpusPassthrough;
    kept.filepath = "kept";
    start(std::move(kept));
    run_until_over("EG_one");
    const recorder::Snapshot& end = last("EG_one");
    ASSERT_EQ(end.status, Status::Complete) << end.error;
    EXPECT_TRUE(end.file.location.ends_with("kept.ogg")) << end.file.location;
    const double seconds = to_seconds(end.file.duration);
    EXPECT_GT(seconds, 4);
    EXPECT_NEAR(seconds_of_tone(end.file.location, 1000), seconds, 1.0);
    EXPECT_LT(seconds_of_tone(end.file.location, 600), 0.1);
}

}  // namespace
}  // namespace aircheck::app
