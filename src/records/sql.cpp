#include "records/sql.hpp"

#include <fcntl.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>

namespace aircheck::records {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the valid UTF-8 sequence at the start of `text` (RFC 3629), or 0.
std::size_t sequence_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = at(0);
    if (first == 0) return 0;
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xC0U) != 0x80) return 0;
    }
    const unsigned second = at(1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second > 0x9F;
    const bool too_large = first == 0xF4 && second > 0x8F;
    return overlong || surrogate || too_large ? 0 : length;
}

bool is_postgres_url(std::string_view location) {
    return location.starts_with("postgres://") || location.starts_with("postgresql://");
}

/// The URL without its password.
std::string name_of(const std::string& location) {
    if (!is_postgres_url(location)) return location;
    const auto start = location.find("://") + 3;
    const auto end = location.find_first_of("/?", start);
    const auto at = location.rfind('@', end == std::string::npos ? end : end - 1);
    std::string shown = location;
    if (at != std::string::npos && at >= start) {
        const auto colon = location.find(':', start);
        if (colon < at) shown = location.substr(0, colon) + ":***" + location.substr(at);
    }
    // A password may also stand among the parameters.
    if (const auto query = shown.find('?'); query != std::string::npos) shown.resize(query);
    return shown;
}

/// libpq by itself waits for ever, for a connection and for an answer over a dead one.
std::string with_time_limits(const std::string& url) {
    std::string limited = url;
    for (const char* parameter : {"connect_timeout=5", "tcp_user_timeout=30000"}) {
        const std::string name(parameter, std::string_view(parameter).find('=') + 1);
        if (url.find(name) != std::string::npos) continue;
        limited += (limited.find('?') == std::string::npos ? "?" : "&") + std::string(parameter);
    }
    return limited;
}

Value value_at(const soci::row& row, std::size_t i) {
    if (row.get_indicator(i) == soci::i_null) return {};
    switch (row.get_properties(i).get_data_type()) {
        case soci::dt_integer:
            return std::int64_t{row.get<int>(i)};
        case soci::dt_long_long:
            return std::int64_t{row.get<long long>(i)};
        case soci::dt_unsigned_long_long:
            return static_cast<std::int64_t>(row.get<unsigned long long>(i));
        case soci::dt_double:
            return static_cast<std::int64_t>(row.get<double>(i));
        default:
            return row.get<std::string>(i);
    }
}

/// Holds what a statement's arguments point to until it has run.
class Bound {
public:
    Bound(soci::statement& statement, const Args& args) {
        for (const auto& [name, value] : args) {
            if (const auto* number = std::get_if<std::int64_t>(&value)) {
                numbers_.push_back(*number);
                statement.exchange(soci::use(numbers_.back(), name));
            } else if (const auto* text = std::get_if<std::string>(&value)) {
                texts_.push_back(*text);
                statement.exchange(soci::use(texts_.back(), name));
            } else {
                texts_.emplace_back();
                statement.exchange(soci::use(texts_.back(), null_, name));
            }
        }
    }

private:
    std::deque<long long> numbers_;
    std::deque<std::string> texts_;
    soci::indicator null_ = soci::i_null;
};

/// Makes an SQLite file that only its owner may read, before SQLite makes it with the umask's
/// rights.
void make_private_file(const std::string& path) {
    if (path.starts_with(":")) return;
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) ::close(file);
}

}  // namespace

std::string clean_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        out += length == 0 ? kReplacement : text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

Value value_of(const std::optional<WallTime>& time) {
    return time ? Value(unix_nanoseconds(*time)) : Value();
}

Value value_of(const Bytes& bytes) { return to_base64(bytes); }

Value null_when_empty(std::string_view text) { return text.empty() ? Value() : value_of(text); }

std::string Row::text(std::string_view name) const {
    const auto found = columns.find(name);
    if (found == columns.end()) return {};
    if (const auto* number = std::get_if<std::int64_t>(&found->second))
        return std::to_string(*number);
    const auto* text = std::get_if<std::string>(&found->second);
    return text ? *text : std::string();
}

std::int64_t Row::number(std::string_view name) const {
    const auto found = columns.find(name);
    if (found == columns.end()) return 0;
    if (const auto* number = std::get_if<std::int64_t>(&found->second)) return *number;
    // SQLite gives the result of an expression (count(*)) as text.
    std::int64_t number = 0;
    if (const auto* text = std::get_if<std::string>(&found->second)) {
        std::from_chars(text->data(), text->data() + text->size(), number);
    }
    return number;
}

int Row::integer(std::string_view name) const { return static_cast<int>(number(name)); }

std::optional<WallTime> Row::optional_time(std::string_view name) const {
    const auto found = columns.find(name);
    if (found == columns.end() || !std::holds_alternative<std::int64_t>(found->second)) return {};
    return time(name);
}

Bytes Row::bytes(std::string_view name) const { return from_base64(text(name)).value_or(Bytes{}); }

struct Database::Session {
    soci::session sql;
};

Database::Database(std::string location)
    : location_(std::move(location)), name_(name_of(location_)) {}
Database::~Database() = default;

Database::Dialect Database::dialect() const {
    return is_postgres_url(location_) ? Dialect::Postgres : Dialect::Sqlite;
}

const std::string& Database::name() const { return name_; }

