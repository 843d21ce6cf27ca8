#include "control/announcement.hpp"
#include "control/egress_service.hpp"
#include "control/secrets.hpp"
#include "core/log.hpp"

namespace aircheck::control {
namespace {

/// `end_reason` of what was ended with its process (details_of(EndReason::Shutdown)).
constexpr std::string_view kProcessEnded = "Process killed";

}  // namespace

// --- After a restart
// -------------------------------------------------------------------------------

void EgressService::close_orphans(std::function<void()> on_done) {
    records_pool_.run([this, on_done = std::move(on_done)] {
        // In this order: should this process be cut off too, the next one finds all of it again.
        for (const auto& result : {release_claims(), fail_unfinished()}) {
            if (!result) log::error("records.not_read", {{"error", result.error().to_string()}});
        }
        home_.post([alive = std::weak_ptr<bool>(alive_), on_done] {
            if (!alive.expired()) on_done();
        });
    });
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

Result<> EgressService::release_claims() {
    AC_TRY(const auto rooms, store_.open_rooms());
    for (const records::RoomSession& room : rooms) {
        if (room.recorded_by.empty()) continue;
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

Result<> EgressService::fail_unfinished() {
    records::RecordingQuery query;
    query.which = records::RecordingQuery::Which::Unfinished;
    query.limit = records::kMaxPage;
    for (;;) {
        AC_TRY(auto page, store_.list_recordings(query));
        for (records::Recording& recording : page.items) {
            if (!is_ours(recording)) continue;
            recording.status = records::RecordingStatus::Failed;
            recording.error =
                "aircheck was restarted during the recording; what it had received is in "
                "the spool's folder " +
                recording.egress_id + ": `aircheck render` makes the file from it";
            recording.error_code = 500;
            recording.details = "End reason: Failure";
            recording.end_reason = "Failure";
            recording.ended_at = recording.updated_at = wall_now();
            close_streams(recording);
            log::error("recording.orphaned", {{"egress", recording.egress_id}});
            Change change;
            change.recording = recording;
            change.event = "egress_ended";
            change.receivers = kept_receivers_of(recording, options_.links.secrets_key);
            if (auto stored = store_now(change); !stored) {
                log::error("records.not_stored", {{"error", stored.error().to_string()}});
            }
        }
        if (!page.next_cursor) return {};
        query.cursor = *page.next_cursor;
    }
}

}  // namespace aircheck::control
