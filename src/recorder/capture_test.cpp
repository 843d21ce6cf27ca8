#include "recorder/capture.hpp"

#include "journal/reader.hpp"
#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::recorder {
namespace {

using testing::build_rtp;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::speaker;
using testing::Speaker;
using testing::spoken_tone;

const Instant kStart = Instant(Nanoseconds(7'000'000'000'000));

/// A disk in memory; from the `fails_from`th write on (from 1) it is full, until it is told better.
struct Disk {
    Bytes bytes;
    std::size_t writes = 0;
    std::size_t fails_from = 0;
};

class DiskSink : public journal::Sink {
public:
    explicit DiskSink(Disk& disk) : disk_(disk) {}
    Result<std::size_t> write(BytesView bytes) override {
        ++disk_.writes;
        if (disk_.fails_from > 0 && disk_.writes >= disk_.fails_from) {
            return fail(Errc::NoSpace, "disk in memory");
        }
        disk_.bytes.insert(disk_.bytes.end(), bytes.begin(), bytes.end());
        return bytes.size();
    }
    Result<> sync() override { return {}; }
    Result<> truncate(std::uint64_t size_bytes) override {
        disk_.bytes.resize(static_cast<std::size_t>(size_bytes));
        return {};
    }

private:
    Disk& disk_;
};

class DiskStore : public journal::SegmentStore {
public:
    explicit DiskStore(Disk& disk) : disk_(disk) {}
    Result<std::unique_ptr<journal::Sink>> create(std::uint32_t) override {
        return std::make_unique<DiskSink>(disk_);
    }
    Result<> remove(std::uint32_t) override { return {}; }

private:
    Disk& disk_;
};

std::string words(const journal::Record& record) {
    struct Words {
        std::string operator()(const journal::ParticipantJoined& it) { return "+" + it.identity; }
        std::string operator()(const journal::ParticipantLeft& it) { return "-" + it.identity; }
        std::string operator()(const journal::TrackStart& it) {
            return "start " + std::to_string(it.track) + " " + it.track_sid + " " +
                   std::to_string(it.ssrc) + (it.muted ? " muted" : "");
        }
        std::string operator()(const journal::TrackEnd& it) {
            return "end " + std::to_string(it.track) + " " + it.reason;
        }
        std::string operator()(const journal::TrackMute& it) {
            return "mute " + std::to_string(it.track);
        }
        std::string operator()(const journal::TrackUnmute& it) {
            return "unmute " + std::to_string(it.track);
        }
        std::string operator()(const journal::RtpPacket& it) {
            return "rtp " + std::to_string(it.track);
        }
        std::string operator()(const journal::RtcpPacket&) { return "rtcp"; }
        std::string operator()(const journal::Gap& it) {
            return "gap " + std::string(journal::to_string(it.reason)) + " " +
                   std::to_string(it.start / 1ms) + " " + std::to_string(it.end / 1ms);
        }
        std::string operator()(const journal::Pause&) { return "pause"; }
        std::string operator()(const journal::Resume&) { return "resume"; }
        std::string operator()(const journal::RoomEvent& it) { return it.name; }
        std::string operator()(const journal::Tick&) { return "tick"; }
        std::string operator()(const journal::End& it) { return "end: " + it.reason; }
    };
    return std::visit(Words{}, record.body);
}

signal::Track track(const std::string& sid) {
    signal::Track track;
    track.sid = sid;
    track.source = signal::TrackSource::Microphone;
    track.mime_type = "audio/red";
    return track;
}

signal::TrackMapping mapping(const std::string& sid, std::uint32_t ssrc) {
    signal::TrackMapping mapping;
    mapping.mid = "0";
    mapping.track_sid = sid;
    mapping.ssrc = ssrc;
    mapping.codecs = {{111, "OPUS", 48000, 2, "useinbandfec=1", {}}};
    return mapping;
}

signal::Participant participant(const std::string& sid, const std::string& identity) {
    signal::Participant participant;
    participant.sid = sid;
    participant.identity = identity;
    participant.kind = signal::ParticipantKind::Agent;
    return participant;
}

class CaptureTest : public ::testing::Test {
protected:
    void SetUp() override {
        Capture::Options options;
        options.store = std::make_unique<DiskStore>(disk_);
        options.header = testing::header();
        capture_ = Capture::create(std::move(options), kStart).value();
    }