void Database::open_if_closed() {
    if (session_) return;
    auto session = std::make_unique<Session>();
    if (is_postgres()) {
        session->sql.open(soci::postgresql, with_time_limits(location_));
        session->sql << "SET client_min_messages = warning";  // libpq prints notices to stderr.
    } else {
        make_private_file(location_);
        // SOCI splits its connection string at spaces, unless quoted.
        session->sql.open(soci::sqlite3, "db=\"" + location_ + "\" timeout=10");
        for (const char* pragma :
             {"PRAGMA busy_timeout = 10000",
              "PRAGMA journal_mode = WAL",
              "PRAGMA synchronous = FULL",
              "PRAGMA foreign_keys = ON"}) {
            session->sql << pragma;
        }
    }
    session_ = std::move(session);
}

void Database::close() { session_.reset(); }

Rows Database::query(const std::string& sql, const Args& args) {
    soci::row row;
    soci::statement statement(session_->sql);
    const Bound bound(statement, args);
    statement.exchange(soci::into(row));
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    Rows rows;
    statement.execute(false);
    while (statement.fetch()) {
        Row& out = rows.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            out.columns.emplace(row.get_properties(i).get_name(), value_at(row, i));
        }
    }
    return rows;
}

std::int64_t Database::run(const std::string& sql, const Args& args) {
    soci::statement statement(session_->sql);
    const Bound bound(statement, args);
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    statement.execute(true);
    return statement.get_affected_rows();
}

void Database::upsert(
    const std::string& table, const std::vector<std::string>& key, const Args& columns
) {
    std::string names, places, updates, keys;
    for (const auto& [name, value] : columns) {
        names += (names.empty() ? "" : ", ") + name;
        places += (places.empty() ? ":" : ", :") + name;
        if (std::find(key.begin(), key.end(), name) == key.end()) {
            updates += (updates.empty() ? "" : ", ") + name + " = excluded." + name;
        }
    }
    for (const auto& name : key) keys += (keys.empty() ? "" : ", ") + name;
    run("INSERT INTO " + table + " (" + names + ") VALUES (" + places + ") ON CONFLICT (" + keys +
            ") DO UPDATE SET " + updates,
        columns);
}

void Database::begin(Access access) {
    // An SQLite transaction that starts by reading may not become a writing one while another
    // process writes (SQLITE_BUSY at once, whatever the timeout): writers say so at the beginning.
    const bool immediate = !is_postgres() && access == Access::Write;
    // SQLite's reads see one moment by themselves.
    const bool whole = is_postgres() && access == Access::Snapshot;
    session_->sql
        << (immediate ? "BEGIN IMMEDIATE"
            : whole   ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                      : "BEGIN");
}

void Database::commit() { session_->sql << "COMMIT"; }

void Database::rollback() noexcept {
    if (!session_) return;
    try {
        session_->sql << "ROLLBACK";
    } catch (const std::exception&) {
        // The session is lost, or SQLite has rolled back by itself (disk full): nothing is left to
        // undo.
    }
}

void Database::lock_name(std::string_view name) {
    if (!is_postgres()) return;
    run("SELECT pg_advisory_xact_lock(hashtext(:name))", {{"name", value_of(name)}});
}

namespace {

Database::Failure postgres_failure(
    const soci::postgresql_soci_error& error, const std::string& name
) {
    using Kind = Database::Failure::Kind;
    const std::string state = error.sqlstate();
    const std::string context = name + ": " + error.get_error_message();
    // Class 08: connection; 57P0x: the server shuts down; "  " or none: libpq lost the socket.
    const bool lost = error.get_error_category() == soci::soci_error::connection_error ||
                      state.starts_with("08") || state.starts_with("57P") || state.empty() ||
                      state.starts_with(" ");
    if (lost) return {Kind::ConnectionLost, {make_error_code(Errc::Unavailable), context}};
    // 40: serialisation, deadlock; 23505: a row another process has just made.
    if (state.starts_with("40") || state == "23505") {
        return {Kind::Conflict, {make_error_code(Errc::Unavailable), context}};
    }
    if (state == "53100") return {Kind::Other, {make_error_code(Errc::NoSpace), context}};
    if (state.starts_with("28") || state == "42501") {
        return {Kind::Other, {make_error_code(Errc::PermissionDenied), context}};
    }
    return {Kind::Other, {make_error_code(Errc::Failed), context}};
}

Errc sqlite_code(int result) {
    switch (result & 0xFF) {  // The upper bits are the extended code.
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_CANTOPEN:
            return Errc::Unavailable;
        case SQLITE_FULL:
            return Errc::NoSpace;
        case SQLITE_PERM:
        case SQLITE_READONLY:
            return Errc::PermissionDenied;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Errc::Malformed;
        default:
            return Errc::Failed;
    }
}

}  // namespace

Database::Failure Database::failure_of(std::exception_ptr exception) const {
    using Kind = Failure::Kind;
    const std::string name = "database " + name_;
    try {
        std::rethrow_exception(exception);
    } catch (const soci::postgresql_soci_error& error) {
        return postgres_failure(error, name);
    } catch (const soci::sqlite3_soci_error& error) {
        const Errc code = sqlite_code(error.result());
        return {Kind::Other, {make_error_code(code), name + ": " + error.get_error_message()}};
    } catch (const soci::soci_error& error) {
        // SOCI has no code for a connection that could not be made.
        if (is_postgres() && !session_) {
            return {
                Kind::ConnectionLost,
                {make_error_code(Errc::Unavailable), name + ": " + error.get_error_message()}};
        }
        return {
            Kind::Other, {make_error_code(Errc::Failed), name + ": " + error.get_error_message()}};
    } catch (const std::exception& error) {
        return {Kind::Other, {make_error_code(Errc::Failed), name + ": " + error.what()}};
    }
}

}  // namespace aircheck::records
