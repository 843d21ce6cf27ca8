#include "tests/support/stores.hpp"

#include "records/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

// Several workers on one database at the same time: nothing that one of them was told is kept may
// be lost to another.
namespace aircheck::records {
namespace {

using tests::at;
using tests::Backend;
using tests::must;
using tests::PostgresServer;

constexpr int kWorkers = 3;

class ManyWorkers : public tests::OnBackend {
protected:
    /// `work(store, n)` on a thread and a store of its own for each worker.
    void run(const std::function<void(Store& store, int worker)>& work) {
        std::vector<std::thread> threads;
        for (int worker = 0; worker < kWorkers; ++worker) {
            threads.emplace_back([this, &work, worker] {
                auto own = must(Store::open(location_));
                work(*own, worker);
            });
        }
        for (std::thread& thread : threads) thread.join();
    }
    Conversation make_conversation() {
        Store::RoomSighting sighting;
        sighting.room_sid = "RM_1";
        sighting.room_name = "r";
        sighting.seen_at = at(1);
        return must(store().conversation_for_room(sighting));
    }
};
INSTANTIATE_TEST_SUITE_P(
    Contract,
    ManyWorkers,
    testing::Values(Backend::SqliteFile, Backend::Postgres),
    [](const auto& backend) { return tests::name_of(backend.param); }
);

TEST_P(ManyWorkers, MakeOneConversationOfOneRoom) {
    run([](Store& store, int worker) {
        Store::RoomSighting sighting;
        sighting.room_name = "r";
        sighting.room_sid = "RM_1";
        sighting.seen_at = at(worker);
        must(store.conversation_for_room(sighting));
        must(store.claim_room("RM_1", "EG_" + std::to_string(worker)));
    });
    EXPECT_EQ(must(store().list_conversations({})).items.size(), 1U);
    const auto session = must(store().find_room("RM_1"));
    EXPECT_EQ(session.last_seen_at, at(kWorkers - 1));
    run([&](Store& store, int worker) {
        EXPECT_EQ(
            must(store.claim_room("RM_1", "EG_x" + std::to_string(worker))), session.recorded_by
        );
    });
}

TEST_P(ManyWorkers, LoseNoChangeOfOneConversation) {
    constexpr int kRounds = 8;
    const std::string id = make_conversation().conversation_id;
    run([&](Store& store, int worker) {
        for (int round = 0; round < kRounds; ++round) {
            const std::string name = std::to_string(worker) + "." + std::to_string(round);
            must(store.change_owner_metadata(id, [](const std::string& known) {
                return known == "{}" ? std::string("x") : known + "x";
            }));
            Participant who;
            who.sid = "PA_1";
            who.attributes[name] = "there";
            who.joined_at = at(2);
            must(store.upsert_participant(id, who));
            Store::RoomSighting sighting;
            sighting.room_sid = "RM_1";
            sighting.room_name = "r";
            sighting.seen_at = at(worker * kRounds + round);
            must(store.conversation_for_room(sighting));
            Recording recording;
            recording.egress_id = "EG_" + name;
            recording.conversation_id = id;
            recording.status = RecordingStatus::Active;
            must(store.update_recording(recording));
            recording.status = RecordingStatus::Complete;
            must(store.update_recording(recording));
        }
    });
    const auto all = must(store().find_conversation(id));
    EXPECT_EQ(all.conversation.owner_metadata_json, std::string(kWorkers * kRounds, 'x'));
    EXPECT_EQ(all.participants.at(0).attributes.size(), std::size_t{kWorkers * kRounds});
    EXPECT_EQ(all.recordings.size(), std::size_t{kWorkers * kRounds});
    EXPECT_EQ(all.conversation.status, ConversationStatus::Complete);
    EXPECT_EQ(must(store().find_room("RM_1")).last_seen_at, at(kWorkers * kRounds - 1));
}

TEST_P(ManyWorkers, LoseNoFileOfOneRecording) {
    const std::string id = make_conversation().conversation_id;
    run([&](Store& store, int worker) {
        Recording recording;
        recording.egress_id = "EG_1";
        recording.conversation_id = id;
        recording.status = static_cast<RecordingStatus>(worker);
        recording.updated_at = at(worker);
        recording.files.resize(1);
        recording.files[0].index = worker;
        must(store.update_recording(recording));
    });
    const auto recording = must(store().find_recording("EG_1"));
    EXPECT_EQ(recording.status, static_cast<RecordingStatus>(kWorkers - 1));
    EXPECT_EQ(recording.files.size(), std::size_t{kWorkers});
}

/// A process that adds deliveries and says over `said` which of them are on record; until killed.
[[noreturn]] void add_for_ever(const std::string& location, int worker, int said) {
    auto store = Store::open(location);
    for (int i = 0; store; ++i) {
        Delivery delivery;
        delivery.delivery_id = std::to_string(worker) + "." + std::to_string(i);
        delivery.receiver = delivery.fifo_key = delivery.delivery_id;
        if (!(*store)->add_deliveries(std::vector{delivery})) break;
        const std::string line = delivery.delivery_id + "\n";
        if (::write(said, line.data(), line.size()) < 0) break;
        Store::ClaimTerms terms;
        terms.worker = "w" + std::to_string(worker);
        if (const auto due = (*store)->claim_deliveries(terms)) {
            for (const Delivery& one : *due) {
                static_cast<void>((*store)->mark_delivered(one.delivery_id, 200, at(1)));
            }
        }
    }
    ::_exit(1);
}

TEST(Postgres, KeepsWhatProcessesWereToldIsKeptThoughTheyAreKilled) {
    const std::string location = PostgresServer::instance().new_database();
    auto store = must(Store::open(location));
    std::set<std::string> promised;
    std::mt19937 random(20261121);
    for (int worker = 0; worker < 6; ++worker) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) add_for_ever(location, worker, ends[1]);
        ::close(ends[1]);
        FILE* lines = ::fdopen(ends[0], "r");
        char line[64];
        // Killed at an instant of its own: after so many lines, wherever it is by then.
        int left = std::uniform_int_distribution<int>(1, 40)(random);
        while (std::fgets(line, sizeof line, lines) != nullptr) {
            promised.insert(std::string(line, std::string_view(line).find('\n')));
            if (--left == 0) ::kill(child, SIGKILL);
        }
        std::fclose(lines);
        ::waitpid(child, nullptr, 0);
    }
    EXPECT_GT(promised.size(), 6U);
    for (const std::string& id : promised) must(store->find_delivery(id));
    // What the killed ones had is given up a minute later, and nothing is locked.
    Store::ClaimTerms terms;
    terms.now = at(61);
    terms.limit = 1000;
    for (const Delivery& one : must(store->claim_deliveries(terms))) {
        must(store->mark_delivered(one.delivery_id, 200, at(61)));
    }
    EXPECT_EQ(must(store->delivery_counts()).count(DeliveryState::Pending), 0U);
}

