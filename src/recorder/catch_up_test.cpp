#include "recorder/catch_up.hpp"

#include "core/temp_folder_testing.hpp"
#include "journal/writer.hpp"
#include "recorder/capture.hpp"
#include "recorder/journal_past.hpp"
#include "recorder/spoken_call_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace aircheck::recorder {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Instant kOrigin = Instant(Nanoseconds(7'000'000'000'000));

/// A folder in which a former process left the journal of a call.
class CatchUpTest : public ::testing::Test {
protected:
    void SetUp() override {
        ann_.start.participant_identity = "ann";
        call_.add(0ms, journal::ParticipantJoined{"PA_1", "ann", {}, {}, {}, {}});
        call_.add(0ms, clock_event("boot", kOrigin));
        call_.start(100ms, ann_);
        call_.speak(500ms, ann_, testing::spoken_tone(440, 6));
        call_.start(200ms, bob_);
        call_.speak(1500ms, bob_, testing::spoken_tone(1000, 2));
        call_.ticks(0ms, 8s);
        records_ = call_.records();
    }

    /// The first `count` records, as the segment `number`.
    void leave(std::size_t count, std::uint32_t number = 1) {
        auto header = testing::header();
        header.segment = number;
        auto writer = journal::Writer::create(
                          journal::open_folder(folder_.path()).value(), header, {}, kOrigin
        )
                          .value();
        for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(writer.append(records_[i]));
        ASSERT_TRUE(writer.close(kOrigin));
    }

    [[nodiscard]] std::unique_ptr<CatchUp> begin(const PipelineSettings& settings = {}) {
        CatchUp::Options options;
        options.folder = folder_.path();
        options.last_segment = 1;
        options.settings = settings;
        options.output = Output::create(folder_.path()).value();
        return CatchUp::create(std::move(options)).value();
    }

    tests::TempFolder folder_;
    testing::Speaker ann_ = testing::speaker(0);
    testing::Speaker bob_ = testing::speaker(1);
    testing::Script call_;
    std::vector<journal::Record> records_;
};

TEST_F(CatchUpTest, GivesTheBytesThatOneProcessWouldHaveGiven) {
    const auto whole = testing::render({}, records_, 8s).value().file;
    for (const std::size_t cut : {std::size_t{1}, records_.size() / 3, records_.size() - 1}) {
        std::filesystem::remove_all(folder_.path());
        std::filesystem::create_directories(folder_.path());
        leave(cut);
        leave(1, 2);  // The live recording's own segment: it is not read.
        const auto work = begin();
        bool is_over = false;
        std::size_t pieces = 0;
        for (; !is_over; ++pieces) is_over = work->advance(1s)->is_last;
        EXPECT_GE(pieces, cut > 100 ? 2U : 1U);
        const auto pipeline = work->take_pipeline();
        const auto output = work->take_output();

        Bytes body;
        for (std::size_t i = cut; i < records_.size(); ++i) {
            ASSERT_TRUE(pipeline->feed(records_[i], body));
        }
        const auto finished = pipeline->finish(8s).value();
        body.insert(body.end(), finished.tail.begin(), finished.tail.end());
        ASSERT_TRUE(output->append(body));
        const auto text = storage::read_range(output->path(), 0, output->size()).value();
        const BytesView bytes = as_bytes(text);
        const Bytes file = testing::assemble(
            Bytes(bytes.begin(), bytes.end()), pipeline->header_bytes(), finished.head
        );
        EXPECT_EQ(file, whole) << "cut at record " << cut;
    }
}

