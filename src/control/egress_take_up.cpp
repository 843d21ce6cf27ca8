// After a restart: recordings that a former process left are gone on with, or told to have failed.
#include "control/announcement.hpp"
#include "control/dossier.hpp"
#include "control/egress_service.hpp"
#include "control/kept_job.hpp"
#include "control/secrets.hpp"
#include "core/log.hpp"
#include "proto/livekit_room.pb.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace aircheck::control {
namespace {

/// `end_reason` of what was ended with its process (details_of(EndReason::Shutdown)).
constexpr std::string_view kProcessEnded = "Process killed";
/// Between two questions whether a room lives.
constexpr Nanoseconds kAskAgain = 1s;

/// Why it was ending when its process was cut off; RoomClosed where that was not written.
recorder::EndReason end_reason_of(const records::Recording& recording) {
    for (int i = 0; i <= static_cast<int>(recorder::EndReason::Failure); ++i) {
        const auto reason = static_cast<recorder::EndReason>(i);
        if (!recording.details.empty() && recording.details == recorder::details_of(reason)) {
            return reason;
        }
    }
    return recorder::EndReason::RoomClosed;
}

}  // namespace

// --- After a restart
// -------------------------------------------------------------------------------

void EgressService::take_up(std::function<void()> on_done) {
    records_pool_.run([this, on_done = std::move(on_done)] {
        Left left;
        // In this order: should this process be cut off too, the next one finds all of it again.
        for (const auto& result : {find_left(left), release_claims(left.to_resume)}) {
            if (!result) log::error("records.not_read", {{"error", result.error().to_string()}});
        }
        // What is not in the spool may be in the store of copies.
        const bool has_copies = recorder_.copies().has_value();
        for (auto& [recording, why] : left.lost) {
            if (!has_copies) fail_unfinished(std::move(recording), why);
        }
        if (!has_copies) left.lost.clear();
        home_.post([this, alive = std::weak_ptr<bool>(alive_), on_done, left]() mutable {
            if (alive.expired()) return;
            for (Unfinished& one : left.to_resume) resume(std::move(one));
            for (auto& [recording, why] : left.lost) adopt(std::move(recording));
            on_done();
        });
    });
}

void EgressService::resume(Unfinished one) {
    const std::string egress_id = one.job.egress_id;
    Running running;
    running.request = request_of(one.job, one.recording, options_.links.secrets_key);
    running.recording = one.recording;
    std::ranges::copy_if(
        one.recording.streams,
        std::back_inserter(running.streams_before),
        [](const auto& stream) { return stream.state != records::StoredStream::State::Active; }
    );
    static_cast<void>(running.stream_news.is_to_be_told(one.recording.streams, monotonic_now()));
    one.job.access = options_.defaults.access;
    one.job.dossier = write_dossier(one.recording, one.job);
    auto resumed = recorder_.resume(one.job, [this](const recorder::Snapshot& snapshot) {
        on_update(snapshot);
    });
    if (!resumed) {
        records_pool_.run([this, recording = one.recording, why = resumed.error()] {
            fail_unfinished(recording, why);
        });
        return;
    }
    if (options_.admission != nullptr) {
        options_.admission->begin(egress_id, workload_of(running.request), monotonic_now());
    }
    running_[egress_id] = std::move(running);
    if (one.recording.status >= records::RecordingStatus::Ending) {
        recorder_.end_with_past(
            egress_id, end_reason_of(one.recording), one.recording.error, one.recording.error_code
        );
        return;
    }
    ask_for_room(std::move(one));
}

/// Whether the call goes on is asked, never tried: joining would make the room anew.
void EgressService::ask_for_room(Unfinished one) {
    remote_pool_.run([this, one = std::move(one)] {
        auto rooms = rooms_.list_rooms({one.job.room_name});
        home_.post([this, alive = std::weak_ptr<bool>(alive_), one, rooms = std::move(rooms)] {
            if (!alive.expired()) judge_room(one, rooms);
        });
    });
}

void EgressService::judge_room(
    const Unfinished& one, const Result<livekit::ListRoomsResponse>& rooms
) {
    const std::string& egress_id = one.job.egress_id;
    const auto running = running_.find(egress_id);
    asking_.erase(egress_id);
    if (running == running_.end()) return;
    const bool is_soon = wall_now() - one.last_written < options_.rejoin_window;
    const bool lives = rooms && rooms->rooms_size() > 0 &&
                       (rooms->rooms(0).sid() == one.recording.room_sid || is_soon);
    if (lives) return recorder_.rejoin(egress_id);
    // The server was restarted, too, and those in the room are on their way back: they go on in
    // the same file.
    if (is_soon) {
        auto& timer = asking_[egress_id] = std::make_unique<net::Timer>(home_);
        timer->after(kAskAgain, [this, one] { ask_for_room(one); });
        return;
    }
    if (rooms) {
        recorder_.end_with_past(egress_id, recorder::EndReason::RoomClosed, "", 0);
    } else {
        recorder_.end_with_past(
            egress_id,
            recorder::EndReason::Failure,
            "recording ended early: after a restart the server could not be asked for the room: " +
                rooms.error().to_string(),
            503
        );
    }
}

