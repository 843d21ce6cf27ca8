#include "records/store.hpp"

#include "tests/support/stores.hpp"

#include "records/migrations.hpp"
#include "records/store_impl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace aircheck::records {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::at;
using tests::must;
using tests::PostgresServer;

/// Migrations on both dialects; the parameter makes a database's location.
class Migrations : public tests::OnBackend {
protected:
    void SetUp() override {
        location_ = GetParam() == tests::Backend::Postgres
                        ? PostgresServer::instance().new_database()
                        : folder_.path() + "/a.db";
    }
    std::unique_ptr<Database> raw() {
        auto database = std::make_unique<Database>(location_);
        database->open_if_closed();
        return database;
    }
};
INSTANTIATE_TEST_SUITE_P(
    Contract,
    Migrations,
    testing::Values(tests::Backend::SqliteFile, tests::Backend::Postgres),
    [](const auto& backend) { return tests::name_of(backend.param); }
);

TEST_P(Migrations, KeepWhatAnOlderVersionWrote) {
    {
        const auto opened = raw();
        Database& database = *opened;
        must(migrate(database, 1));
        EXPECT_EQ(schema_of(database), 1);
        database.run(
            "INSERT INTO conversations VALUES "
            "('CV_old', 'livekit', 'r', 'complete', 7000000000, NULL, '', '{}')"
        );
    }
    const auto refused = Store::open(location_, Store::Migrate::CheckOnly);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::Unsupported);
    EXPECT_THAT(refused.error().context, HasSubstr("db migrate"));
    auto store = must(Store::open(location_));
    EXPECT_EQ(must(store->schema()), Store::newest_schema());
    EXPECT_EQ(must(store->find_conversation("CV_old")).conversation.started_at, at(7));
    must(store->remember_event("EV_1", at(1)));  // The newer tables are there.
}

TEST_P(Migrations, RunOnce) {
    must(Store::open(location_));
    const auto opened = raw();
    Database& database = *opened;
    must(migrate(database, Store::newest_schema()));
    const Rows rows = database.query("SELECT version FROM aircheck_schema ORDER BY version");
    ASSERT_EQ(rows.size(), migrations().size());
    EXPECT_EQ(rows.back().integer("version"), Store::newest_schema());
    must(Store::open(location_, Store::Migrate::CheckOnly));
}

TEST_P(Migrations, RefuseANewerSchema) {
    must(Store::open(location_));
    const auto opened = raw();
    Database& database = *opened;
    database.run("INSERT INTO aircheck_schema (version, name) VALUES (99, 'from the future')");
    for (const auto mode : {Store::Migrate::Yes, Store::Migrate::CheckOnly}) {
        const auto refused = Store::open(location_, mode);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::Unsupported);
        EXPECT_THAT(refused.error().context, HasSubstr("99"));
        EXPECT_THAT(refused.error().context, HasSubstr(std::to_string(Store::newest_schema())));
    }
}

TEST_P(Migrations, LeaveNothingBehindWhenTheyFail) {
    {
        const auto opened = raw();
        Database& database = *opened;
        must(migrate(database, 1));
        database.run("CREATE TABLE received_events (in_the_way BIGINT)");
    }
    EXPECT_FALSE(Store::open(location_));
    const auto opened = raw();
    Database& database = *opened;
    EXPECT_EQ(schema_of(database), 1);
    database.run("DROP TABLE received_events");
    // `deliveries`, made before the failure, was rolled back: making it again works.
    must(migrate(database, 2));
}

TEST(Sqlite, FileIsPrivate) {
    const tests::TempFolder folder;
    const std::string path = folder / "a.db";
    auto store = must(Store::open(path));
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    must(store->ping());
}

TEST(Sqlite, ErrorsNameTheDatabase) {
    const auto missing = Store::open("/nonexistent/a.db");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::Unavailable);
    EXPECT_THAT(missing.error().context, HasSubstr("/nonexistent/a.db"));
    const tests::TempFolder folder;
    const std::string path = folder / "no.db";
    std::ofstream(path) << std::string(4096, 'x');
    const auto garbage = Store::open(path);
    ASSERT_FALSE(garbage);
    EXPECT_EQ(garbage.error().code, Errc::Malformed);
    EXPECT_EQ(Store::open("").error().code, Errc::InvalidArgument);
}

TEST(Sqlite, SurvivesSigkill) {
    const tests::TempFolder folder;
    const std::string path = folder / "a.db";
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        auto store = Store::open(path);
        Recording recording;
        recording.egress_id = "EG_1";
        if (store && (*store)->update_recording(recording)) {
            // And a transaction that never ends.
            Database database(path);
            database.open_if_closed();
            database.begin(Database::Access::Write);
            database.run("DELETE FROM recordings");
            static_cast<void>(::write(pipe_ends[1], "x", 1) == 1);
        }
        ::pause();
        ::_exit(0);
    }
    char ready = 0;
    ::close(pipe_ends[1]);
    ASSERT_EQ(::read(pipe_ends[0], &ready, 1), 1);
    ::close(pipe_ends[0]);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    auto store = must(Store::open(path));
    EXPECT_EQ(must(store->find_recording("EG_1")).egress_id, "EG_1");
}

TEST(Postgres, ReconnectsAfterALoss) {
    auto store = must(Store::open(PostgresServer::instance().new_database()));
    must(store->remember_event("EV_1", at(1)));
    PostgresServer::instance().end_sessions();
    must(store->remember_event("EV_2", at(2)));
    EXPECT_TRUE(must(store->event_seen("EV_1")));
    EXPECT_TRUE(must(store->event_seen("EV_2")));
}

TEST(Postgres, UnreachableIsUnavailableAndShowsNoPassword) {
    const auto refused = Store::open("postgres://me:hunter2@127.0.0.1:1/db?password=hunter2");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::Unavailable);
    EXPECT_THAT(refused.error().context, HasSubstr("postgres://me:***@127.0.0.1:1/db"));
    EXPECT_THAT(refused.error().context, Not(HasSubstr("hunter2")));
}

TEST(Patience, WaitsTenSecondsInAllAndThenTriesOnce) {
    Patience patience;
    Instant now(100s);
    Nanoseconds longest{0};
    int tries = 0;
    for (auto pause = patience.pause(now); pause; pause = patience.pause(now)) {
        longest = std::max(longest, *pause);
        now += *pause;
        ++tries;
    }
    EXPECT_GE(now, Instant(110s));
    EXPECT_LE(now, Instant(111s));
    EXPECT_EQ(longest, 1s);
    EXPECT_LE(tries, 16);
    EXPECT_FALSE(patience.pause(now + 3600s)) << "who comes later does not wait again";
    patience.is_back();
    EXPECT_TRUE(patience.pause(now + 7200s));
}

TEST(CleanText, KeepsUtf8AndReplacesTheRest) {
    EXPECT_EQ(clean_text("a\tb"), "a\tb");
    EXPECT_EQ(clean_text("\xF0\x9F\x8E\x99"), "\xF0\x9F\x8E\x99");  // Four bytes stay.
    EXPECT_EQ(clean_text("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // Overlong "/".
    EXPECT_EQ(clean_text("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // Cut short.
}

}  // namespace
}  // namespace aircheck::records
