#include "core/id.hpp"
#include "records/store_impl.hpp"

#include <algorithm>

namespace aircheck::records {
namespace {

std::optional<RoomSession> load_session(Database& database, const std::string& room_sid) {
    const Rows rows = database.query(
        "SELECT * FROM room_sessions WHERE room_sid = :sid" + database.for_update(),
        {{"sid", value_of(room_sid)}}
    );
    if (rows.empty()) return {};
    return session_of(rows.front());
}

std::vector<RoomSession> load_sessions(Database& database, const std::string& conversation_id) {
    std::vector<RoomSession> sessions;
    const Rows rows = database.query(
        "SELECT * FROM room_sessions WHERE conversation_id = :id ORDER BY started_at, room_sid",
        {{"id", value_of(conversation_id)}}
    );
    for (const Row& row : rows) sessions.push_back(session_of(row));
    return sessions;
}

void save_session(Database& database, const RoomSession& session) {
    database.upsert("room_sessions", {"room_sid"}, columns_of(session));
}

std::optional<Conversation> newest_of_room(Database& database, const std::string& room_name) {
    const Rows rows = database.query(
        "SELECT * FROM conversations WHERE room_name = :name AND source = 'livekit' "
        "AND status <> 'erased' ORDER BY started_at DESC, conversation_id DESC LIMIT 1" +
            database.for_update(),
        {{"name", value_of(room_name)}}
    );
    if (rows.empty()) return {};
    return conversation_of(rows.front());
}

Conversation new_conversation(const Store::RoomSighting& sighting) {
    Conversation conversation;
    conversation.conversation_id = new_id("CV_");
    conversation.room_name = clean_text(sighting.room_name);
    conversation.started_at = sighting.started_at.value_or(sighting.seen_at);
    conversation.room_metadata = clean_text(sighting.room_metadata);
    return conversation;
}

/// What a room sid that is new has to do with the newest conversation of its name.
enum class Relation {
    Continues,  ///< The same conversation.
    Replaces,   ///< A new one; the other is over, though nobody said so.
    Unrelated
};

Relation relation_of(
    const Store::RoomSighting& sighting,
    const Conversation& newest,
    const std::vector<RoomSession>& sessions
) {
    if (newest.ended_at) return Relation::Unrelated;
    if (sessions.empty()) return Relation::Continues;  // Began without knowing its sid.
    const auto last = std::ranges::max_element(sessions, {}, &RoomSession::last_seen_at);
    // News of a session from before the one we know, come late.
    if (sighting.started_at && *sighting.started_at < last->started_at) return Relation::Unrelated;
    if (last->finished_at || sighting.rejoin_window <= Nanoseconds::zero())
        return Relation::Replaces;
    // A recording that still captures saw the room later than any event did, and is rejoining now.
    const bool came_back = sighting.seen_at - last->last_seen_at <= sighting.rejoin_window ||
                           newest.status == ConversationStatus::Recording ||
                           newest.status == ConversationStatus::Paused;
    return came_back ? Relation::Continues : Relation::Replaces;
}

/// A room name has one live session at a time: those before are over since they were last seen.
void finish_open_sessions(Database& database, std::vector<RoomSession>& sessions) {
    for (RoomSession& session : sessions) {
        if (session.finished_at) continue;
        session.finished_at = session.last_seen_at;
        save_session(database, session);
    }
}

/// The last time at which somebody is known to have been in the conversation's rooms.
std::optional<WallTime> last_stay(Database& database, const std::string& conversation_id) {
    std::optional<WallTime> last;
    const Rows rows = database.query(
        "SELECT * FROM participants WHERE conversation_id = :id",
        {{"id", value_of(conversation_id)}}
    );
    for (const Row& row : rows) {
        const Participant participant = participant_of(row);
        last = std::max({last, std::optional(participant.joined_at), participant.left_at});
    }
    return last;
}

/// The conversation is over once its sessions are: at the end of the last one, or when the last
/// participant left, if the session's own end was missed and it counts as over since it was seen.
void end_if_over(
    Database& database, Conversation& conversation, const std::vector<RoomSession>& sessions
) {
    const bool over = std::ranges::all_of(sessions, [](const RoomSession& session) {
        return session.finished_at.has_value();
    });
    if (sessions.empty() || !over) return;
    const auto last = std::ranges::max_element(sessions, {}, &RoomSession::finished_at);
    conversation.ended_at =
        std::max(last->finished_at, last_stay(database, conversation.conversation_id));
    save_with_status(database, conversation);
}

Conversation attach_session(Database& database, const Store::RoomSighting& sighting) {
    const WallTime started = sighting.started_at.value_or(sighting.seen_at);
    RoomSession session{
        sighting.room_sid, clean_text(sighting.room_name), {}, started, sighting.seen_at, {}, {}};
    std::optional<Conversation> conversation = newest_of_room(database, sighting.room_name);
    auto relation = Relation::Unrelated;
    if (conversation) {
        auto sessions = load_sessions(database, conversation->conversation_id);
        relation = relation_of(sighting, *conversation, sessions);
        if (relation != Relation::Unrelated) finish_open_sessions(database, sessions);
        if (relation == Relation::Replaces) end_if_over(database, *conversation, sessions);
        if (relation == Relation::Continues && !sessions.empty()) {
            // Its recording goes on in the new session: not a second one.
            session.recorded_by = sessions.back().recorded_by;
        }
    }
    if (relation != Relation::Continues) conversation = new_conversation(sighting);
    if (!sighting.room_metadata.empty()) {
        conversation->room_metadata = clean_text(sighting.room_metadata);
    }
    save_with_status(database, *conversation);
    session.conversation_id = conversation->conversation_id;
    save_session(database, session);
    return *conversation;
}

Conversation without_session(Database& database, const Store::RoomSighting& sighting) {
    auto conversation = newest_of_room(database, sighting.room_name);
    if (!conversation || conversation->ended_at) conversation = new_conversation(sighting);
    if (!sighting.room_metadata.empty()) {
        conversation->room_metadata = clean_text(sighting.room_metadata);
    }
    save_with_status(database, *conversation);
    return *conversation;
}

Result<Conversation> see_again(
    Database& database, RoomSession session, const Store::RoomSighting& sighting
) {
    auto conversation = load_conversation(database, session.conversation_id);
    if (!conversation) return fail(Errc::NotFound, "conversation " + session.conversation_id);
    session.last_seen_at = std::max(session.last_seen_at, sighting.seen_at);
    if (sighting.started_at)
        session.started_at = std::min(session.started_at, *sighting.started_at);
    save_session(database, session);
    conversation->started_at = std::min(conversation->started_at, session.started_at);
    const bool tells =
        !sighting.room_metadata.empty() && conversation->status != ConversationStatus::Erased;
    if (tells) conversation->room_metadata = clean_text(sighting.room_metadata);
    save_with_status(database, *conversation);
    return *conversation;
}

Result<Conversation> with_room_ids(Database& database, Conversation conversation) {
    load_room_ids(database, {&conversation});
    return conversation;
}

/// The session of a room whose end is the first we hear of it: of the conversation that began by
/// name, if one waits for its sid, else of one of its own. It pushes no other session aside.
RoomSession unheard_session(
    Database& database, const std::string& room_sid, const std::string& room_name, WallTime at
) {
    const auto newest = newest_of_room(database, room_name);
    const bool by_name =
        newest && !newest->ended_at && load_sessions(database, newest->conversation_id).empty();
    if (by_name) {
        return {
            room_sid, newest->room_name, newest->conversation_id, newest->started_at, at, {}, {}};
    }
    Store::RoomSighting sighting;
    sighting.room_name = room_name;
    sighting.seen_at = at;
    Conversation own = new_conversation(sighting);
    save_with_status(database, own);
    return {room_sid, own.room_name, own.conversation_id, at, at, {}, {}};
}

Participant merged(const Participant& known, const Participant& told) {
    Participant result = told;
    if (result.identity.empty()) result.identity = known.identity;
    if (result.name.empty()) result.name = known.name;
    if (result.kind.empty()) result.kind = known.kind;
    // What is known stays: LiveKit's last event of a participant may come without attributes.
    result.attributes.insert(known.attributes.begin(), known.attributes.end());
    result.joined_at = std::min(known.joined_at, told.joined_at);
    if (known.left_at && told.left_at) result.left_at = std::max(*known.left_at, *told.left_at);
    if (!told.left_at) result.left_at = known.left_at;
    return result;
}

}  // namespace

std::optional<Conversation> load_conversation(
    Database& database, const std::string& conversation_id
) {
    const Rows rows = database.query(
        "SELECT * FROM conversations WHERE conversation_id = :id" + database.for_update(),
        {{"id", value_of(conversation_id)}}
    );
    if (rows.empty()) return {};
    return conversation_of(rows.front());
}

void load_room_ids(Database& database, std::vector<Conversation*> conversations) {
    if (conversations.empty()) return;
    std::vector<std::string> ids;
    for (const Conversation* conversation : conversations) {
        ids.push_back(conversation->conversation_id);
    }
    const InList list = in_list("id", ids);
    const Rows rows = database.query(
        "SELECT conversation_id, room_sid FROM room_sessions WHERE conversation_id IN " + list.sql +
            " ORDER BY started_at, room_sid",
        list.args
    );
    std::map<std::string, std::vector<std::string>> sids;
    for (const Row& row : rows) sids[row.text("conversation_id")].push_back(row.text("room_sid"));
    for (Conversation* conversation : conversations) {
        conversation->room_ids = sids[conversation->conversation_id];
    }
}

void save_with_status(Database& database, Conversation& conversation) {
    const auto recordings = load_recordings(
        database,
        "SELECT * FROM recordings WHERE conversation_id = :id",
        {{"id", value_of(conversation.conversation_id)}}
    );
    conversation.status = derive_status(conversation, recordings);
    database.upsert("conversations", {"conversation_id"}, columns_of(conversation));
}

Result<Conversation> Store::conversation_for_room(const RoomSighting& sighting) {
    if (sighting.room_name.empty()) return fail(Errc::InvalidArgument, "room: it has no name");
    return impl_->write([&](Database& database) -> Result<Conversation> {
        database.lock_name("room " + sighting.room_name);
        if (sighting.room_sid.empty()) {
            return with_room_ids(database, without_session(database, sighting));
        }
        if (auto session = load_session(database, sighting.room_sid)) {
            AC_TRY(auto seen, see_again(database, std::move(*session), sighting));
            return with_room_ids(database, std::move(seen));
        }
        return with_room_ids(database, attach_session(database, sighting));
    });
}

Result<Conversation> Store::finish_room(
    const std::string& room_sid, const std::string& room_name, WallTime at
) {
    if (room_sid.empty()) return fail(Errc::InvalidArgument, "room " + room_name + ": no sid");
    return impl_->write([&](Database& database) -> Result<Conversation> {
        database.lock_name("room " + room_name);
        auto session = load_session(database, room_sid);
        if (!session) session = unheard_session(database, room_sid, room_name, at);
        session->finished_at = std::min(session->finished_at.value_or(at), at);
        save_session(database, *session);
        auto conversation = load_conversation(database, session->conversation_id);
        if (!conversation) return fail(Errc::NotFound, "conversation " + session->conversation_id);
        end_if_over(database, *conversation, load_sessions(database, session->conversation_id));
        return with_room_ids(database, std::move(*conversation));
    });
}

Result<RoomSession> Store::find_room(const std::string& room_sid) {
    return impl_->read([&](Database& database) -> Result<RoomSession> {
        auto session = load_session(database, room_sid);
        if (!session) return fail(Errc::NotFound, "room " + room_sid);
        return *session;
    });
}

Result<std::vector<RoomSession>> Store::open_rooms() {
    return impl_->read([](Database& database) -> Result<std::vector<RoomSession>> {
        std::vector<RoomSession> sessions;
        const Rows rows = database.query(
            "SELECT * FROM room_sessions WHERE finished_at IS NULL ORDER BY started_at, room_sid"
        );
        for (const Row& row : rows) sessions.push_back(session_of(row));
        return sessions;
    });
}

Result<std::string> Store::claim_room(const std::string& room_sid, const std::string& egress_id) {
    return impl_->write([&](Database& database) -> Result<std::string> {
        auto session = load_session(database, room_sid);
        if (!session) return fail(Errc::NotFound, "room " + room_sid);
        if (session->recorded_by.empty()) {
            session->recorded_by = egress_id;
            save_session(database, *session);
        }
        return session->recorded_by;
    });
}

Result<> Store::release_room(const std::string& egress_id) {
    return impl_->write([&](Database& database) -> Result<> {
        database.run(
            "UPDATE room_sessions SET recorded_by = '' WHERE recorded_by = :id",
            {{"id", value_of(egress_id)}}
        );
        return {};
    });
}

Result<Conversation> Store::upsert_conversation(const Conversation& conversation) {
    if (conversation.conversation_id.empty()) {
        return fail(Errc::InvalidArgument, "conversation: it has no id");
    }
    return impl_->write([&](Database& database) -> Result<Conversation> {
        Conversation saved = conversation;
        save_with_status(database, saved);
        return with_room_ids(database, std::move(saved));
    });
}

Result<Conversation> Store::change_owner_metadata(
    const std::string& conversation_id,
    const std::function<std::string(const std::string& owner_metadata_json)>& change
) {
    return impl_->write([&](Database& database) -> Result<Conversation> {
        auto conversation = load_conversation(database, conversation_id);
        if (!conversation) return fail(Errc::NotFound, "conversation " + conversation_id);
        conversation->owner_metadata_json = change(conversation->owner_metadata_json);
        database.upsert("conversations", {"conversation_id"}, columns_of(*conversation));
        return with_room_ids(database, std::move(*conversation));
    });
}

Result<> Store::upsert_participant(
    const std::string& conversation_id, const Participant& participant
) {
    if (participant.sid.empty()) return fail(Errc::InvalidArgument, "participant: it has no sid");
    return impl_->write([&](Database& database) -> Result<> {
        auto conversation = load_conversation(database, conversation_id);
        if (!conversation) return fail(Errc::NotFound, "conversation " + conversation_id);
        const Rows rows = database.query(
            "SELECT * FROM participants WHERE conversation_id = :id AND sid = :sid",
            {{"id", value_of(conversation_id)}, {"sid", value_of(participant.sid)}}
        );
        const Participant stay =
            merged(rows.empty() ? participant : participant_of(rows.front()), participant);
        database.upsert(
            "participants", {"conversation_id", "sid"}, columns_of(conversation_id, stay)
        );
        // Told after the end: the conversation did not end before its participants left.
        const WallTime last = std::max(stay.joined_at, stay.left_at.value_or(stay.joined_at));
        if (conversation->ended_at && *conversation->ended_at < last) {
            conversation->ended_at = last;
            save_with_status(database, *conversation);
        }
        return {};
    });
}

}  // namespace aircheck::records
