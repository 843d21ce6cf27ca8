#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "records/model.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::records {

/// Conversations, recordings, room sessions and the outbox, in SQLite or PostgreSQL.
///
/// What is promised is on disk first: every function that returns a value has committed it (SQLite:
/// WAL, synchronous=FULL). Each function is one transaction. Threads: blocking; call it on a pool's
/// thread, never on a loop. Any thread may; one mutex and one session inside serialise the calls.
/// Failures: Errc::Unavailable when the database cannot be reached or is locked for longer than 10
/// s (a lost PostgreSQL connection is opened again, for up to 10 s, as while the server restarts,
/// and the call repeated unless it broke while committing; while the server stays away, each
/// further call tries once); Errc::NoSpace when its disk is full; Errc::NotFound,
/// Errc::InvalidArgument as said below. Messages name the database without its password. Several
/// processes may use one PostgreSQL database; deliveries are leased with SKIP LOCKED.
class Store {
public:
    enum class Migrate { Yes, CheckOnly };

    /// `database` is "postgres://user:password@host/name" (also "postgresql://"), ":memory:", or
    /// the path of an SQLite file, which is made when absent (mode 0600). Applies the migrations
    /// that are missing, each in a transaction; with CheckOnly a missing one is Errc::Unsupported.
    /// A schema newer than this build is always Errc::Unsupported: the message has both numbers.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(
        std::string database, Migrate migrate = Migrate::Yes
    );
    ~Store();

    /// The number of the newest migration this build knows, and the one the database is at.
    [[nodiscard]] static int newest_schema();
    [[nodiscard]] Result<int> schema();
    /// A question to the database that touches a table: for /readyz.
    [[nodiscard]] Result<> ping();
    /// The time of the clock that all processes of this database share: PostgreSQL's, or this
    /// machine's. Leases are told in it, so that no worker whose clock is fast takes what is
    /// another's.
    [[nodiscard]] Result<WallTime> now();

    // --- Rooms and conversations
    // -------------------------------------------------------------------

    struct RoomSighting {
        std::string room_sid;  ///< "" when not known: then the newest conversation of the name that
                               ///< is not over.
        std::string room_name;
        std::string room_metadata;  ///< "": unknown, keeps what is there.
        WallTime seen_at;
        std::optional<WallTime> started_at;  ///< When the room says so; else `seen_at`.
        Nanoseconds rejoin_window{
            0};  ///< A new sid of the same name within it continues the conversation.
    };
    /// The conversation of a room session, found or made. A session is a room sid (names repeat); a
    /// sid that is new continues the name's newest conversation if that has no session yet, or if
    /// its last session never finished and was seen at most `rejoin_window` ago or is still being
    /// recorded (with a window of zero, never). Also notes that the room was seen.
    [[nodiscard]] Result<Conversation> conversation_for_room(const RoomSighting& sighting);
    /// The room session is over; its conversation too, once none of its sessions is open: not
    /// before its participants left, however. Known or not: the event may come before any other.
    /// Repeating it is harmless, the earliest time stays.
    [[nodiscard]] Result<Conversation> finish_room(
        const std::string& room_sid, const std::string& room_name, WallTime at
    );
    [[nodiscard]] Result<RoomSession> find_room(const std::string& room_sid);
    /// Sessions that have not finished: for reconciling with the room service.
    [[nodiscard]] Result<std::vector<RoomSession>> open_rooms();
    /// Makes `egress_id` the automatic recording of a session, unless it has one. Returns the one
    /// it has now: yours if and only if it equals `egress_id`. Errc::NotFound: no such session.
    [[nodiscard]] Result<std::string> claim_room(
        const std::string& room_sid, const std::string& egress_id
    );
    /// Gives back what `egress_id` claimed: its sessions may be recorded anew. Fine when it holds
    /// none.
    [[nodiscard]] Result<> release_room(const std::string& egress_id);

    /// Makes or replaces a conversation (not its room_ids). Its status follows derive_status.
    [[nodiscard]] Result<Conversation> upsert_conversation(const Conversation& conversation);
    /// Puts what `change` makes of the owner's metadata in its place. It is called inside the
    /// transaction, so that no other change is lost, and again where that is repeated.
    /// Errc::NotFound.
    [[nodiscard]] Result<Conversation> change_owner_metadata(
        const std::string& conversation_id,
        const std::function<std::string(const std::string& owner_metadata_json)>& change
    );
    /// By our id, Tavus's, or "RM_…". Errc::NotFound.
    [[nodiscard]] Result<ConversationDetails> find_conversation(const std::string& id);
    /// Newest first.
    [[nodiscard]] Result<Page<ConversationDetails>> list_conversations(
        const ConversationQuery& query
    );
    /// Makes or updates a participant's stay; order-independent: the earliest joined_at and the
    /// latest left_at stay, a left participant stays left, empty texts and attributes don't
    /// overwrite. A conversation that is over ends with its last participant at the earliest.
    /// Errc::NotFound: no such conversation.
    [[nodiscard]] Result<> upsert_participant(
        const std::string& conversation_id, const Participant& participant
    );

    // --- Recordings
    // --------------------------------------------------------------------------------

    struct Updated {
        enum class Outcome {
            Applied,
            Stale,
            Anothers  ///< Another worker has it now: nothing was taken of this.
        } outcome = Outcome::Applied;
        Recording recording;  ///< As it is now.
    };
    /// Makes or updates a recording, its files, its conversation's status, and adds `announcements`
    /// to the outbox, all or nothing.
    ///
    /// Updates are idempotent and may come in any order: the one with the higher (rank_of(status),
    /// updated_at) wins; an older one is Stale: of it, only *kept* fields that are still empty,
    /// files not known yet, and a revoked link are taken, and its announcements are dropped. A file
    /// once uploaded stays so. One that names another worker than the records do is Anothers: it
    /// comes from a process that was taken for dead. Errc::NotFound: it names a conversation that
    /// does not exist.
    [[nodiscard]] Result<Updated> update_recording(
        const Recording& recording, std::span<const Delivery> announcements = {}
    );

    // Of several processes that share the records, each recording is one's: its `worker`.
    /// `worker` lives, for `lease` from now on by the database's clock.
    [[nodiscard]] Result<> keep_alive(const std::string& worker, Nanoseconds lease);
    /// Unfinished recordings whose worker was kept alive once and is not any more, oldest first;
    /// none of `except_origin`.
    [[nodiscard]] Result<std::vector<Recording>> orphans(
        int limit, const std::string& except_origin = ""
    );
    struct TakeOver {
        std::string egress_id;
        std::string from;
        std::string to;
        enum class OnlyIf {
            Known,  ///< The caller knows that `from` works with it no more.
            Gone    ///< `from` is not kept alive.
        } only_if = OnlyIf::Gone;
    };
    /// True: the unfinished recording is `to`'s from now on, and was `from`'s. Of several that try,
    /// one gets it.
    [[nodiscard]] Result<bool> take_over(const TakeOver& wanted);
    /// Whose each of these is; those that are not known are left out.
    [[nodiscard]] Result<std::map<std::string, std::string>> workers_of(
        const std::vector<std::string>& egress_ids
    );
    /// Errc::NotFound.
    [[nodiscard]] Result<Recording> find_recording(const std::string& egress_id);
    /// The recording that an idempotent start request (X-Livekit-Request-Id) made. Errc::NotFound.
    [[nodiscard]] Result<Recording> find_recording_by_request(const std::string& request_id);
    /// Newest first.
    [[nodiscard]] Result<Page<Recording>> list_recordings(const RecordingQuery& query);
    /// The permanent link answers 410 from now on. Errc::NotFound.
    [[nodiscard]] Result<> revoke_link(const std::string& egress_id);
    /// How many recordings have each status (only statuses that occur).
    [[nodiscard]] Result<std::map<RecordingStatus, std::int64_t>> recording_counts();

    // --- Events received
    // ---------------------------------------------------------------------------

    /// True when remember_event() was called with `event_id` before. Ask, work (idempotently), then
    /// remember: an event whose work failed may come again.
    [[nodiscard]] Result<bool> event_seen(const std::string& event_id);
    [[nodiscard]] Result<> remember_event(const std::string& event_id, WallTime at);

    // --- Outbox
    // ------------------------------------------------------------------------------------

    /// Adds deliveries, all or nothing, in this order; ids that are there already are skipped.
    [[nodiscard]] Result<> add_deliveries(std::span<const Delivery> deliveries);
    struct ClaimTerms {
        WallTime now;
        std::string worker;
        Nanoseconds lease = 60s;
        int limit = 100;
        int per_receiver = 100;           ///< At most so many of one receiver …
        std::map<std::string, int> room;  ///< … but of these at most so many (0: none).
    };
    /// Takes pending deliveries that are due at `now` and leases them to `worker` for `lease`:
    /// until then, or until a result is told, nobody else gets them. At most one of each (receiver,
    /// fifo_key): an earlier pending one, due or not, holds back the later ones. Dead letters hold
    /// back nothing, nor do replayed ones. A receiver that has no room holds up no other.
    [[nodiscard]] Result<std::vector<Delivery>> claim_deliveries(const ClaimTerms& terms);
    /// Gives back what a former process of this `worker` had leased. Call it once, at its start.
    [[nodiscard]] Result<> release_leases(const std::string& worker);
    /// It was taken by its receiver, whoever has its lease by now; the next of its line is due.
    [[nodiscard]] Result<> mark_delivered(
        const std::string& delivery_id, int http_status, WallTime now
    );
    struct FailedTry {
        std::string delivery_id;
        std::string worker;     ///< Who claimed it, and …
        WallTime leased_until;  ///< … the claim's end, as claim_deliveries() gave it.
        int http_status = 0;
        std::string error;
        WallTime at;
        std::optional<WallTime> next_try;  ///< None: given up, a dead letter.
    };
    /// A try has failed. Those behind it in its line are not due before it is, or at once when it
    /// was given up. Without effect where the claim is over: somebody else has it now, or it was
    /// delivered, or told already. Errc::NotFound.
    [[nodiscard]] Result<> mark_failed(const FailedTry& failed);
    /// Makes a delivery pending again, due at once, its tries and its 72 hours counted anew; one
    /// that is pending is due at once and keeps its place in its line, one that is under way just
    /// now is left alone. Errc::NotFound.
    [[nodiscard]] Result<> replay_delivery(const std::string& delivery_id, WallTime now);
    /// Replays all dead letters that pass `which`'s filters (state, cursor and limit do not count);
    /// returns how many.
    [[nodiscard]] Result<int> replay_dead(WallTime now, const DeliveryQuery& which = {});
    /// When the next pending delivery is due; none: nothing is pending.
    [[nodiscard]] Result<std::optional<WallTime>> next_delivery_at();
    [[nodiscard]] Result<Delivery> find_delivery(const std::string& delivery_id);
    /// Newest first.
    [[nodiscard]] Result<Page<Delivery>> list_deliveries(const DeliveryQuery& query);
    [[nodiscard]] Result<std::map<DeliveryState, std::int64_t>> delivery_counts();

    /// Forgets received event ids and delivered deliveries older than `before`.
    [[nodiscard]] Result<> prune(WallTime before);

    struct Impl;

private:
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::records