    [[nodiscard]] std::vector<std::string> journal() {
        static_cast<void>(capture_->finish(kStart + 60s, "test"));
        auto reader = journal::Reader::from_bytes(disk_.bytes).value();
        std::vector<std::string> all;
        while (auto record = reader.next().value()) all.push_back(words(*record));
        EXPECT_TRUE(reader.is_complete());
        EXPECT_EQ(all.back(), "end: test");
        all.pop_back();
        return all;
    }

    Disk disk_;
    std::unique_ptr<Capture> capture_;
};

TEST_F(CaptureTest, DescribesATrackInItsStart) {
    auto who = participant("PA_1", "bot");
    who.attributes = {{"sip.phoneNumber", "+49"}};
    ASSERT_TRUE(capture_->on_participant(who, kStart + 1ms));
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart + 2ms));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart + 3ms));
    static_cast<void>(capture_->finish(kStart + 1s, ""));
    auto reader = journal::Reader::from_bytes(disk_.bytes).value();
    EXPECT_EQ(reader.header().settings, PipelineSettings().to_string());
    EXPECT_EQ(reader.header().monotonic_start, kStart);
    const auto joined = std::get<journal::ParticipantJoined>(reader.next().value()->body);
    EXPECT_EQ(joined.kind, journal::ParticipantKind::Agent);
    EXPECT_THAT(joined.attributes, ElementsAre(std::pair("sip.phoneNumber", "+49")));
    const auto record = reader.next().value().value();
    EXPECT_EQ(record.at, 3ms);
    const auto start = std::get<journal::TrackStart>(record.body);
    EXPECT_EQ(start.participant_identity, "bot");
    EXPECT_EQ(start.participant_kind, journal::ParticipantKind::Agent);
    EXPECT_EQ(start.source, journal::TrackSource::Microphone);
    EXPECT_EQ(start.mime, "audio/red");
    EXPECT_EQ(start.ssrc, 42U);
    const journal::PayloadFormat opus{111, "audio/opus", 48000, 2, "useinbandfec=1"};
    EXPECT_THAT(start.formats, ElementsAre(opus));
}

TEST_F(CaptureTest, StartsATrackWhenItIsBothPublishedAndMapped) {
    ASSERT_TRUE(capture_->on_participant(participant("PA_1", "ann"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));  // before its publication
    EXPECT_THAT(capture_->ssrcs(), IsEmpty());
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart + 1ms));
    signal::Track phone = track("TR_2");
    phone.mime_type = "audio/PCMU";
    ASSERT_TRUE(capture_->on_track("PA_1", phone, kStart + 2ms));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42), mapping("TR_2", 43)}, kStart + 3ms));
    EXPECT_THAT(capture_->ssrcs(), ElementsAre(Pair(42U, 48'000U), Pair(43U, 8'000U)));
    EXPECT_THAT(journal(), ElementsAre("+ann", "start 0 TR_1 42", "start 1 TR_2 43"));
}

TEST_F(CaptureTest, TellsMutesOnceEach) {
    signal::Track changing = track("TR_1");
    changing.muted = true;
    ASSERT_TRUE(capture_->on_track("PA_1", changing, kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    ASSERT_TRUE(capture_->on_track("PA_1", changing, kStart + 1ms));
    changing.muted = false;
    ASSERT_TRUE(capture_->on_track("PA_1", changing, kStart + 2ms));
    ASSERT_TRUE(capture_->on_track("PA_1", changing, kStart + 3ms));
    changing.muted = true;
    ASSERT_TRUE(capture_->on_track("PA_1", changing, kStart + 4ms));
    EXPECT_THAT(journal(), ElementsAre("start 0 TR_1 42 muted", "unmute 0", "mute 0"));
}

TEST_F(CaptureTest, EndsATrackThatIsUnpublished) {
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    ASSERT_TRUE(capture_->on_track_gone("TR_1", kStart + 1s));
    EXPECT_THAT(capture_->ssrcs(), IsEmpty());
    // Its place in the offer is there until the next one, its last packets are still coming.
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart + 1s));
    ASSERT_TRUE(capture_->on_rtp(42, Bytes(20, 1), kStart + 1s));
    ASSERT_TRUE(capture_->on_mapping({}, kStart + 2s));
    ASSERT_TRUE(capture_->on_track_gone("TR_1", kStart + 2s));
    EXPECT_THAT(journal(), ElementsAre("start 0 TR_1 42", "end 0 unpublished", "rtp 0"));
}

TEST_F(CaptureTest, StartsATrackAgainThatIsPublishedAgain) {
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    ASSERT_TRUE(capture_->on_track_gone("TR_1", kStart + 1s));
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart + 2s));
    EXPECT_THAT(journal(), ElementsAre("start 0 TR_1 42", "end 0 unpublished", "start 1 TR_1 42"));
}