TEST(Postgres, ARestartOfTheServerIsWaitedFor) {
    auto& server = PostgresServer::instance();
    auto store = must(Store::open(server.new_database()));
    must(store->remember_event("EV_1", at(1)));
    server.stop();
    std::thread other([&] { must(store->remember_event("EV_2", at(2))); });
    server.start();
    other.join();
    EXPECT_TRUE(must(store->event_seen("EV_1")));
    EXPECT_TRUE(must(store->event_seen("EV_2")));
}

Recording recording_of(const std::string& egress_id, const std::string& worker) {
    Recording recording;
    recording.egress_id = egress_id;
    recording.room_name = "r";
    recording.status = RecordingStatus::Active;
    recording.worker = worker;
    recording.started_at = recording.updated_at = at(10);
    return recording;
}

TEST_P(ManyWorkers, OfWhomOneIsGoneOneTakesItsRecordings) {
    must(store().update_recording(recording_of("EG_1", "gone")));
    must(store().update_recording(recording_of("EG_2", "alive")));
    must(store().update_recording(recording_of("EG_3", "of a version without leases")));
    must(store().keep_alive("gone", -1s));
    must(store().keep_alive("alive", std::chrono::hours(1)));
    std::atomic<int> taken = 0;
    run([&](Store& own, int worker) {
        for (const Recording& orphan : must(own.orphans(10))) {
            EXPECT_EQ(orphan.egress_id, "EG_1");
            taken +=
                must(own.take_over({"EG_1", "gone", "worker " + std::to_string(worker)})) ? 1 : 0;
        }
        EXPECT_FALSE(must(own.take_over({"EG_2", "alive", "a thief"})));
    });
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(must(store().workers_of({"EG_1", "EG_2", "EG_9"})).at("EG_2"), "alive");
    EXPECT_TRUE(must(store().workers_of({"EG_1"})).at("EG_1").starts_with("worker "));
    EXPECT_TRUE(must(store().orphans(10)).empty());
}

TEST_P(ManyWorkers, WhoWasTakenForDeadChangesNothingAnyMore) {
    must(store().update_recording(recording_of("EG_1", "former")));
    must(store().keep_alive("former", -1s));
    ASSERT_TRUE(must(store().take_over({"EG_1", "former", "new"})));
    Recording late = recording_of("EG_1", "former");
    late.status = RecordingStatus::Failed;
    late.updated_at = at(99);
    Delivery told;
    told.delivery_id = "DL_1";
    const auto refused = must(store().update_recording(late, {&told, 1}));
    EXPECT_EQ(refused.outcome, Store::Updated::Outcome::Anothers);
    EXPECT_EQ(refused.recording.worker, "new");
    EXPECT_EQ(must(store().find_recording("EG_1")).status, RecordingStatus::Active);
    EXPECT_EQ(must(store().list_deliveries({})).items.size(), 0U);
    const auto taken = must(store().update_recording(recording_of("EG_1", "new")));
    EXPECT_EQ(taken.outcome, Store::Updated::Outcome::Applied);
}

TEST_P(ManyWorkers, WhatIsOverIsTakenByNobody) {
    Recording over = recording_of("EG_1", "gone");
    over.status = RecordingStatus::Complete;
    must(store().update_recording(over));
    must(store().keep_alive("gone", -1s));
    EXPECT_TRUE(must(store().orphans(10)).empty());
    EXPECT_FALSE(must(store().take_over({"EG_1", "gone", "new", Store::TakeOver::OnlyIf::Known})));
}

}  // namespace
}  // namespace aircheck::records
