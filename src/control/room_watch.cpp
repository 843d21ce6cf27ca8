#include "control/room_watch.hpp"

#include "control/snapshot_records.hpp"
#include "core/id.hpp"
#include "core/log.hpp"
#include "core/told_time.hpp"
#include "proto/livekit_room.pb.h"
#include "proto/livekit_webhook.pb.h"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

/// A room that the server no longer lists may be one that it lists again a moment later.
constexpr Nanoseconds kGoneAfter = 15s;
constexpr Nanoseconds kWebhooksAreAlive = 120s;

WallTime from_seconds(std::int64_t seconds) { return told_time(std::chrono::seconds(seconds)); }

WallTime event_time(const livekit::WebhookEvent& event) {
    return event.created_at() > 0 ? from_seconds(event.created_at()) : wall_now();
}

records::Participant to_record(const livekit::ParticipantInfo& info, WallTime seen) {
    records::Participant participant;
    participant.sid = info.sid();
    participant.identity = info.identity();
    participant.name = info.name();
    participant.kind = kind_name(static_cast<recorder::ParticipantKind>(info.kind()));
    for (const auto& [key, value] : info.attributes()) participant.attributes[key] = value;
    participant.joined_at = seen;
    if (info.joined_at_ms() > 0) {
        participant.joined_at = told_time(std::chrono::milliseconds(info.joined_at_ms()));
    } else if (info.joined_at() > 0) {
        participant.joined_at = from_seconds(info.joined_at());
    }
    return participant;
}

bool has_left(const std::vector<records::Participant>& participants, const std::string& sid) {
    return std::any_of(participants.begin(), participants.end(), [&](const auto& participant) {
        return participant.sid == sid && participant.left_at.has_value();
    });
}

}  // namespace

RoomWatch::RoomWatch(
    net::Loop& home,
    net::Pool& records_pool,
    net::Pool& remote_pool,
    records::Store& store,
    RoomService& rooms,
    EgressService& egresses,
    Options options
)
    : home_(home),
      records_pool_(records_pool),
      remote_pool_(remote_pool),
      store_(store),
      rooms_(rooms),
      egresses_(egresses),
      options_(std::move(options)),
      timer_(home) {
    egresses_.set_on_freed_room(
        [this, alive = std::weak_ptr<bool>(alive_)](const EgressService::FreedRoom& room) {
            if (!alive.expired()) on_freed_room(room);
        }
    );
}

RoomWatch::~RoomWatch() { *alive_ = false; }

void RoomWatch::start() {
    if (!options_.rules.empty() && !is_polling_) poll();
}

// --- Webhooks
// ----------------------------------------------------------------------------------------

void RoomWatch::on_event(const livekit::WebhookEvent& event, std::function<void(Result<>)> done) {
    last_webhook_ = monotonic_now();
    records_pool_.run([this, event, done = std::move(done)] {
        auto taken = take_event(event);
        home_.post([done, taken = std::move(taken)] { done(taken); });
    });
}

Result<> RoomWatch::take_event(const livekit::WebhookEvent& event) {
    AC_TRY(const bool seen, store_.event_seen(event.id()));
    if (seen && !event.id().empty()) return {};
    const livekit::Room& room = event.room();
    const WallTime at = event_time(event);
    if (event.event() == "room_started") {
        AC_CHECK_OK(see_room(room, at));
        const AutoRecordRule* rule = rule_for(options_.rules, room.name());
        if (rule != nullptr && rule->on == AutoRecordRule::On::RoomStarted) {
            AC_TRY(const auto known, if_free(room.sid()));
            const bool is_first =
                known && so_far(known->recordings, room.sid()) == SessionSoFar::NotRecorded;
            if (is_first) AC_CHECK_OK(claim_and_start(*rule, room.name(), room.sid()));
        }
    } else if (event.event() == "participant_joined") {
        AC_CHECK_OK(take_joined(event));
    } else if (event.event() == "participant_left") {
        AC_CHECK_OK(see_room(room, at));
        AC_TRY(const auto session, store_.find_room(room.sid()));
        if (!event.participant().permission().hidden()) {
            auto participant = to_record(event.participant(), at);
            participant.left_at = at;
            AC_CHECK_OK(store_.upsert_participant(session.conversation_id, participant));
        }
    } else if (event.event() == "room_finished") {
        AC_TRY(const auto conversation, store_.finish_room(room.sid(), room.name(), at));
        log::info(
            "room.finished", {{"room", room.name()}, {"conversation", conversation.conversation_id}}
        );
    }
    if (event.id().empty()) return {};
    return store_.remember_event(event.id(), wall_now());
}

