#include "control/dossier.hpp"

#include "control/kept_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Bytes kKey(32, 0x17);
const Bytes kOther(32, 0x18);

recorder::Job job() {
    recorder::Job job;
    job.egress_id = "EG_1";
    job.room_name = "support";
    job.filepath = "calls/{room_name}.mp4";
    job.mixing = recorder::Mixing::DualChannelAgent;
    storage::S3Destination s3;
    s3.bucket = "of-the-request";
    s3.secret = "secret-of-the-store";
    job.destination = s3;
    job.stream.emplace();
    job.stream->targets = {{"rtmp://h/live/t0psecret", "rtmp://h/live/{t...t}", "one"}};
    return job;
}

records::Recording recording() {
    records::Recording recording;
    recording.egress_id = "EG_1";
    recording.room_name = "support";
    recording.room_sid = "RM_1";
    recording.origin = "rule";
    recording.worker = "w1";
    recording.metadata_json = R"({"case":7})";
    recording.link_key = "k";
    recording.started_at = WallTime(std::chrono::seconds(1'700'000'000));
    recording.sealed_job = keep_job(job(), kKey);
    recording.sealed_secrets = {1, 2, 3};
    return recording;
}

TEST(Dossier, HoldsAllOfItForWhoHasTheKey) {
    const std::string text = write_dossier(recording(), job());
    EXPECT_THAT(text, Not(HasSubstr("secret")));
    auto dossier = read_dossier(text).value();
    EXPECT_EQ(dossier.recording.metadata_json, R"({"case":7})");
    EXPECT_EQ(dossier.recording.started_at, recording().started_at);
    EXPECT_EQ(dossier.recording.room_sid, "RM_1");
    EXPECT_EQ(dossier.recording.link_key, "k");
    EXPECT_EQ(dossier.recording.worker, "w1");
    const auto whole = take_job(dossier, storage::LocalDestination{"/ours"}, kKey);
    EXPECT_EQ(storage::describe(whole.destination), "s3://of-the-request");
    EXPECT_TRUE(whole.stream);
    EXPECT_EQ(dossier.recording.sealed_secrets, Bytes({1, 2, 3}));
}

TEST(Dossier, IsEnoughWithoutTheKey) {
    auto dossier = read_dossier(write_dossier(recording(), job())).value();
    const auto open = take_job(dossier, storage::LocalDestination{"/ours"}, kOther);
    EXPECT_EQ(open.egress_id, "EG_1");
    EXPECT_EQ(open.filepath, "calls/{room_name}.mp4");
    EXPECT_EQ(open.mixing, recorder::Mixing::DualChannelAgent);
    EXPECT_EQ(storage::describe(open.destination), "/ours");
    EXPECT_FALSE(open.stream);
    EXPECT_TRUE(dossier.recording.sealed_secrets.empty());
    const auto kept = open_job(dossier.recording.sealed_job, "EG_1", kOther);
    ASSERT_TRUE(kept) << "the next process goes on with it";
    EXPECT_EQ(storage::describe(kept->destination), "/ours");
}

TEST(Dossier, RefusesValuesThatNoVersionWrites) {
    const std::string text = write_dossier(recording(), job());
    for (const char* name : {"mixing", "container", "codec", "kind", "channels"}) {
        std::string wrong = text;
        const std::string field = std::string("\\\"") + name + "\\\":";
        const auto at = wrong.find(field);
        ASSERT_NE(at, std::string::npos) << name;
        wrong.insert(at + field.size(), "77");
        EXPECT_EQ(read_dossier(wrong).error().code, Errc::Malformed) << name;
    }
}

TEST(Dossier, RefusesWhatIsNone) {
    for (const char* text :
         {"", "[]", "{}", R"({"version":2})", R"({"version":1,"egress_id":7})"}) {
        EXPECT_EQ(read_dossier(text).error().code, Errc::Malformed) << text;
    }
}

}  // namespace
}  // namespace aircheck::control
