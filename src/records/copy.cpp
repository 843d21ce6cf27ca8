#include "records/copy.hpp"

#include "records/migrations.hpp"
#include "records/store.hpp"
#include "records/store_impl.hpp"

#include <filesystem>

namespace aircheck::records {
namespace {

constexpr int kPage = 500;

/// A table and the key that its rows are walked by; those that others refer to come first.
struct Table {
    std::string name;
    std::vector<std::string> key;
};
const std::vector<Table>& tables() {
    static const std::vector<Table> all = {
        {"conversations", {"conversation_id"}},
        {"room_sessions", {"room_sid"}},
        {"participants", {"conversation_id", "sid"}},
        {"recordings", {"egress_id"}},
        {"recording_files", {"egress_id", "file_index"}},
        {"deliveries", {"seq"}},
        {"received_events", {"event_id"}},
    };
    return all;
}

std::string joined(const std::vector<std::string>& names, const std::string& before) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + before + name;
    return text;
}

std::int64_t count(Database& database, const Table& table) {
    return database.query("SELECT COUNT(*) AS number FROM " + table.name).front().number("number");
}

/// The rows after `last` (none: from the beginning), by the table's key.
Rows next_page(Database& from, const Table& table, const Row* last) {
    std::string sql = "SELECT * FROM " + table.name;
    Args args;
    if (last != nullptr) {
        sql += " WHERE (" + joined(table.key, "") + ") > (" + joined(table.key, ":") + ")";
        for (const std::string& column : table.key) {
            args.emplace_back(column, last->columns.at(column));
        }
    }
    sql += " ORDER BY " + joined(table.key, "") + " LIMIT " + std::to_string(kPage);
    return from.query(sql, args);
}

void insert(Database& to, const Table& table, const Row& row) {
    std::vector<std::string> names;
    for (const auto& [name, value] : row.columns) names.push_back(name);
    to.run(
        "INSERT INTO " + table.name + " (" + joined(names, "") + ") VALUES (" + joined(names, ":") +
            ")",
        Args(row.columns.begin(), row.columns.end())
    );
}

Result<CopiedTable> copy_table(Database& from, Database& to, const Table& table) {
    CopiedTable copied{table.name, 0};
    Row last;
    for (;;) {
        const Rows rows = next_page(from, table, copied.rows == 0 ? nullptr : &last);
        for (const Row& row : rows) insert(to, table, row);
        copied.rows += static_cast<std::int64_t>(rows.size());
        if (rows.size() < kPage) break;
        last = rows.back();
    }
    const std::int64_t there = count(from, table);
    const std::int64_t here = count(to, table);
    if (there == here && here == copied.rows) return copied;
    return fail(
        Errc::Failed,
        "table " + table.name + ": " + std::to_string(there) + " rows in " + from.name() + ", " +
            std::to_string(here) + " in " + to.name() + ": nothing was copied"
    );
}

/// Tables that came with a later version are not there.
bool has_table(Database& database, const Table& table) {
    const std::string sql =
        database.is_postgres()
            ? "SELECT table_name FROM information_schema.tables "
              "WHERE table_schema = current_schema() AND table_name = :name"
            : "SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name";
    return !database.query(sql, {{"name", value_of(table.name)}}).empty();
}

Result<> check_source(Database& from) {
    const int schema = schema_of(from);
    if (schema == 0) return fail(Errc::NotFound, "database " + from.name() + ": it has no records");
    return migrate(from, schema);  // Refuses a newer one.
}

Result<> check_target(Database& to) {
    for (const Table& table : tables()) {
        const std::int64_t rows = count(to, table);
        if (rows == 0) continue;
        return fail(
            Errc::AlreadyExists,
            "database " + to.name() + ": its table " + table.name + " holds " +
                std::to_string(rows) + " rows already: copy to an empty database"
        );
    }
    return {};
}

/// New rows are numbered after the copied ones. SQLite sees to that by itself.
void continue_numbers(Database& to) {
    if (!to.is_postgres()) return;
    to.query(
        "SELECT setval(pg_get_serial_sequence('deliveries', 'seq'), "
        "(SELECT COALESCE(MAX(seq), 0) + 1 FROM deliveries), false)"
    );
}

Result<std::vector<CopiedTable>> copy_all(Database& from, Database& to) {
    Transaction reading(from, Database::Access::Snapshot);
    AC_CHECK_OK(check_source(from));
    AC_CHECK_OK(migrate(to, Store::newest_schema()));
    Transaction writing(to, Database::Access::Write);
    to.lock_name("aircheck.copy");
    AC_CHECK_OK(check_target(to));
    std::vector<CopiedTable> copied;
    for (const Table& table : tables()) {
        if (!has_table(from, table)) continue;
        AC_TRY(auto one, copy_table(from, to, table));
        copied.push_back(std::move(one));
    }
    continue_numbers(to);
    writing.commit();
    return copied;
}

}  // namespace

Result<std::vector<CopiedTable>> copy_database(const std::string& from, const std::string& to) {
    if (from == to) return fail(Errc::InvalidArgument, "database: it cannot be copied to itself");
    Database source(from);
    Database target(to);
    if (!source.is_postgres() && !std::filesystem::exists(from)) {
        return fail(Errc::NotFound, "database " + source.name());
    }
    try {
        source.open_if_closed();
    } catch (const std::exception&) {
        return tl::unexpected(source.failure_of(std::current_exception()).error);
    }
    try {
        target.open_if_closed();
        return copy_all(source, target);
    } catch (const std::exception&) {
        return tl::unexpected(in_context(
            "copying from " + source.name(), target.failure_of(std::current_exception()).error
        ));
    }
}

}  // namespace aircheck::records