Result<> RoomWatch::take_joined(const livekit::WebhookEvent& event) {
    const livekit::Room& room = event.room();
    const livekit::ParticipantInfo& who = event.participant();
    const WallTime at = event_time(event);
    AC_CHECK_OK(see_room(room, at));
    AC_TRY(const auto session, store_.find_room(room.sid()));
    if (!who.permission().hidden()) {
        AC_CHECK_OK(store_.upsert_participant(session.conversation_id, to_record(who, at)));
    }
    const AutoRecordRule* rule = rule_for(options_.rules, room.name());
    if (rule == nullptr) return {};
    AC_TRY(const auto known, if_free(room.sid()));
    if (!known) return {};
    const SessionSoFar before = so_far(known->recordings, room.sid());
    const bool late_news =  // Of one whose leaving ended the call.
        before == SessionSoFar::CallEnded && has_left(known->participants, who.sid());
    const bool may_start =
        rule->on == AutoRecordRule::On::ParticipantJoined || before == SessionSoFar::CallEnded;
    if (!may_start || late_news || !starts(*rule, who, before)) return {};
    return claim_and_start(*rule, room.name(), room.sid());
}

Result<> RoomWatch::see_room(const livekit::Room& room, WallTime at) {
    if (room.sid().empty()) return {};
    records::Store::RoomSighting sighting;
    sighting.room_sid = room.sid();
    sighting.room_name = room.name();
    sighting.room_metadata = room.metadata();
    sighting.seen_at = at;
    if (room.creation_time() > 0) sighting.started_at = from_seconds(room.creation_time());
    sighting.rejoin_window = options_.rejoin_window;
    AC_CHECK_OK(store_.conversation_for_room(sighting));
    return {};
}

/// All that is known of a session's conversation, if the session goes on, no recording has it, and
/// it may be tried now.
Result<std::optional<records::ConversationDetails>> RoomWatch::if_free(const std::string& room_sid
) {
    // While this process shuts down, the room is another's, or the next one's.
    if (room_sid.empty() || egresses_.is_shutting_down()) return std::nullopt;
    AC_TRY(const auto session, store_.find_room(room_sid));
    // An event that comes after the room's end starts nothing: joining would make the room anew.
    if (session.finished_at || !session.recorded_by.empty()) return std::nullopt;
    {
        const std::lock_guard lock(pacer_mutex_);
        if (!pacer_.may_start(room_sid, options_.clock())) return std::nullopt;
    }
    AC_TRY(auto details, store_.find_conversation(session.conversation_id));
    return std::optional(std::move(details));
}

Result<> RoomWatch::claim_and_start(
    const AutoRecordRule& rule, const std::string& room_name, const std::string& room_sid
) {
    const std::string egress_id = new_id("EG_");
    AC_TRY(const auto holder, store_.claim_room(room_sid, egress_id));
    if (holder != egress_id) return {};
    RecordingRequest request = request_of(rule, room_name, egresses_.options().defaults);
    home_.post([this,
                alive = std::weak_ptr<bool>(alive_),
                request = std::move(request),
                egress_id,
                room_sid] {
        if (alive.expired()) return;
        log::info("rule.starts", {{"egress", egress_id}, {"room", request.room_name}});
        egresses_.start_claimed(request, egress_id, room_sid);
    });
    return {};
}

// --- Rooms that are free again
// ------------------------------------------------------------------------------------------

void RoomWatch::on_freed_room(const EgressService::FreedRoom& room) {
    log::info("rule.room_is_free", {{"egress", room.egress_id}, {"room_sid", room.room_sid}});
    {
        const std::lock_guard lock(pacer_mutex_);
        if (room.claim == Claim::FreesForRetry) {
            pacer_.failed(room.room_sid, options_.clock());
        } else {
            pacer_.succeeded(room.room_sid);
        }
    }
    claims_over_.insert(room.egress_id);
    give_back_claims();
}

