#include "records/store_impl.hpp"

#include <algorithm>

namespace aircheck::records {
namespace {

/// Drops the row that only tells that there is more, and says where the next page begins.
template <typename T, typename Place>
std::optional<std::string> cut(std::vector<T>& items, int limit, Place place) {
    if (items.size() <= static_cast<std::size_t>(limit)) return {};
    items.pop_back();
    return to_text(place(items.back()));
}

/// Recordings' files, participants and room ids of all `found` at once: four queries a page.
std::vector<ConversationDetails> with_details(Database& database, std::vector<Conversation> found) {
    std::vector<ConversationDetails> all;
    if (found.empty()) return all;
    std::vector<Conversation*> pointers;
    std::vector<std::string> ids;
    for (Conversation& conversation : found) {
        pointers.push_back(&conversation);
        ids.push_back(conversation.conversation_id);
    }
    load_room_ids(database, pointers);
    std::map<std::string, std::size_t> places;
    for (Conversation& conversation : found) {
        places.emplace(conversation.conversation_id, all.size());
        all.push_back({std::move(conversation), {}, {}});
    }
    const InList list = in_list("id", ids);
    const Rows rows = database.query(
        "SELECT * FROM participants WHERE conversation_id IN " + list.sql +
            " ORDER BY joined_at, sid",
        list.args
    );
    for (const Row& row : rows) {
        all[places.at(row.text("conversation_id"))].participants.push_back(participant_of(row));
    }
    auto recordings = load_recordings(
        database,
        "SELECT * FROM recordings WHERE conversation_id IN " + list.sql +
            " ORDER BY started_at, egress_id",
        list.args
    );
    for (Recording& recording : recordings) {
        auto& details = all[places.at(recording.conversation_id)];
        details.recordings.push_back(std::move(recording));
    }
    return all;
}

}  // namespace

Result<ConversationDetails> Store::find_conversation(const std::string& id) {
    return impl_->read([&](Database& database) -> Result<ConversationDetails> {
        Rows rows = database.query(
            "SELECT * FROM conversations WHERE conversation_id = :id", {{"id", value_of(id)}}
        );
        if (rows.empty()) {
            rows = database.query(
                "SELECT * FROM conversations WHERE conversation_id IN "
                "(SELECT conversation_id FROM room_sessions WHERE room_sid = :id)",
                {{"id", value_of(id)}}
            );
        }
        if (rows.empty()) return fail(Errc::NotFound, "conversation " + clean_text(id));
        return with_details(database, {conversation_of(rows.front())}).front();
    });
}

Result<Page<ConversationDetails>> Store::list_conversations(const ConversationQuery& query) {
    PageSql page("started_at", "conversation_id");
    if (!query.room_name.empty()) {
        page.where("room_name = :room", "room", value_of(query.room_name));
    }
    if (query.status) page.where("status = :status", "status", value_of(to_string(*query.status)));
    if (query.from) page.where("started_at >= :from_time", "from_time", value_of(*query.from));
    if (query.to) page.where("started_at < :to_time", "to_time", value_of(*query.to));
    AC_CHECK_OK(page.finish(query.cursor, query.limit));
    return impl_->read([&](Database& database) -> Result<Page<ConversationDetails>> {
        std::vector<Conversation> found;
        for (const Row& row :
             database.query("SELECT * FROM conversations" + page.sql(), page.args())) {
            found.push_back(conversation_of(row));
        }
        Page<ConversationDetails> result;
        result.next_cursor = cut(found, query.limit, [](const Conversation& last) {
            return Cursor{unix_nanoseconds(last.started_at), last.conversation_id};
        });
        result.items = with_details(database, std::move(found));
        return result;
    });
}

Result<Page<Recording>> Store::list_recordings(const RecordingQuery& query) {
    PageSql page("started_at", "egress_id");
    if (query.which == RecordingQuery::Which::Unfinished) {
        page.where("status IN " + std::string(kUnfinished));
    } else if (query.which == RecordingQuery::Which::Finished) {
        page.where("status NOT IN " + std::string(kUnfinished));
    }
    if (!query.room_name.empty()) {
        page.where("room_name = :room", "room", value_of(query.room_name));
    }
    if (!query.conversation_id.empty()) {
        page.where(
            "conversation_id = :conversation", "conversation", value_of(query.conversation_id)
        );
    }
    if (query.from) page.where("started_at >= :from_time", "from_time", value_of(*query.from));
    AC_CHECK_OK(page.finish(query.cursor, query.limit));
    return impl_->read([&](Database& database) -> Result<Page<Recording>> {
        Page<Recording> result;
        result.items =
            load_recordings(database, "SELECT * FROM recordings" + page.sql(), page.args());
        result.next_cursor = cut(result.items, query.limit, [](const Recording& last) {
            return Cursor{unix_nanoseconds(last.started_at), last.egress_id};
        });
        return result;
    });
}

void filter_deliveries(PageSql& sql, const DeliveryQuery& query) {
    if (!query.egress_id.empty()) {
        sql.where("egress_id = :egress", "egress", value_of(query.egress_id));
    }
    if (!query.receiver.empty()) {
        sql.where(":receiver IN (receiver, url)", "receiver", value_of(query.receiver));
    }
}

Result<Page<Delivery>> Store::list_deliveries(const DeliveryQuery& query) {
    PageSql page("seq", "delivery_id");
    if (query.state) page.where("state = :state", "state", value_of(to_string(*query.state)));
    filter_deliveries(page, query);
    AC_CHECK_OK(page.finish(query.cursor, query.limit));
    return impl_->read([&](Database& database) -> Result<Page<Delivery>> {
        std::vector<std::pair<std::int64_t, Delivery>> found;
        for (const Row& row :
             database.query("SELECT * FROM deliveries" + page.sql(), page.args())) {
            found.emplace_back(row.number("seq"), delivery_of(row));
        }
        Page<Delivery> result;
        result.next_cursor = cut(found, query.limit, [](const auto& last) {
            return Cursor{last.first, last.second.delivery_id};
        });
        for (auto& [seq, delivery] : found) result.items.push_back(std::move(delivery));
        return result;
    });
}

Result<std::map<RecordingStatus, std::int64_t>> Store::recording_counts() {
    return impl_->read([](Database& database) -> Result<std::map<RecordingStatus, std::int64_t>> {
        std::map<RecordingStatus, std::int64_t> counts;
        const Rows rows =
            database.query("SELECT status, COUNT(*) AS number FROM recordings GROUP BY status");
        for (const Row& row : rows) {
            const auto status = parse_recording_status(row.text("status"));
            if (status) counts[*status] = row.number("number");
        }
        return counts;
    });
}

Result<std::map<DeliveryState, std::int64_t>> Store::delivery_counts() {
    return impl_->read([](Database& database) -> Result<std::map<DeliveryState, std::int64_t>> {
        std::map<DeliveryState, std::int64_t> counts;
        const Rows rows =
            database.query("SELECT state, COUNT(*) AS number FROM deliveries GROUP BY state");
        for (const Row& row : rows) {
            const auto state = parse_delivery_state(row.text("state"));
            if (state) counts[*state] = row.number("number");
        }
        return counts;
    });
}

}  // namespace aircheck::records
