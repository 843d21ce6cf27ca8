#include "control/room_claims.hpp"

#include "proto/livekit_models.pb.h"

#include <gtest/gtest.h>

namespace aircheck::control {
namespace {

using recorder::EndReason;
using recorder::Status;
using records::RecordingStatus;

TEST(RoomClaims, EndWithTheCallOrWhenNothingCameOfIt) {
    const struct {
        const char* what;
        Status status;
        EndReason reason;
        bool had_media;
        int error_code;
        Claim expected;
    } rows[] = {
        {"starting", Status::Starting, EndReason::None, false, 0, Claim::Stays},
        {"active", Status::Active, EndReason::None, true, 0, Claim::Stays},
        {"file is uploaded",
         Status::Ending,
         EndReason::LastHumanLeft,
         true,
         0,
         Claim::FreesForHuman},
        {"humans left", Status::Complete, EndReason::LastHumanLeft, true, 0, Claim::FreesForHuman},
        {"nobody spoke",
         Status::Aborted,
         EndReason::LastHumanLeft,
         false,
         412,
         Claim::FreesForHuman},
        {"upload failed",
         Status::Failed,
         EndReason::LastHumanLeft,
         true,
         503,
         Claim::FreesForHuman},
        {"disk full", Status::Failed, EndReason::Failure, false, 507, Claim::FreesForRetry},
        {"no route", Status::Failed, EndReason::Failure, false, 503, Claim::FreesForRetry},
        {"not yet over", Status::Ending, EndReason::Failure, false, 503, Claim::Stays},
        {"another worker", Status::Failed, EndReason::Failure, false, 409, Claim::Stays},
        {"failed in the call", Status::Failed, EndReason::Failure, true, 507, Claim::Stays},
        {"stopped", Status::Complete, EndReason::StopRequested, true, 0, Claim::Stays},
        {"stopped early", Status::Aborted, EndReason::StopRequested, false, 412, Claim::Stays},
        {"limit", Status::LimitReached, EndReason::LimitReached, true, 413, Claim::Stays},
        {"early limit", Status::Aborted, EndReason::LimitReached, false, 412, Claim::Stays},
        {"room closed", Status::Complete, EndReason::RoomClosed, true, 0, Claim::Stays},
        {"removed", Status::Aborted, EndReason::Removed, false, 412, Claim::Stays},
        {"shutdown", Status::Complete, EndReason::Shutdown, true, 0, Claim::Stays},
    };
    for (const auto& row : rows) {
        recorder::Snapshot snapshot;
        snapshot.status = row.status;
        snapshot.end_reason = row.reason;
        snapshot.error_code = row.error_code;
        if (row.had_media) snapshot.file.started_at = WallTime(1s);
        EXPECT_EQ(claim_after(snapshot), row.expected) << row.what;
    }
}

records::Recording recording(
    RecordingStatus status, const std::string& end_reason, std::chrono::seconds at
) {
    records::Recording made;
    made.origin = "rule";
    made.room_sid = "RM_1";
    made.status = status;
    made.end_reason = end_reason;
    made.started_at = WallTime(at);
    return made;
}

TEST(RoomClaims, TellWhetherACallOfTheSessionHasEnded) {
    std::vector<records::Recording> all;
    EXPECT_EQ(so_far(all, "RM_1"), SessionSoFar::NotRecorded);
    all.push_back(recording(RecordingStatus::Failed, "Failure", 1s));
    EXPECT_EQ(so_far(all, "RM_1"), SessionSoFar::NotRecorded);
    all.push_back(recording(RecordingStatus::Ending, "Source closed", 2s));
    EXPECT_EQ(so_far(all, "RM_1"), SessionSoFar::CallEnded);
    EXPECT_EQ(so_far(all, "RM_2"), SessionSoFar::NotRecorded) << "another session's";
    all.push_back(recording(RecordingStatus::Failed, "Failure", 3s));
    EXPECT_EQ(so_far(all, "RM_1"), SessionSoFar::CallEnded) << "a try that came to nothing";
    all.insert(all.begin(), recording(RecordingStatus::Complete, "Process killed", 4s));
    EXPECT_EQ(so_far(all, "RM_1"), SessionSoFar::NotRecorded) << "cut off: the call goes on";

    std::vector<records::Recording> asked = {
        recording(RecordingStatus::Complete, "Source closed", 1s)};
    asked[0].origin = "api";
    EXPECT_EQ(so_far(asked, "RM_1"), SessionSoFar::NotRecorded) << "no rule's";
}

TEST(RoomClaims, AfterACallOnlyAHumanStartsTheNext) {
    using Kind = livekit::ParticipantInfo;
    const struct {
        Kind::Kind kind;
        bool first;
        bool again;
    } rows[] = {
        {Kind::STANDARD, true, true},
        {Kind::SIP, true, true},
        {Kind::CONNECTOR, true, true},
        {Kind::BRIDGE, true, true},
        {Kind::AGENT, true, false},
        {Kind::EGRESS, false, false},
        {Kind::INGRESS, false, false},
    };
    const AutoRecordRule rule;
    for (const auto& row : rows) {
        livekit::ParticipantInfo who;
        who.set_kind(row.kind);
        EXPECT_EQ(starts(rule, who, SessionSoFar::NotRecorded), row.first) << row.kind;
        EXPECT_EQ(starts(rule, who, SessionSoFar::CallEnded), row.again) << row.kind;
    }
    AutoRecordRule no_phones;
    no_phones.skip_kinds = {recorder::ParticipantKind::Sip};
    livekit::ParticipantInfo phone;
    phone.set_kind(Kind::SIP);
    EXPECT_FALSE(starts(no_phones, phone, SessionSoFar::CallEnded));
}

TEST(RetryPacer, WaitsTwiceAsLongEachTimeUpToAMinute) {
    RetryPacer pacer;
    Instant now(1000s);
    EXPECT_TRUE(pacer.may_start("RM_1", now));
    EXPECT_FALSE(pacer.wait(now));
    for (const Nanoseconds pause : {5s, 10s, 20s, 40s, 60s, 60s}) {
        pacer.failed("RM_1", now);
        EXPECT_EQ(pacer.wait(now), pause);
        EXPECT_FALSE(pacer.may_start("RM_1", now + pause - 1ns));
        EXPECT_TRUE(pacer.may_start("RM_2", now)) << "each room on its own";
        now += pause;
        EXPECT_TRUE(pacer.may_start("RM_1", now));
        EXPECT_FALSE(pacer.wait(now));
    }
    pacer.succeeded("RM_1");
    pacer.failed("RM_1", now);
    EXPECT_EQ(pacer.wait(now), Nanoseconds(5s)) << "it begins anew";
    pacer.failed("RM_2", now + 1s);
    EXPECT_EQ(pacer.wait(now + 1s), Nanoseconds(4s)) << "the next of both";
    pacer.failed("RM_2", now + 3600s);
    EXPECT_TRUE(pacer.may_start("RM_1", now + 3600s));
    pacer.failed("RM_1", now + 3601s);
    EXPECT_EQ(pacer.wait(now + 3602s), Nanoseconds(3s)) << "what was long ago is forgotten";
}

}  // namespace
}  // namespace aircheck::control