/// After what is on its way to the records: who looks at a free room has to see how it became free.
/// What a full or lost database does not take is tried again with the next poll.
void RoomWatch::give_back_claims() {
    for (const std::string& egress_id : claims_over_) {
        records_pool_.run([this, egress_id] {
            auto released = store_.release_room(egress_id);
            home_.post([this, alive = std::weak_ptr<bool>(alive_), egress_id, released] {
                if (alive.expired()) return;
                if (!released) {
                    log::warn("rule.claim_stays", {{"error", released.error().to_string()}});
                    return;
                }
                claims_over_.erase(egress_id);
                // Who joined while the claim was still held started nothing.
                if (is_polling_) {
                    polls_again_ = true;
                } else {
                    poll();
                }
            });
        });
    }
}

// --- Asking
// ------------------------------------------------------------------------------------------

void RoomWatch::poll() {
    is_polling_ = true;
    timer_.cancel();
    remote_pool_.run([this] {
        if (auto asked = ask_rooms(); !asked) {
            log::warn("rooms.not_listed", {{"error", asked.error().to_string()}});
        }
        home_.post([this, alive = std::weak_ptr<bool>(alive_)] {
            if (alive.expired()) return;
            is_polling_ = false;
            if (std::exchange(polls_again_, false)) {
                poll();
                return;
            }
            give_back_claims();
            poll_later();
        });
    });
}

void RoomWatch::poll_later() {
    const Instant now = monotonic_now();
    const bool webhooks = last_webhook_ != Instant{} && now - last_webhook_ < kWebhooksAreAlive;
    Nanoseconds pause = webhooks ? options_.poll_interval_behind_webhooks : options_.poll_interval;
    {
        const std::lock_guard lock(pacer_mutex_);
        pause = std::min(pause, pacer_.wait(options_.clock()).value_or(pause));
    }
    if (!claims_over_.empty()) pause = std::min(pause, options_.poll_interval);
    timer_.after(pause, [this] { poll(); });
}

Result<> RoomWatch::ask_rooms() {
    AC_TRY(const auto answer, rooms_.list_rooms());
    std::vector<std::string> present;
    for (const livekit::Room& room : answer.rooms()) {
        present.push_back(room.sid());
        const AutoRecordRule* rule = rule_for(options_.rules, room.name());
        if (rule == nullptr) continue;
        AC_CHECK_OK(see_room(room, wall_now()));
        AC_CHECK_OK(ask_room(*rule, room));
    }
    return close_gone_rooms(present);
}

Result<> RoomWatch::ask_room(const AutoRecordRule& rule, const livekit::Room& room) {
    AC_TRY(const auto known, if_free(room.sid()));
    if (!known) return {};
    const SessionSoFar before = so_far(known->recordings, room.sid());
    if (rule.on == AutoRecordRule::On::RoomStarted && before == SessionSoFar::NotRecorded) {
        return claim_and_start(rule, room.name(), room.sid());
    }
    // The room's own count of participants lags behind by seconds: it is not asked.
    AC_TRY(const auto answer, rooms_.list_participants(room.name()));
    bool is_due = false;
    for (const livekit::ParticipantInfo& participant : answer.participants()) {
        if (participant.permission().hidden()) continue;
        AC_CHECK_OK(store_.upsert_participant(
            known->conversation.conversation_id, to_record(participant, wall_now())
        ));
        is_due |= participant.state() == livekit::ParticipantInfo::ACTIVE &&
                  starts(rule, participant, before);
    }
    return is_due ? claim_and_start(rule, room.name(), room.sid()) : Result<>{};
}

Result<> RoomWatch::close_gone_rooms(const std::vector<std::string>& present) {
    AC_TRY(const auto open, store_.open_rooms());
    const WallTime now = wall_now();
    for (const records::RoomSession& session : open) {
        const bool there =
            std::find(present.begin(), present.end(), session.room_sid) != present.end();
        if (there || now - session.last_seen_at < kGoneAfter) continue;
        AC_CHECK_OK(store_.finish_room(session.room_sid, session.room_name, session.last_seen_at));
    }
    return {};
}

}  // namespace aircheck::control
