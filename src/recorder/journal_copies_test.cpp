#include "recorder/journal_copies.hpp"

#include "core/temp_folder_testing.hpp"
#include "journal/writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

namespace aircheck::recorder {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
constexpr const char* kId = "EG_abcdefghijkl";

class JournalCopiesTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string spool_file(const std::string& name) const {
        return spool_.path() + "/" + kId + "/" + name;
    }
    void segment(std::uint32_t number, const std::string& content) {
        static_cast<void>(spool_.folder(kId).value());
        tests::write_file(spool_file(journal::segment_name(number)), content);
    }
    [[nodiscard]] std::string copy_of(std::uint32_t number) {
        return objects_
            .get("aircheck-journals/" + std::string(kId) + "/" + journal::segment_name(number))
            .value_or("none");
    }
    /// Runs the loop until `question` says yes; a minute at most.
    void wait_until(const std::function<bool()>& question) {
        net::Timer timer(loop_), limit(loop_);
        bool is_late = false;
        const std::function<void()> ask = [&] {
            if (question() || is_late) return loop_.stop();
            timer.after(10ms, ask);
        };
        limit.after(60s, [&] { is_late = true; });
        ask();
        loop_.run("test");
        ASSERT_FALSE(is_late);
    }

    tests::TempFolder folder_;
    storage::LocalDestination store_{folder_ / "store"};
    net::HttpClient http_;
    storage::SmallObjects objects_{store_, http_};
    storage::Spool spool_ = storage::Spool::open(folder_ / "data").value();
    net::Loop loop_;
};

TEST_F(JournalCopiesTest, WholeSegmentsAreCopiedAndGoWithTheEnd) {
    JournalCopies copies(loop_, http_, spool_, {store_, 600ms});
    copies.begin(kId, "the job", JournalCopies::Begun::Here);
    segment(1, "one");
    segment(2, "two");
    segment(3, "is still written");
    wait_until([&] { return copied_segments(spool_.path() + "/" + kId) == 2; });
    EXPECT_EQ(copy_of(1), "one");
    EXPECT_EQ(copy_of(2), "two");
    EXPECT_EQ(copy_of(3), "none");
    EXPECT_THAT(copied_recordings(objects_).value(), ElementsAre(kId));
    EXPECT_EQ(copied_dossier(objects_, kId).value(), "the job");
    copies.end(kId, JournalCopies::Outcome::Complete);
    wait_until([&] { return copied_recordings(objects_).value().empty(); });
    EXPECT_EQ(copy_of(1), "none");
    EXPECT_THAT(objects_.list(std::string("aircheck-journals/") + kId).value(), IsEmpty());
    copies.finish();
}

TEST_F(JournalCopiesTest, TheUploadsCheckpointGoesAlong) {
    JournalCopies copies(loop_, http_, spool_, {store_, 600ms});
    copies.begin(kId, "the job", JournalCopies::Begun::Here);
    segment(1, "one");
    segment(2, "is still written");
    tests::write_file(spool_file("upload.state"), "two parts");
    const std::string key = std::string("aircheck-journals/") + kId + "/upload.state";
    wait_until([&] { return objects_.get(key).value_or("") == "two parts"; });
    tests::write_file(spool_file("upload.state"), "three parts");
    wait_until([&] { return objects_.get(key).value_or("") == "three parts"; });
    copies.finish();
    const auto elsewhere = storage::Spool::open(folder_ / "elsewhere").value();
    ASSERT_EQ(fetch_journal(objects_, elsewhere, kId).value(), 1u);
    EXPECT_EQ(tests::read_file(elsewhere.path() + "/" + kId + "/upload.state"), "three parts");
}

TEST_F(JournalCopiesTest, WhatIsKeptIsCopiedToItsLastSegment) {
    JournalCopies copies(loop_, http_, spool_, {store_, 600ms});
    copies.begin(kId, "the job", JournalCopies::Begun::Here);
    segment(1, "one");
    copies.end(kId, JournalCopies::Outcome::Kept);
    wait_until([&] { return copy_of(1) == "one"; });
    EXPECT_EQ(copied_dossier(objects_, kId).value(), "the job");
    copies.finish();
}