TEST_F(CatchUpTest, MakesSegmentsAndTracksAgainButSendsNoStreamTwice) {
    leave(records_.size());
    PipelineSettings settings;
    settings.keeps_tracks = true;
    settings.segments = Segmenting{2s, settings.encoding};
    settings.stream = settings.encoding;
    const auto work = begin(settings);
    std::size_t segments = 0;
    std::size_t track_bytes = 0;
    bool is_over = false;
    while (!is_over) {
        auto piece = work->advance(2s).value();
        segments += piece.segments.size();
        for (const TrackPiece& track : piece.tracks) track_bytes += track.bytes.size();
        is_over = piece.is_last;
    }
    EXPECT_GE(segments, 2U);
    EXPECT_GT(track_bytes, 10'000U);
    EXPECT_THAT(work->take_pipeline()->take_stream(), IsEmpty());
}

TEST_F(CatchUpTest, NamesAJournalThatIsNotThere) {
    CatchUp::Options options;
    options.folder = folder_ / "none";
    const auto work = CatchUp::create(std::move(options));
    ASSERT_FALSE(work);
    EXPECT_THAT(work.error().to_string(), HasSubstr("none"));
}

// --- What a journal says of its past -------------------------------------------------------------

TEST_F(CatchUpTest, ThePastIsAllThatWasKnown) {
    leave(records_.size());
    const auto past = read_journal_past(folder_.path()).value();
    EXPECT_EQ(past.last_segment, 1U);
    EXPECT_EQ(past.end, 8s);
    EXPECT_EQ(past.first_packet, 500ms);
    EXPECT_EQ(past.next_track, 2);
    ASSERT_THAT(past.tracks, SizeIs(2));
    EXPECT_EQ(past.tracks[0].packets, 300U);
    EXPECT_EQ(past.tracks[1].packets, 100U);
    EXPECT_FALSE(past.tracks[0].is_over);
    ASSERT_THAT(past.participants, SizeIs(1));
    EXPECT_EQ(past.participants[0].who.identity, "ann");
    EXPECT_FALSE(past.participants[0].left);
}

TEST_F(CatchUpTest, ATornEndCostsNothingBeforeIt) {
    leave(records_.size());
    const std::string path = folder_ / journal::segment_name(1);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
    const auto past = read_journal_past(folder_.path()).value();
    EXPECT_EQ(past.last_segment, 1U);
    EXPECT_GT(past.end, 7s);
}

TEST(OriginOf, IsTheClocksOfThisBoot) {
    JournalPast past;
    past.end = 10s;
    past.clock = clock_event("boot", kOrigin).detail;
    past.header.wall_start = WallTime(1'000'000s);
    const Instant now = kOrigin + 15s;
    // A calendar that was set meanwhile makes no difference.
    EXPECT_EQ(origin_of(past, "boot", now, past.header.wall_start + 3600s), kOrigin);
}

TEST(OriginOf, IsTheCalendarsAfterAnotherBoot) {
    JournalPast past;
    past.end = 10s;
    past.clock = clock_event("boot", kOrigin).detail;
    past.header.wall_start = WallTime(1'000'000s);
    const Instant now = Instant(3s);
    EXPECT_EQ(origin_of(past, "next", now, past.header.wall_start + 15s), now - 15s);
    // Time does not go back to before what was recorded, whatever the calendar says.
    EXPECT_EQ(origin_of(past, "next", now, past.header.wall_start - 3600s), now - 10s);
    past.clock = "boot nonsense";
    EXPECT_EQ(origin_of(past, "boot", now, past.header.wall_start + 15s), now - 15s);
}

// --- A capture that goes on ----------------------------------------------------------------------

class ResumedCapture : public CatchUpTest {
protected:
    void SetUp() override {
        CatchUpTest::SetUp();
        leave(records_.size());
        const auto past = read_journal_past(folder_.path()).value();
        Capture::Options options;
        options.store = journal::open_folder(folder_.path()).value();
        capture_ = Capture::resume(std::move(options), past, kOrigin, kOrigin + 9s).value();
    }

    [[nodiscard]] static signal::TrackMapping mapping(
        const std::string& track_sid, std::uint32_t ssrc
    ) {
        signal::TrackMapping mapping;
        mapping.mid = "0";
        mapping.track_sid = track_sid;
        mapping.ssrc = ssrc;
        mapping.codecs = {{111, "OPUS", 48000, 2, "useinbandfec=1", {}}};
        return mapping;
    }

    std::unique_ptr<Capture> capture_;
};

TEST_F(ResumedCapture, KeepsWhatHappensForThePipelineThatIsBehind) {
    testing::Speaker again = testing::rejoined(ann_, 2);
    ASSERT_TRUE(capture_->on_mapping({mapping("TR_0", again.start.ssrc)}, kOrigin + 9s));
    testing::Script rest;
    rest.speak(9s, again, testing::spoken_tone(440, 3));
    for (const journal::Record& record : rest.records()) {
        const auto& packet = std::get<journal::RtpPacket>(record.body);
        ASSERT_TRUE(capture_->on_rtp(again.start.ssrc, packet.packet, kOrigin + record.at));
    }
    EXPECT_FALSE(capture_->pipeline().has_media());
    EXPECT_THAT(capture_->take_output(), IsEmpty());

    const auto work = begin();
    while (!work->advance(5s)->is_last) {
    }
    ASSERT_TRUE(capture_->catch_up(work->take_pipeline()));
    const auto output = work->take_output();
    const auto finished = capture_->finish(kOrigin + 13s, "test").value();
    Bytes rest_of_body = capture_->take_output();
    rest_of_body.insert(rest_of_body.end(), finished.tail.begin(), finished.tail.end());
    ASSERT_TRUE(output->append(rest_of_body));
    const auto text = storage::read_range(output->path(), 0, output->size()).value();
    const BytesView bytes = as_bytes(text);
    const auto samples = testing::decode(testing::assemble(
        Bytes(bytes.begin(), bytes.end()), capture_->pipeline().header_bytes(), finished.head
    ));
    // From 0.5 s to 6.5 s, and from 9 s to 12 s; the file begins at 0.5 s.
    const auto heard = testing::stretches(samples.front(), 440);
    ASSERT_THAT(heard, SizeIs(2));
    EXPECT_NEAR(heard[0].end, 6, 0.05);
    EXPECT_NEAR(heard[1].begin, 8.5, 0.05);
    EXPECT_NEAR(heard[1].end, 11.5, 0.05);

    // The journal holds both, and a render of it is the same call.
    auto reader = journal::Reader::open(folder_.path()).value();
    std::uint64_t packets = 0;
    std::vector<std::string> ended;
    while (const auto record = reader.next().value()) {
        packets += std::holds_alternative<journal::RtpPacket>(record->body) ? 1U : 0U;
        if (const auto* end = std::get_if<journal::TrackEnd>(&record->body)) {
            ended.push_back(std::to_string(end->track) + " " + end->reason);
        }
    }
    EXPECT_EQ(packets, 300U + 100U + 150U);
    EXPECT_EQ(reader.counters().segments, 2U);
    // Bob's track is not offered any more; Ann's goes on.
    EXPECT_THAT(ended, ::testing::ElementsAre("1 not offered"));
}

}  // namespace
}  // namespace aircheck::recorder
