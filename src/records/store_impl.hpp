#pragma once

#include "records/rows.hpp"
#include "records/sql.hpp"
#include "records/store.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

/// Private to records: what the parts of Store share.
namespace aircheck::records {

/// How long a database that has gone away is waited for. Reads no clock.
class Patience {
public:
    /// After a failure at `now`: how long to wait before the next try; none: it is away for longer
    /// than anybody should wait.
    [[nodiscard]] std::optional<Nanoseconds> pause(Instant now) {
        constexpr Nanoseconds kLongest = 10s;
        constexpr Nanoseconds kFirst = 50ms;
        constexpr Nanoseconds kMost = 1s;
        if (!away_since_) {
            away_since_ = now;
            pause_ = kFirst;
        }
        if (now - *away_since_ >= kLongest) return {};
        return std::exchange(pause_, std::min(pause_ * 2, kMost));
    }
    void is_back() { away_since_.reset(); }

private:
    std::optional<Instant> away_since_;
    Nanoseconds pause_{0};
};

struct Store::Impl {
    explicit Impl(std::string location) : database(std::move(location)) {}

    std::mutex mutex;  ///< Over all below.
    Database database;
    Patience patience;

    /// Runs `work(database)`, which returns a Result and may throw what SOCI throws, in a
    /// transaction; commits when it succeeded. Repeated after a lost connection (unless lost while
    /// committing: then nobody knows), once the database is back within the time that is waited
    /// for it, and after a conflict with another process, `kTries` times in all.
    template <typename Work>
    std::invoke_result_t<Work&, Database&> transact(Database::Access access, Work work) {
        constexpr int kTries = 4;
        const std::lock_guard lock(mutex);
        for (int conflicts = 0;;) {
            bool committing = false;
            try {
                database.open_if_closed();
                Transaction transaction(database, access);
                auto result = work(database);
                patience.is_back();
                if (!result) return result;
                committing = true;
                transaction.commit();
                return result;
            } catch (const std::exception&) {
                Database::Failure failure = database.failure_of(std::current_exception());
                using Kind = Database::Failure::Kind;
                std::optional<Nanoseconds> pause;
                if (failure.kind == Kind::ConnectionLost) {
                    database.close();
                    if (!committing) pause = patience.pause(monotonic_now());
                } else if (failure.kind == Kind::Conflict && ++conflicts < kTries) {
                    pause = Nanoseconds::zero();
                }
                if (!pause) return tl::unexpected<Error>(std::move(failure.error));
                std::this_thread::sleep_for(*pause);
            }
        }
    }
    template <typename Work>
    auto read(Work work) {
        return transact(Database::Access::Read, std::move(work));
    }
    template <typename Work>
    auto write(Work work) {
        return transact(Database::Access::Write, std::move(work));
    }
};

/// The place after an item in a list sorted by (number, id) downwards, as opaque text and back.
struct Cursor {
    std::int64_t number = 0;
    std::string id;
};
[[nodiscard]] std::string to_text(const Cursor& cursor);
[[nodiscard]] Result<Cursor> parse_cursor(std::string_view text);

/// The WHERE, ORDER BY and LIMIT of one page of a list.
class PageSql {
public:
    /// `number` and `id` are the columns it is sorted by, newest first.
    PageSql(std::string number, std::string id) : number_(std::move(number)), id_(std::move(id)) {}

    void where(const std::string& condition) {
        conditions_ += (conditions_.empty() ? " WHERE " : " AND ") + condition;
    }
    void where(const std::string& condition, std::string name, Value value) {
        where(condition);
        args_.emplace_back(std::move(name), std::move(value));
    }
    /// Errc::InvalidArgument: the limit or the cursor.
    [[nodiscard]] Result<> finish(const std::string& cursor, int limit);
    [[nodiscard]] const std::string& sql() const { return conditions_; }
    [[nodiscard]] const Args& args() const { return args_; }

private:
    std::string number_, id_, conditions_;
    Args args_;
};

/// Statuses that are not final.
inline constexpr std::string_view kUnfinished =
    "('EGRESS_STARTING', 'EGRESS_ACTIVE', 'EGRESS_ENDING')";
/// Inside a transaction: Store::now().
[[nodiscard]] WallTime now_of(Database& database);

/// The columns `name`s of many rows at once: "(:name0, :name1 …)" and its arguments.
struct InList {
    std::string sql;
    Args args;
};
[[nodiscard]] InList in_list(const std::string& name, const std::vector<std::string>& values);

// Parts of a transaction, shared by the functions of Store.
/// `sql` selects from recordings; files come too.
[[nodiscard]] std::vector<Recording> load_recordings(
    Database& database, const std::string& sql, const Args& args
);
/// Puts room_ids into each.
void load_room_ids(Database& database, std::vector<Conversation*> conversations);
[[nodiscard]] std::optional<Conversation> load_conversation(
    Database& database, const std::string& conversation_id
);
/// Saves `conversation` with the status that follows from its recordings.
void save_with_status(Database& database, Conversation& conversation);
void insert_deliveries(Database& database, std::span<const Delivery> deliveries);
/// The query's egress and receiver, as conditions.
void filter_deliveries(PageSql& sql, const DeliveryQuery& query);

}  // namespace aircheck::records