TEST_F(CaptureTest, GoesOnWithAnotherSsrcAfterARejoin) {
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    ASSERT_TRUE(capture_->on_rtp(42, Bytes(20, 1), kStart + 1s));
    ASSERT_TRUE(capture_->on_gap(kStart + 2s, kStart + 5s, journal::GapReason::Media));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 77)}, kStart + 5s));
    EXPECT_THAT(capture_->ssrcs(), ElementsAre(Pair(77U, 48'000U)));
    ASSERT_TRUE(capture_->on_rtp(77, Bytes(20, 1), kStart + 6s));
    EXPECT_THAT(
        journal(),
        ElementsAre("start 0 TR_1 42", "rtp 0", "gap media 2000 5000", "start 1 TR_1 77", "rtp 1")
    );
}

TEST_F(CaptureTest, EndsWhatTheOfferLeavesOutAndReusesItsSsrc) {
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_track("PA_2", track("TR_2"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_2", 42)}, kStart + 1s));
    ASSERT_TRUE(capture_->on_rtp(42, Bytes(20, 1), kStart + 2s));
    EXPECT_THAT(
        journal(), ElementsAre("start 0 TR_1 42", "end 0 not offered", "start 1 TR_2 42", "rtp 1")
    );
}

TEST_F(CaptureTest, CountsPacketsThatBelongToNobody) {
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    ASSERT_TRUE(capture_->on_rtp(43, Bytes(20, 1), kStart + 1s));
    ASSERT_TRUE(capture_->on_rtp(42, Bytes(20, 1), kStart + 1s));
    EXPECT_EQ(capture_->unknown_packets(), 1U);
    EXPECT_EQ(capture_->packets_received(), 1U);
    EXPECT_THAT(journal(), ElementsAre("start 0 TR_1 42", "rtp 0"));
}

TEST_F(CaptureTest, TicksWhenNothingElseHappens) {
    for (Nanoseconds at = 20ms; at <= 2s; at += 20ms) ASSERT_TRUE(capture_->tick(kStart + at));
    ASSERT_TRUE(capture_->on_participant_left("PA_9", "ann", kStart + 2100ms));
    ASSERT_TRUE(capture_->tick(kStart + 2500ms));
    EXPECT_THAT(journal(), ElementsAre("tick", "tick", "tick", "tick", "-ann"));
}

TEST_F(CaptureTest, RecordsOnWhenATextIsTooLongToKeep) {
    auto who = participant("PA_1", "ann");
    who.metadata.assign(2U << 20, 'x');
    ASSERT_TRUE(capture_->on_participant(who, kStart));
    EXPECT_EQ(capture_->unkept_records(), 1U);
    Speaker ann = speaker(0);
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", ann.start.ssrc)}, kStart));
    ASSERT_TRUE(capture_->on_rtp(ann.start.ssrc, Bytes(20, 1), kStart + 1s));
    EXPECT_THAT(journal(), ElementsAre("start 0 TR_1 1000", "rtp 0"));
}

TEST_F(CaptureTest, SumsUpItsTracks) {
    ASSERT_TRUE(capture_->on_participant(participant("PA_1", "ann"), kStart));
    Speaker ann = speaker(0);
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    signal::Track sealed = track("TR_2");
    sealed.encryption = signal::Encryption::Gcm;
    ASSERT_TRUE(capture_->on_track("PA_1", sealed, kStart));
    signal::Track video = track("TR_3");
    video.kind = signal::TrackKind::Video;
    ASSERT_TRUE(capture_->on_track("PA_1", video, kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", ann.start.ssrc)}, kStart));
    Instant at = kStart;
    for (const Bytes& payload : spoken_tone(450, 1)) {
        at += 20ms;
        if (at != kStart + 400ms && at != kStart + 420ms) {
            ASSERT_TRUE(capture_->on_rtp(ann.start.ssrc, build_rtp(ann, payload), at));
        }
        ++ann.sequence;
        ann.rtp_timestamp += 960;
    }
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(capture_->tick(at += 500ms));
    const auto tracks = capture_->tracks();
    ASSERT_EQ(tracks.size(), 2U);
    EXPECT_EQ(tracks[0].sid, "TR_1");
    EXPECT_EQ(tracks[0].participant_identity, "ann");
    EXPECT_EQ(tracks[0].source, "microphone");
    EXPECT_EQ(tracks[0].packets_received, 48U);
    EXPECT_EQ(tracks[0].packets_lost, 2U);
    // 40 ms, and what is blended into the next frame.
    EXPECT_GE(tracks[0].samples_concealed, 1920U);
    EXPECT_FALSE(tracks[0].encrypted);
    EXPECT_TRUE(tracks[1].encrypted);
    EXPECT_TRUE(capture_->has_encrypted_track());
}

TEST_F(CaptureTest, MakesFromItsJournalTheSameFile) {
    Speaker ann = speaker(0);
    Speaker bob = speaker(1);
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_track("PA_2", track("TR_2"), kStart));
    ASSERT_TRUE(capture_->on_mapping(
        {mapping("TR_1", ann.start.ssrc), mapping("TR_2", bob.start.ssrc)}, kStart
    ));
    const auto low = spoken_tone(450, 3);
    const auto high = spoken_tone(1000, 3);
    Bytes body;
    const auto take = [&] {
        const Bytes out = capture_->take_output();
        body.insert(body.end(), out.begin(), out.end());
    };
    Instant at = kStart + 123456789ns;
    for (std::size_t i = 0; i < low.size(); ++i) {
        at += 20ms;
        if (i % 17 != 3) {
            ASSERT_TRUE(capture_->on_rtp(ann.start.ssrc, build_rtp(ann, low[i]), at));
        }
        // Drained after the other's, though it came before.
        ASSERT_TRUE(capture_->on_rtp(bob.start.ssrc, build_rtp(bob, high[i]), at - 3ms));
        ++ann.sequence;
        ann.rtp_timestamp += 960;
        ++bob.sequence;
        bob.rtp_timestamp += 960;
        ASSERT_TRUE(capture_->tick(at));
        take();
    }
    const Instant end = at + 777ms;
    const auto finished = capture_->finish(end, "room_finished").value();
    take();
    body.insert(body.end(), finished.tail.begin(), finished.tail.end());
    const Bytes live = testing::assemble(body, capture_->pipeline().header_bytes(), finished.head);

    auto reader = journal::Reader::from_bytes(disk_.bytes).value();
    const auto settings = PipelineSettings::parse(reader.header().settings).value();
    auto pipeline = Pipeline::create(settings, reader.header()).value();
    Bytes again;
    Nanoseconds last{0};
    while (auto record = reader.next().value()) {
        ASSERT_TRUE(pipeline->feed(*record, again));
        last = record->at;
    }
    EXPECT_EQ(last, end - kStart);
    const auto refinished = pipeline->finish(last).value();
    again.insert(again.end(), refinished.tail.begin(), refinished.tail.end());
    EXPECT_GT(live.size(), 10'000U);
    EXPECT_TRUE(testing::assemble(again, pipeline->header_bytes(), refinished.head) == live);
}

TEST_F(CaptureTest, TellsAFullDiskAndLosesNothingInMemory) {
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", 42)}, kStart));
    disk_.fails_from = disk_.writes + 1;
    const auto full = capture_->tick(kStart + 1s);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, Errc::NoSpace);
    ASSERT_TRUE(capture_->on_rtp(42, Bytes(20, 1), kStart + 1100ms));
    disk_.fails_from = 0;
    EXPECT_THAT(journal(), ElementsAre("start 0 TR_1 42", "tick", "rtp 0"));
}

TEST_F(CaptureTest, GivesItsFileWhenTheJournalCannotBeClosed) {
    Speaker ann = speaker(0);
    ASSERT_TRUE(capture_->on_track("PA_1", track("TR_1"), kStart));
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_1", ann.start.ssrc)}, kStart));
    Instant at = kStart;
    for (const Bytes& payload : spoken_tone(450, 1)) {
        ASSERT_TRUE(capture_->on_rtp(ann.start.ssrc, build_rtp(ann, payload), at += 20ms));
        ++ann.sequence;
        ann.rtp_timestamp += 960;
    }
    disk_.fails_from = disk_.writes + 1;
    const auto finished = capture_->finish(at, "disk");
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->duration, 980ms);  // from the first packet's arrival
}

TEST(CaptureCreate, NeedsAJournal) {
    Disk disk;
    disk.fails_from = 1;
    Capture::Options options;
    options.store = std::make_unique<DiskStore>(disk);
    options.header = testing::header();
    const auto capture = Capture::create(std::move(options), kStart);
    ASSERT_FALSE(capture);
    EXPECT_EQ(capture.error().code, Errc::NoSpace);
}

}  // namespace
}  // namespace aircheck::recorder
