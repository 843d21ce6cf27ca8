#include "control/room_watch.hpp"

#include "control/snapshot_records.hpp"
#include "core/id.hpp"
#include "core/log.hpp"
#include "proto/livekit_room.pb.h"
#include "proto/livekit_webhook.pb.h"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

/// A room that the server no longer lists may be one that it lists again a moment later.
constexpr Nanoseconds kGoneAfter = 15s;
constexpr Nanoseconds kWebhooksAreAlive = 120s;

WallTime from_seconds(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

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
        participant.joined_at = WallTime(std::chrono::milliseconds(info.joined_at_ms()));
    } else if (info.joined_at() > 0) {
        participant.joined_at = from_seconds(info.joined_at());
    }
    return participant;
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
      timer_(home) {}

RoomWatch::~RoomWatch() { *alive_ = false; }

void RoomWatch::start() {
    if (!options_.rules.empty()) poll();
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
            AC_CHECK_OK(apply_rule(room));
        }
    } else if (event.event() == "participant_joined") {
        AC_CHECK_OK(see_room(room, at));
        AC_TRY(const auto session, store_.find_room(room.sid()));
        if (!event.participant().permission().hidden()) {
            AC_CHECK_OK(store_.upsert_participant(
                session.conversation_id, to_record(event.participant(), at)
            ));
        }
        const AutoRecordRule* rule = rule_for(options_.rules, room.name());
        if (rule != nullptr && counts(*rule, event.participant())) AC_CHECK_OK(apply_rule(room));
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

Result<> RoomWatch::apply_rule(const livekit::Room& room) {
    const AutoRecordRule* rule = rule_for(options_.rules, room.name());
    if (rule == nullptr || room.sid().empty()) return {};
    AC_TRY(const auto session, store_.find_room(room.sid()));
    // An event that comes after the room's end starts nothing: joining would make the room anew.
    if (session.finished_at || !session.recorded_by.empty()) return {};
    const std::string egress_id = new_id("EG_");
    AC_TRY(const auto holder, store_.claim_room(room.sid(), egress_id));
    if (holder != egress_id) return {};
    RecordingRequest request = request_of(*rule, room.name(), egresses_.options().defaults);
    home_.post([this,
                alive = std::weak_ptr<bool>(alive_),
                request = std::move(request),
                egress_id,
                sid = room.sid()] {
        if (alive.expired()) return;
        log::info("rule.starts", {{"egress", egress_id}, {"room", request.room_name}});
        egresses_.start_claimed(request, egress_id, sid);
    });
    return {};
}

// --- Asking
// ------------------------------------------------------------------------------------------

void RoomWatch::poll() {
    remote_pool_.run([this] {
        if (auto asked = ask_rooms(); !asked) {
            log::warn("rooms.not_listed", {{"error", asked.error().to_string()}});
        }
        home_.post([this, alive = std::weak_ptr<bool>(alive_)] {
            if (alive.expired()) return;
            const bool webhooks =
                last_webhook_ != Instant{} && monotonic_now() - last_webhook_ < kWebhooksAreAlive;
            timer_.after(
                webhooks ? options_.poll_interval_behind_webhooks : options_.poll_interval,
                [this] { poll(); }
            );
        });
    });
}

Result<> RoomWatch::ask_rooms() {
    AC_TRY(const auto answer, rooms_.list_rooms());
    std::vector<std::string> present;
    for (const livekit::Room& room : answer.rooms()) {
        present.push_back(room.sid());
        const AutoRecordRule* rule = rule_for(options_.rules, room.name());
        if (rule == nullptr) continue;
        AC_CHECK_OK(see_room(room, wall_now()));
        if (rule->on == AutoRecordRule::On::RoomStarted) {
            AC_CHECK_OK(apply_rule(room));
        } else {
            // The room's own count of participants lags behind by seconds: it is not asked.
            AC_CHECK_OK(ask_participants(room));
        }
    }
    return close_gone_rooms(present);
}

Result<> RoomWatch::ask_participants(const livekit::Room& room) {
    AC_TRY(const auto session, store_.find_room(room.sid()));
    if (!session.recorded_by.empty() || session.finished_at) return {};
    AC_TRY(const auto answer, rooms_.list_participants(room.name()));
    const AutoRecordRule* rule = rule_for(options_.rules, room.name());
    for (const livekit::ParticipantInfo& participant : answer.participants()) {
        if (participant.permission().hidden()) continue;
        AC_CHECK_OK(
            store_.upsert_participant(session.conversation_id, to_record(participant, wall_now()))
        );
        if (participant.state() == livekit::ParticipantInfo::ACTIVE && counts(*rule, participant)) {
            AC_CHECK_OK(apply_rule(room));
        }
    }
    return {};
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
