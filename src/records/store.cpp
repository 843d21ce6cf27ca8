#include "records/store.hpp"

#include "records/migrations.hpp"
#include "records/store_impl.hpp"

#include <charconv>

namespace aircheck::records {

std::string to_text(const Cursor& cursor) {
    return to_base64url(as_bytes(std::to_string(cursor.number) + ":" + cursor.id));
}

Result<Cursor> parse_cursor(std::string_view text) {
    const auto bytes = from_base64(text);
    const std::string_view plain = bytes ? as_text(*bytes) : std::string_view();
    const auto colon = plain.find(':');
    Cursor cursor;
    if (colon != std::string_view::npos) {
        const auto read = std::from_chars(plain.data(), plain.data() + colon, cursor.number);
        if (read.ec == std::errc() && read.ptr == plain.data() + colon) {
            cursor.id = plain.substr(colon + 1);
            return cursor;
        }
    }
    return fail(Errc::InvalidArgument, "cursor: not one that a list gave");
}

Result<> PageSql::finish(const std::string& cursor, int limit) {
    if (limit < 1 || limit > kMaxPage) {
        return fail(
            Errc::InvalidArgument,
            "limit: " + std::to_string(limit) + " is not within 1 and " + std::to_string(kMaxPage)
        );
    }
    if (!cursor.empty()) {
        AC_TRY(const Cursor after, parse_cursor(cursor));
        where(
            "(" + number_ + ", " + id_ + ") < (:cursor_number, :cursor_id)",
            "cursor_number",
            after.number
        );
        args_.emplace_back("cursor_id", value_of(after.id));
    }
    // One more than asked for tells whether there is a next page.
    conditions_ += " ORDER BY " + number_ + " DESC, " + id_ + " DESC LIMIT :page_limit";
    args_.emplace_back("page_limit", value_of(limit + 1));
    return {};
}

InList in_list(const std::string& name, const std::vector<std::string>& values) {
    InList list;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string place = name + std::to_string(i);
        list.sql += (i == 0 ? "(:" : ", :") + place;
        list.args.emplace_back(place, value_of(values[i]));
    }
    list.sql += ")";
    return list;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(std::string database, Migrate mode) {
    if (database.empty()) return fail(Errc::InvalidArgument, "database: no path or URL given");
    auto impl = std::make_unique<Impl>(std::move(database));
    Database& opened = impl->database;
    try {
        opened.open_if_closed();
        if (mode == Migrate::Yes) {
            AC_CHECK_OK(migrate(opened, newest_schema()));
        } else {
            const int found = schema_of(opened);
            AC_CHECK_OK(migrate(opened, found));  // Refuses a newer one.
            if (found < newest_schema()) {
                return fail(
                    Errc::Unsupported,
                    "database " + opened.name() + ": its schema is number " +
                        std::to_string(found) + ", " + std::to_string(newest_schema()) +
                        " is needed: run `aircheck db migrate`"
                );
            }
        }
    } catch (const std::exception&) {
        return tl::unexpected<Error>(opened.failure_of(std::current_exception()).error);
    }
    return std::unique_ptr<Store>(new Store(std::move(impl)));
}

int Store::newest_schema() { return static_cast<int>(migrations().size()); }

Result<int> Store::schema() {
    return impl_->read([](Database& database) -> Result<int> { return schema_of(database); });
}

Result<> Store::ping() {
    return impl_->read([](Database& database) -> Result<> {
        static_cast<void>(database.query("SELECT conversation_id FROM conversations LIMIT 1"));
        return {};
    });
}

Result<WallTime> Store::now() {
    if (!impl_->database.is_postgres()) return wall_now();
    return impl_->read([](Database& database) -> Result<WallTime> { return now_of(database); });
}

WallTime now_of(Database& database) {
    if (!database.is_postgres()) return wall_now();
    const Rows rows = database.query(
        "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now"
    );
    return WallTime(std::chrono::microseconds(rows.front().number("now")));
}

Result<bool> Store::event_seen(const std::string& event_id) {
    return impl_->read([&](Database& database) -> Result<bool> {
        const Args args = {{"id", value_of(event_id)}};
        return !database.query("SELECT event_id FROM received_events WHERE event_id = :id", args)
                    .empty();
    });
}

Result<> Store::remember_event(const std::string& event_id, WallTime at) {
    return impl_->write([&](Database& database) -> Result<> {
        database.run(
            "INSERT INTO received_events (event_id, received_at) VALUES (:id, :at) "
            "ON CONFLICT (event_id) DO NOTHING",
            {{"id", value_of(event_id)}, {"at", value_of(at)}}
        );
        return {};
    });
}

Result<> Store::prune(WallTime before) {
    return impl_->write([&](Database& database) -> Result<> {
        const Args args = {{"before", value_of(before)}};
        database.run("DELETE FROM received_events WHERE received_at < :before", args);
        database.run(
            "DELETE FROM deliveries WHERE state = 'delivered' AND finished_at < :before", args
        );
        return {};
    });
}

}  // namespace aircheck::records