namespace {

/// True when the room goes on without it though nobody asked for its end: its process was killed,
/// or ended, as when a newer version is installed.
bool was_cut_off(const records::Recording& recording) {
    return recording.status < records::RecordingStatus::Ending ||
           recording.end_reason == kProcessEnded;
}

}  // namespace

bool EgressService::is_ours(const records::Recording& recording) const {
    if (options_.owns_records || recording.worker == options_.worker) return true;
    return !options_.former_worker.empty() && recording.worker == options_.former_worker;
}

Result<> EgressService::release_claims(const std::vector<Unfinished>& resumed) {
    std::set<std::string> stay;
    for (const Unfinished& one : resumed) stay.insert(one.job.egress_id);
    AC_TRY(const auto rooms, store_.open_rooms());
    for (const records::RoomSession& room : rooms) {
        if (room.recorded_by.empty() || stay.contains(room.recorded_by)) continue;
        const auto holder = store_.find_recording(room.recorded_by);
        if (!holder && holder.error().code != Errc::NotFound) {
            return tl::unexpected(holder.error());
        }
        // Not found: killed between the claim and the record.
        if (holder && (!is_ours(*holder) || !was_cut_off(*holder))) continue;
        AC_CHECK_OK(store_.release_room(room.recorded_by));
        log::info("rule.room_is_free", {{"egress", room.recorded_by}, {"room", room.room_name}});
    }
    return {};
}

namespace {

/// What was sent was sent; what nobody sends any more has failed.
void close_streams(records::Recording& recording) {
    for (records::StoredStream& stream : recording.streams) {
        if (stream.state != records::StoredStream::State::Active) continue;
        stream.state = records::StoredStream::State::Failed;
        stream.error = "aircheck was restarted";
        stream.ended_at = recording.ended_at;
    }
}

}  // namespace

/// Under the name that this process has now. False: it is another's by now.
Result<bool> EgressService::make_ours(records::Recording& recording) {
    using OnlyIf = records::Store::TakeOver::OnlyIf;
    AC_TRY(
        const bool is_ours,
        store_.take_over({recording.egress_id, recording.worker, options_.worker, OnlyIf::Known})
    );
    recording.worker = options_.worker;
    return is_ours;
}

Result<> EgressService::find_left(Left& left) {
    records::RecordingQuery query;
    query.which = records::RecordingQuery::Which::Unfinished;
    query.limit = records::kMaxPage;
    for (;;) {
        AC_TRY(auto page, store_.list_recordings(query));
        for (records::Recording& recording : page.items) {
            if (!is_ours(recording)) continue;
            AC_TRY(const bool is_made_ours, make_ours(recording));
            if (!is_made_ours) continue;  // Another process took it over a moment ago.
            if (auto one = open_unfinished(recording)) {
                left.to_resume.push_back(*std::move(one));
            } else {
                left.lost.emplace_back(std::move(recording), one.error());
            }
        }
        if (!page.next_cursor) return {};
        query.cursor = *page.next_cursor;
    }
}

/// All that is needed to go on with it. Errors: it was begun by a version that did not keep that,
/// or its journal is gone.
Result<EgressService::Unfinished> EgressService::open_unfinished(const records::Recording& recording
) const {
    if (recording.sealed_job.empty()) return fail(Errc::NotFound, "its job was not kept");
    Unfinished one;
    AC_TRY(
        one.job, open_job(recording.sealed_job, recording.egress_id, options_.links.secrets_key)
    );
    AC_TRY(one.last_written, recorder_.last_written(recording.egress_id));
    apply_reach(one.job.destination);
    if (one.job.segments) apply_reach(one.job.segments->destination);
    one.recording = recording;
    return one;
}

/// What the configuration says of stores is not kept with a job.
void EgressService::apply_reach(storage::Destination& destination) const {
    if (storage::StoreNetwork* network = storage::network_of(destination)) {
        network->allow = options_.defaults.network_allow;
        network->retry = options_.defaults.retry;
    }
}

void EgressService::fail_unfinished(records::Recording recording, const Error& why) {
    log::error("recording.orphaned", {{"egress", recording.egress_id}, {"error", why.to_string()}});
    recording.status = records::RecordingStatus::Failed;
    recording.error = "aircheck was restarted during the recording, and cannot go on with it (" +
                      why.to_string() + "); what it had received is in the spool's folder " +
                      recording.egress_id + ": `aircheck render` makes the file from it";
    recording.error_code = 500;
    recording.details = "End reason: Failure";
    recording.end_reason = "Failure";
    recording.ended_at = recording.updated_at = wall_now();
    close_streams(recording);
    Change change;
    change.recording = recording;
    change.event = "egress_ended";
    change.receivers = kept_receivers_of(recording, options_.links.secrets_key);
    if (auto stored = store_now(change); !stored) {
        log::error("records.not_stored", {{"error", stored.error().to_string()}});
    }
}

}  // namespace aircheck::control
