// How a recording's steps get into the records, also when the database is away for a while.
#include "control/announcement.hpp"
#include "control/egress_service.hpp"
#include "core/log.hpp"

#include <utility>

namespace aircheck::control {
namespace {

constexpr Nanoseconds kTryAgainAfter = 2s;

/// The database is away or full: what it did not take, it takes later.
bool may_pass(const Error& error) {
    return error.code == Errc::Unavailable || error.code == Errc::NoSpace;
}

}  // namespace

void EgressService::store(Change change, std::function<void(Result<records::Recording>)> done) {
    const bool is_start = change.event == "egress_started";
    // In order: a later step that is on record first would make the earlier one's news stale.
    if (!is_start && unstored_.contains(change.recording.egress_id)) {
        keep_unstored(std::move(change));
        done(fail(Errc::Unavailable, "an earlier step waits"));
        return;
    }
    records_pool_.run([this, is_start, change = std::move(change), done = std::move(done)](
                      ) mutable {
        const std::string& egress_id = change.recording.egress_id;
        auto stored =
            !is_start && behind_.contains(egress_id)
                ? Result<records::Recording>(fail(Errc::Unavailable, "an earlier step waits"))
                : store_now(change);
        if (!stored && !is_start && may_pass(stored.error())) behind_.insert(egress_id);
        if (!stored) {
            log::error(
                "records.not_stored",
                {{"egress", change.recording.egress_id}, {"error", stored.error().to_string()}}
            );
        }
        home_.post([this, alive = std::weak_ptr<bool>(alive_), is_start, change, done, stored](
                   ) mutable {
            if (alive.expired()) return;
            const bool is_kept = !stored && !is_start && may_pass(stored.error());
            // Also when it could not be stored: livekit-server has nobody else to ask.
            if (is_kept)
                keep_unstored(std::move(change));
            else if (on_stored_)
                on_stored_(change.event, stored ? *stored : change.recording);
            done(std::move(stored));
        });
    });
}

/// On home. What a later step of the same recording tells again is not kept: only events are.
void EgressService::keep_unstored(Change change) {
    if (on_stored_) on_stored_(change.event, change.recording);
    std::deque<Change>& waiting = unstored_[change.recording.egress_id];
    if (!waiting.empty() && waiting.back().event.empty() && waiting.size() > 1) {
        change.room_is_over = change.room_is_over || waiting.back().room_is_over;
        waiting.pop_back();
    }
    waiting.push_back(std::move(change));
    if (unstored_.size() == 1 && waiting.size() == 1) {
        unstored_timer_.after(kTryAgainAfter, [this] { store_kept(); });
    }
}

/// On home. One after the other, as long as the database takes them. The first of a recording stays
/// in its place meanwhile, so that later steps line up behind it.
void EgressService::store_kept() {
    if (unstored_.empty()) return;
    records_pool_.run([this, change = unstored_.begin()->second.front()]() mutable {
        auto stored = store_now(change);
        if (stored || !may_pass(stored.error())) behind_.erase(change.recording.egress_id);
        home_.post([this, alive = std::weak_ptr<bool>(alive_), change, stored]() mutable {
            if (alive.expired()) return;
            const auto it = unstored_.find(change.recording.egress_id);
            if (!stored && may_pass(stored.error())) {
                it->second.front().announcements = std::move(change.announcements);
                unstored_timer_.after(kTryAgainAfter, [this] { store_kept(); });
                return;
            }
            if (!stored) {
                log::error(
                    "records.not_stored",
                    {{"egress", change.recording.egress_id}, {"error", stored.error().to_string()}}
                );
            }
            it->second.pop_front();
            if (it->second.empty()) {
                log::info("records.stored_after_all", {{"egress", change.recording.egress_id}});
                unstored_.erase(it);
            }
            store_kept();
        });
    });
}

Result<records::Recording> EgressService::store_now(Change& change) {
    records::Recording recording = change.recording;
    records::Store::RoomSighting sighting;
    sighting.room_sid = recording.room_sid;
    sighting.room_name = recording.room_name;
    sighting.room_metadata = change.room_metadata;
    sighting.seen_at = recording.updated_at;
    sighting.rejoin_window = options_.rejoin_window;
    if (recording.conversation_id.empty()) {
        if (auto known = store_.find_recording(recording.egress_id)) {
            recording.conversation_id = known->conversation_id;
        } else {
            AC_TRY(const auto conversation, store_.conversation_for_room(sighting));
            recording.conversation_id = conversation.conversation_id;
        }
    }
    for (const records::Participant& participant : change.participants) {
        AC_CHECK_OK(store_.upsert_participant(recording.conversation_id, participant));
    }
    // Made once: should storing them be repeated, nobody gets the same news under a second id.
    if (!change.event.empty() && change.announcements.empty()) {
        AC_TRY(
            change.announcements,
            announce(change.event, recording, change.receivers, options_.links, outbox_)
        );
    }
    AC_TRY(auto updated, store_.update_recording(recording, change.announcements));
    if (change.room_is_over && !recording.room_sid.empty()) {
        const WallTime at = recording.ended_at.value_or(recording.updated_at);
        AC_CHECK_OK(store_.finish_room(recording.room_sid, recording.room_name, at));
    }
    if (!change.announcements.empty()) outbox_.wake();
    return std::move(updated.recording);
}

}  // namespace aircheck::control