TEST_F(JournalCopiesTest, AShortCallIsNotCopied) {
    JournalCopies copies(loop_, http_, spool_, {store_, 600ms});
    copies.begin(kId, "the job", JournalCopies::Begun::Here);
    segment(1, "is still written");
    copies.end(kId, JournalCopies::Outcome::Complete);
    copies.finish();
    EXPECT_TRUE(copied_recordings(objects_).value().empty());
    EXPECT_TRUE(objects_.list("aircheck-journals").value().empty());
}

TEST_F(JournalCopiesTest, AFormerOwnerDoesNotTouchWhatTheNewOneWrote) {
    const std::string key = std::string("aircheck-journals/") + kId + "/000001.acj";
    ASSERT_TRUE(objects_.put(key, "the new one's", storage::ObjectStore::IfTaken::Refuse));
    JournalCopies copies(loop_, http_, spool_, {store_, 600ms});
    segment(1, "the former one's");
    segment(2, "is still written");
    copies.begin(kId, "the job", JournalCopies::Begun::Here);
    wait_until([&] { return copied_recordings(objects_).value().size() == 1; });
    copies.finish();
    EXPECT_EQ(copy_of(1), "the new one's");
    EXPECT_EQ(copied_segments(spool_.path() + "/" + kId), 0u);
}

TEST_F(JournalCopiesTest, AnotherMachineFetchesThem) {
    for (const std::uint32_t number : {1u, 2u}) {
        ASSERT_TRUE(objects_.put(
            std::string("aircheck-journals/") + kId + "/" + journal::segment_name(number),
            "segment " + std::to_string(number),
            storage::ObjectStore::IfTaken::Refuse
        ));
    }
    EXPECT_EQ(fetch_journal(objects_, spool_, kId).value(), 2u);
    EXPECT_EQ(tests::read_file(spool_file("000002.acj")), "segment 2");
    EXPECT_EQ(copied_segments(spool_.path() + "/" + kId), 2u) << "they are not sent again";
    EXPECT_EQ(fetch_journal(objects_, spool_, kId).error().code, Errc::AlreadyExists);
    EXPECT_EQ(fetch_journal(objects_, spool_, "EG_other1234567").error().code, Errc::NotFound);
}

TEST_F(JournalCopiesTest, HalfAJournalIsNeverThere) {
    const std::string place = std::string("aircheck-journals/") + kId + "/";
    ASSERT_TRUE(objects_.put(place + "000001.acj", "one", storage::ObjectStore::IfTaken::Refuse));
    // What cannot be read as a file stands for a store that breaks off.
    std::filesystem::create_directories(store_.root + "/" + place + "000002.acj/x");
    const auto broken = fetch_journal(objects_, spool_, kId);
    ASSERT_FALSE(broken);
    EXPECT_NE(broken.error().code, Errc::AlreadyExists);
    EXPECT_TRUE(spool_.list().value().empty());
    std::filesystem::remove_all(store_.root + "/" + place + "000002.acj");
    ASSERT_TRUE(objects_.put(place + "000002.acj", "two", storage::ObjectStore::IfTaken::Refuse));
    // As a process left it that was killed while it fetched.
    std::filesystem::create_directory(spool_.path() + "/" + kId + ".fetching");
    tests::write_file(spool_.path() + "/" + kId + ".fetching/000001.acj", "torn");
    EXPECT_EQ(fetch_journal(objects_, spool_, kId).value(), 2u);
    EXPECT_EQ(tests::read_file(spool_file("000001.acj")), "one");
    EXPECT_EQ(tests::read_file(spool_file("000002.acj")), "two");
}

TEST_F(JournalCopiesTest, WhatIsDoneIsNotMadeAgain) {
    ASSERT_TRUE(objects_.put(
        std::string("aircheck-journals/jobs/") + kId + ".json",
        "{\"done\":true}\n",
        storage::ObjectStore::IfTaken::Overwrite
    ));
    EXPECT_EQ(copied_dossier(objects_, kId).error().code, Errc::Cancelled);
    ASSERT_TRUE(remove_copies(objects_, kId));
    EXPECT_EQ(copied_dossier(objects_, kId).error().code, Errc::NotFound);
}

}  // namespace
}  // namespace aircheck::recorder
