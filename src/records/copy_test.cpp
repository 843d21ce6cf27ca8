#include "records/copy.hpp"

#include "tests/support/stores.hpp"

#include "records/migrations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

// Databases of every schema that was ever published, and copies from one database to another.
namespace aircheck::records {
namespace {

using testing::HasSubstr;
using tests::at;
using tests::Backend;
using tests::must;
using tests::PostgresServer;

std::string place_of(Backend backend, const tests::TempFolder& folder, const std::string& name) {
    return backend == Backend::Postgres ? PostgresServer::instance().new_database()
                                        : folder / (name + ".db");
}

/// Makes the database that tests/data/records/schema_N.sql describes.
void make_old_database(const std::string& location, int schema) {
    std::ifstream file(AIRCHECK_TEST_DATA "/records/schema_" + std::to_string(schema) + ".sql");
    std::stringstream read;
    read << file.rdbuf();
    std::string sql = read.str();
    sql.erase(0, sql.find('\n') + 1);  // The comment.
    Database database(location);
    database.open_if_closed();
    const std::string serial =
        database.is_postgres() ? "BIGSERIAL PRIMARY KEY" : "INTEGER PRIMARY KEY AUTOINCREMENT";
    if (const auto place = sql.find("{serial}"); place != std::string::npos) {
        sql.replace(place, 8, serial);
    }
    int statements = 0;
    for (std::size_t start = 0; start < sql.size(); ++statements) {
        const auto end = sql.find(";\n", start);
        // Text with colons would be taken for arguments' names.
        std::string statement = sql.substr(start, end - start);
        Args args;
        for (auto quote = statement.find('\''); quote != std::string::npos;) {
            const auto close = statement.find('\'', quote + 1);
            const std::string name = "t" + std::to_string(args.size());
            args.emplace_back(name, statement.substr(quote + 1, close - quote - 1));
            const bool is_default = statement.substr(0, quote).ends_with("DEFAULT ");
            if (is_default) {
                args.pop_back();
                quote = statement.find('\'', close + 1);
                continue;
            }
            statement.replace(quote, close - quote + 1, ":" + name);
            quote = statement.find('\'', quote);
        }
        database.run(statement, args);
        start = end + 2;
    }
    ASSERT_GT(statements, 5) << "schema_" << schema << ".sql";
}

void expect_old_records(Store& store, int schema) {
    const auto found = must(store.find_conversation("RM_old"));
    EXPECT_EQ(found.conversation.conversation_id, "CV_old");
    EXPECT_EQ(found.conversation.started_at, at(1'700'000'000));
    EXPECT_EQ(found.conversation.ended_at, at(1'700'000'060));
    EXPECT_EQ(found.conversation.owner_metadata_json, R"({"case":7})");
    ASSERT_EQ(found.participants.size(), 1U);
    EXPECT_EQ(found.participants[0].attributes.at("sip.callID"), "17");
    EXPECT_FALSE(found.participants[0].left_at);
    ASSERT_EQ(found.recordings.size(), 1U);
    const Recording& recording = found.recordings[0];
    EXPECT_EQ(recording.status, RecordingStatus::Complete);
    EXPECT_EQ(recording.link_key, "key");
    ASSERT_EQ(recording.files.size(), 1U);
    EXPECT_EQ(recording.files[0].location, "s3://calls/calls/a.mp4");
    EXPECT_EQ(recording.files[0].size_bytes, 64153U);
    EXPECT_EQ(recording.files[0].segment_count, schema >= 3 ? 3U : 0U);
    if (schema < 2) return;
    EXPECT_TRUE(must(store.event_seen("EV_in")));
    Store::ClaimTerms terms;
    terms.now = at(1'700'000'120);
    const auto due = must(store.claim_deliveries(terms));
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].body, R"({"event":"egress_ended"})");
    EXPECT_EQ(due[0].attempts, 6);
}

struct Way {
    Backend from, to;
    int schema;
};
void PrintTo(const Way& way, std::ostream* out) {
    *out << tests::name_of(way.from) << "To" << tests::name_of(way.to) << way.schema;
}
std::vector<Way> all_ways() {
    std::vector<Way> ways;
    for (const Backend from : {Backend::SqliteFile, Backend::Postgres}) {
        for (const Backend to : {Backend::SqliteFile, Backend::Postgres}) {
            for (int schema = 1; schema <= 5; ++schema) ways.push_back({from, to, schema});
        }
    }
    return ways;
}
class OldDatabase : public testing::TestWithParam<Way> {
protected:
    const tests::TempFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(
    Published,
    OldDatabase,
    testing::ValuesIn(all_ways()),
    [](const auto& way) {
        std::ostringstream name;
        PrintTo(way.param, &name);
        return name.str();
    }
);

TEST_P(OldDatabase, IsCopiedAsItIs) {
    const std::string from = place_of(GetParam().from, folder_, "old");
    const std::string to = place_of(GetParam().to, folder_, "new");
    make_old_database(from, GetParam().schema);
    for (const CopiedTable& table : must(copy_database(from, to))) {
        EXPECT_EQ(table.rows, 1) << table.name;
    }
    const auto refused = Store::open(from, Store::Migrate::CheckOnly);
    EXPECT_EQ(refused.has_value(), GetParam().schema == Store::newest_schema()) << "unchanged";
    expect_old_records(*must(Store::open(to, Store::Migrate::CheckOnly)), GetParam().schema);
}

TEST_P(OldDatabase, IsBroughtToTheNewestSchemaAndRead) {
    if (GetParam().from != GetParam().to) return;  // No copy here: one of the two is enough.
    const std::string location = place_of(GetParam().from, folder_, "old");
    make_old_database(location, GetParam().schema);
    auto store = must(Store::open(location));
    EXPECT_EQ(must(store->schema()), Store::newest_schema());
    expect_old_records(*store, GetParam().schema);
}

/// A database with rows in every table, more than are read at a time.
std::unique_ptr<Store> filled(const std::string& location, int deliveries) {
    auto store = must(Store::open(location));
    Store::RoomSighting sighting;
    sighting.room_sid = "RM_1";
    sighting.room_name = "größe \"';:x";
    sighting.seen_at = at(1);
    const auto conversation = must(store->conversation_for_room(sighting));
    Participant ann;
    ann.sid = "PA_1";
    ann.joined_at = at(2);
    must(store->upsert_participant(conversation.conversation_id, ann));
    std::vector<Delivery> owed;
    for (int i = 0; i < deliveries; ++i) {
        Delivery delivery;
        delivery.delivery_id = "DL_" + std::to_string(i);
        delivery.receiver = "r";
        delivery.fifo_key = "EG_" + std::to_string(i % 3);
        owed.push_back(delivery);
    }
    Recording recording;
    recording.egress_id = "EG_1";
    recording.conversation_id = conversation.conversation_id;
    recording.files.resize(2);
    recording.files[1].index = 1;
    must(store->update_recording(recording, owed));
    must(store->remember_event("EV_1", at(3)));
    return store;
}

TEST(Copy, GoesThereAndBackAndOn) {
    constexpr int kDeliveries = 1203;
    const tests::TempFolder folder;
    const std::string first = folder / "first.db";
    const std::string there = PostgresServer::instance().new_database();
    const std::string back = folder / "back.db";
    filled(first, kDeliveries).reset();
    std::int64_t rows = 0;
    for (const CopiedTable& table : must(copy_database(first, there))) rows += table.rows;
    EXPECT_EQ(rows, kDeliveries + 7);
    must(copy_database(there, back));
    for (const std::string& location : {there, back}) {
        auto store = must(Store::open(location));
        auto original = must(Store::open(first));
        EXPECT_EQ(must(store->find_recording("EG_1")), must(original->find_recording("EG_1")));
        EXPECT_EQ(
            must(store->find_conversation("RM_1")).conversation,
            must(original->find_conversation("RM_1")).conversation
        );
        EXPECT_EQ(
            must(store->list_deliveries({})).items, must(original->list_deliveries({})).items
        );
        // New ones are after the copied ones.
        Delivery next;
        next.delivery_id = "DL_next";
        next.receiver = "r";
        next.fifo_key = "EG_0";
        must(store->add_deliveries(std::vector{next}));
        EXPECT_EQ(must(store->list_deliveries({})).items.front().delivery_id, "DL_next");
    }
}

TEST(Copy, TakesEveryTableThereIs) {
    const tests::TempFolder folder;
    const std::string from = folder / "a.db";
    const std::string to = folder / "b.db";
    filled(from, 1).reset();
    std::set<std::string> copied;
    for (const CopiedTable& table : must(copy_database(from, to))) copied.insert(table.name);
    Database database(from);
    database.open_if_closed();
    std::set<std::string> there;
    const Rows rows = database.query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    );
    for (const Row& row : rows) there.insert(row.text("name"));
    there.erase("aircheck_schema");
    there.erase("workers");  // Processes that live now; they say so again.
    EXPECT_EQ(copied, there);
}

TEST(Copy, RefusesWhatItMustNotDo) {
    const tests::TempFolder folder;
    const std::string full = folder / "full.db";
    const std::string other = folder / "other.db";
    filled(full, 1).reset();
    filled(other, 1).reset();
    const auto onto_rows = copy_database(full, other);
    ASSERT_FALSE(onto_rows);
    EXPECT_EQ(onto_rows.error().code, Errc::AlreadyExists);
    EXPECT_THAT(onto_rows.error().to_string(), HasSubstr("other.db"));
    EXPECT_THAT(onto_rows.error().to_string(), HasSubstr("conversations holds 1 rows"));
    EXPECT_EQ(copy_database(full, full).error().code, Errc::InvalidArgument);
    EXPECT_EQ(copy_database(folder / "no.db", other).error().code, Errc::NotFound);
    EXPECT_FALSE(std::ifstream(folder / "no.db").good()) << "it was not made";
    const std::string newer = folder / "newer.db";
    filled(newer, 1).reset();
    Database database(newer);
    database.open_if_closed();
    database.run("INSERT INTO aircheck_schema (version, name) VALUES (99, 'from the future')");
    const std::string empty = folder / "empty.db";
    EXPECT_EQ(copy_database(newer, empty).error().code, Errc::Unsupported);
    EXPECT_THAT(copy_database(newer, empty).error().to_string(), HasSubstr("99"));
}

TEST(Copy, LeavesNothingBehindWhenItFails) {
    const tests::TempFolder folder;
    const std::string from = folder / "from.db";
    const std::string to = PostgresServer::instance().new_database();
    filled(from, 3).reset();
    must(Store::open(to)).reset();
    Database target(to);
    target.open_if_closed();
    // The last table's rows do not fit.
    target.run("ALTER TABLE received_events ADD CONSTRAINT late CHECK (received_at > 5000000000)");
    EXPECT_FALSE(copy_database(from, to));
    EXPECT_EQ(target.query("SELECT * FROM conversations").size(), 0U);
    target.run("ALTER TABLE received_events DROP CONSTRAINT late");
    must(copy_database(from, to));
}

}  // namespace
}  // namespace aircheck::records
