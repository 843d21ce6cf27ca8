#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Private to records: one SQL for SQLite and PostgreSQL, over SOCI. The only file that knows SOCI
/// is sql.cpp.
namespace aircheck::records {

/// NULL, a BIGINT or a TEXT: all that our tables hold.
using Value = std::variant<std::monostate, std::int64_t, std::string>;
using Args = std::vector<std::pair<std::string, Value>>;

/// Text for a database: invalid UTF-8 and NUL (which PostgreSQL refuses) become U+FFFD.
[[nodiscard]] std::string clean_text(std::string_view text);

[[nodiscard]] inline Value value_of(std::string_view text) { return clean_text(text); }
[[nodiscard]] inline Value value_of(WallTime time) { return unix_nanoseconds(time); }
[[nodiscard]] Value value_of(const std::optional<WallTime>& time);
[[nodiscard]] inline Value value_of(Nanoseconds duration) { return duration.count(); }
[[nodiscard]] Value value_of(const Bytes& bytes);  ///< As base64 text.
[[nodiscard]] inline Value value_of(int number) { return std::int64_t{number}; }
[[nodiscard]] Value null_when_empty(std::string_view text);

/// One row of an answer, read by column name. A column that is missing or NULL reads as empty.
class Row {
public:
    std::map<std::string, Value, std::less<>> columns;

    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] std::int64_t number(std::string_view name) const;
    [[nodiscard]] int integer(std::string_view name) const;
    [[nodiscard]] bool flag(std::string_view name) const { return number(name) != 0; }
    [[nodiscard]] WallTime time(std::string_view name) const {
        return WallTime(Nanoseconds(number(name)));
    }
    [[nodiscard]] std::optional<WallTime> optional_time(std::string_view name) const;
    [[nodiscard]] Bytes bytes(std::string_view name) const;
};
using Rows = std::vector<Row>;

/// One session with a database. Not thread-safe. query() and the like throw what SOCI throws;
/// failure_of() says what that means.
class Database {
public:
    enum class Dialect { Sqlite, Postgres };
    enum class Access {
        Read,
        Write,
        Snapshot  ///< Reads all as of one moment, whatever others write meanwhile.
    };
    struct Failure {
        enum class Kind {
            Other,
            ConnectionLost,  ///< The session is gone; open() again.
            Conflict         ///< Another process was faster: the transaction may be repeated.
        } kind = Kind::Other;
        Error error;
    };

    explicit Database(std::string location);
    ~Database();

    [[nodiscard]] Dialect dialect() const;
    [[nodiscard]] bool is_postgres() const { return dialect() == Dialect::Postgres; }
    /// The location without its password: for messages.
    [[nodiscard]] const std::string& name() const;

    void open_if_closed();
    void close();

    /// `sql` names its arguments `:like_this`; each name occurs once.
    Rows query(const std::string& sql, const Args& args = {});
    /// Runs a statement and returns how many rows it changed.
    std::int64_t run(const std::string& sql, const Args& args = {});
    /// INSERT, or UPDATE where a row with the same `key` columns exists. Names come from our code
    /// only.
    void upsert(const std::string& table, const std::vector<std::string>& key, const Args& columns);

    void begin(Access access);
    void commit();
    void rollback() noexcept;

    /// " FOR UPDATE" where the dialect has it.
    [[nodiscard]] std::string for_update() const { return is_postgres() ? " FOR UPDATE" : ""; }
    /// Until the transaction ends, nobody else gets past this with the same `name`. SQLite: the
    /// write transaction does that anyway.
    void lock_name(std::string_view name);

    [[nodiscard]] Failure failure_of(std::exception_ptr exception) const;

private:
    struct Session;
    std::string location_;
    std::string name_;
    std::unique_ptr<Session> session_;
};

/// Rolls back unless committed.
class Transaction {
public:
    Transaction(Database& database, Database::Access access) : database_(database) {
        database_.begin(access);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() {
        if (!committed_) database_.rollback();
    }
    void commit() {
        database_.commit();
        committed_ = true;
    }

private:
    Database& database_;
    bool committed_ = false;
};

}  // namespace aircheck::records
