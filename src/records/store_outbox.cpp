#include "records/store_impl.hpp"

#include <algorithm>
#include <set>

namespace aircheck::records {
namespace {

/// Due, not leased, and first in its line; nothing of its line is under way. A replayed one holds
/// back nobody (its line went on without it), but never runs beside another of its line.
constexpr std::string_view kDue =
    "SELECT * FROM deliveries AS d "
    "WHERE d.state = 'pending' AND d.next_try <= :due AND d.lease_until <= :free "
    "AND NOT EXISTS (SELECT 1 FROM deliveries AS e "
    "  WHERE e.receiver = d.receiver AND e.fifo_key = d.fifo_key AND e.state = 'pending' "
    "  AND e.seq <> d.seq AND (e.lease_until > :leased OR (e.seq < d.seq AND e.replayed = 0)))";

/// More receivers than that without room: the rest waits for the next claim.
constexpr std::size_t kMostLeftOut = 500;

/// One claim: rows come in order of their time, and a receiver that has no room is left out of the
/// next look, so that its rows do not fill the page.
class Claim {
public:
    Claim(Database& database, const Store::ClaimTerms& terms) : database_(database), terms_(terms) {
        for (const auto& [receiver, room] : terms.room) {
            if (room <= 0) full_.insert(receiver);
        }
    }

    std::vector<Delivery> run() {
        while (full_.size() <= kMostLeftOut && take_some()) {
        }
        return std::move(claimed_);
    }

private:
    [[nodiscard]] int wanted() const { return terms_.limit - static_cast<int>(claimed_.size()); }
    [[nodiscard]] int room_of(const std::string& receiver) const {
        const auto known = terms_.room.find(receiver);
        return known == terms_.room.end() ? terms_.per_receiver : known->second;
    }

    /// True when there may be more.
    bool take_some() {
        if (wanted() <= 0) return false;
        const auto before = full_.size();
        const Rows rows = database_.query(sql(), args());
        for (const Row& row : rows) {
            Delivery delivery = delivery_of(row);
            int& taken = taken_[delivery.receiver];
            if (taken < room_of(delivery.receiver) && lease(delivery)) ++taken;
            if (taken >= room_of(delivery.receiver)) full_.insert(delivery.receiver);
        }
        return full_.size() > before && !rows.empty();
    }

    /// False: another of its line was claimed a moment ago.
    bool lease(Delivery& delivery) {
        if (!lines_.emplace(delivery.receiver, delivery.fifo_key).second) return false;
        delivery.leased_until = terms_.now + terms_.lease;
        database_.run(
            "UPDATE deliveries SET lease_worker = :worker, lease_until = :until "
            "WHERE delivery_id = :id",
            {{"worker", value_of(terms_.worker)},
             {"until", value_of(delivery.leased_until)},
             {"id", value_of(delivery.delivery_id)}}
        );
        claimed_.push_back(std::move(delivery));
        return true;
    }

    [[nodiscard]] std::string sql() const {
        std::string text(kDue);
        if (!full_.empty()) text += " AND d.receiver NOT IN " + left_out().sql;
        text += " ORDER BY d.next_try, d.seq LIMIT :count";
        // What another worker claims at this moment is not waited for.
        return database_.is_postgres() ? text + " FOR UPDATE OF d SKIP LOCKED" : text;
    }
    [[nodiscard]] Args args() const {
        Args args = {
            {"due", value_of(terms_.now)},
            {"free", value_of(terms_.now)},
            {"leased", value_of(terms_.now)},
            {"count", value_of(wanted())}};
        if (full_.empty()) return args;
        InList list = left_out();
        args.insert(args.end(), list.args.begin(), list.args.end());
        return args;
    }
    [[nodiscard]] InList left_out() const {
        return in_list("receiver", {full_.begin(), full_.end()});
    }

    Database& database_;
    const Store::ClaimTerms& terms_;
    std::set<std::string> full_;
    std::map<std::string, int> taken_;
    std::set<std::pair<std::string, std::string>> lines_;
    std::vector<Delivery> claimed_;
};

/// Those that wait behind `delivery_id` in its line, as conditions of an UPDATE and its arguments.
/// Empty: there is no such delivery, or it holds back nobody.
struct Followers {
    std::string sql;
    Args args;
};
std::optional<Followers> followers_of(Database& database, const std::string& delivery_id) {
    const Rows rows = database.query(
        "SELECT receiver, fifo_key, seq FROM deliveries WHERE delivery_id = :id AND replayed = 0",
        {{"id", value_of(delivery_id)}}
    );
    if (rows.empty()) return {};
    return Followers{
        " WHERE receiver = :receiver AND fifo_key = :key AND state = 'pending' AND seq > :seq "
        "AND replayed = 0",
        {{"receiver", value_of(rows.front().text("receiver"))},
         {"key", value_of(rows.front().text("fifo_key"))},
         {"seq", rows.front().number("seq")}}};
}

/// They wait as long as it does: no claim has to look at them, and next_delivery_at() tells the
/// truth.
void hold_back_line(Database& database, const std::string& delivery_id, WallTime until) {
    auto followers = followers_of(database, delivery_id);
    if (!followers) return;
    followers->args.emplace_back("until", value_of(until));
    followers->args.emplace_back("sooner", value_of(until));
    database.run(
        "UPDATE deliveries SET next_try = :until" + followers->sql + " AND next_try < :sooner",
        followers->args
    );
}

/// It holds back nobody any more.
void let_line_go(Database& database, const std::string& delivery_id, WallTime now) {
    auto followers = followers_of(database, delivery_id);
    if (!followers) return;
    followers->args.emplace_back("now", value_of(now));
    followers->args.emplace_back("later", value_of(now));
    database.run(
        "UPDATE deliveries SET next_try = :now" + followers->sql + " AND next_try > :later",
        followers->args
    );
}

/// When a new delivery is due: not before the first of its line.
WallTime first_due_of_line(Database& database, const Delivery& delivery) {
    const Rows rows = database.query(
        "SELECT next_try FROM deliveries WHERE receiver = :receiver AND fifo_key = :key "
        "AND state = 'pending' AND replayed = 0 ORDER BY seq LIMIT 1",
        {{"receiver", value_of(delivery.receiver)}, {"key", value_of(delivery.fifo_key)}}
    );
    return rows.empty() ? delivery.created_at
                        : std::max(delivery.created_at, rows.front().time("next_try"));
}

Result<> expect_one(std::int64_t changed, const std::string& delivery_id) {
    if (changed == 0) return fail(Errc::NotFound, "delivery " + clean_text(delivery_id));
    return {};
}

}  // namespace

void insert_deliveries(Database& database, std::span<const Delivery> deliveries) {
    for (const Delivery& delivery : deliveries) {
        Args columns = columns_of(delivery);
        const WallTime first = first_due_of_line(database, delivery);
        std::ranges::find(columns, "next_try", &Args::value_type::first)->second = value_of(first);
        std::string names, places;
        for (const auto& [name, value] : columns) {
            names += (names.empty() ? "" : ", ") + name;
            places += (places.empty() ? ":" : ", :") + name;
        }
        database.run(
            "INSERT INTO deliveries (" + names + ") VALUES (" + places +
                ") ON CONFLICT (delivery_id) DO NOTHING",
            columns
        );
    }
}

Result<> Store::add_deliveries(std::span<const Delivery> deliveries) {
    return impl_->write([&](Database& database) -> Result<> {
        insert_deliveries(database, deliveries);
        return {};
    });
}

Result<std::vector<Delivery>> Store::claim_deliveries(const ClaimTerms& terms) {
    return impl_->write([&](Database& database) -> Result<std::vector<Delivery>> {
        return Claim(database, terms).run();
    });
}

Result<> Store::release_leases(const std::string& worker) {
    return impl_->write([&](Database& database) -> Result<> {
        database.run(
            "UPDATE deliveries SET lease_worker = '', lease_until = 0 WHERE lease_worker = :worker",
            {{"worker", value_of(worker)}}
        );
        return {};
    });
}

Result<> Store::mark_delivered(const std::string& delivery_id, int http_status, WallTime now) {
    return impl_->write([&](Database& database) -> Result<> {
        const auto changed = database.run(
            "UPDATE deliveries SET state = 'delivered', attempts = attempts + 1, "
            "last_status = :status, last_error = '', finished_at = :now, lease_worker = '', "
            "lease_until = 0 WHERE delivery_id = :id",
            {{"status", value_of(http_status)},
             {"now", value_of(now)},
             {"id", value_of(delivery_id)}}
        );
        let_line_go(database, delivery_id, now);
        return expect_one(changed, delivery_id);
    });
}

Result<> Store::mark_failed(const FailedTry& failed) {
    return impl_->write([&](Database& database) -> Result<> {
        const auto state = failed.next_try ? DeliveryState::Pending : DeliveryState::Dead;
        // A claim that is over tells nothing: another worker may have been faster.
        const auto changed = database.run(
            "UPDATE deliveries SET state = :state, attempts = attempts + 1, last_status = :status, "
            "last_error = :error, next_try = :next_try, finished_at = :finished, "
            "lease_worker = '', lease_until = 0 WHERE delivery_id = :id AND state = 'pending' "
            "AND lease_worker = :worker AND lease_until = :lease",
            {{"state", value_of(to_string(state))},
             {"status", value_of(failed.http_status)},
             {"error", value_of(failed.error)},
             {"next_try", value_of(failed.next_try.value_or(failed.at))},
             {"finished", failed.next_try ? Value() : value_of(failed.at)},
             {"id", value_of(failed.delivery_id)},
             {"worker", value_of(failed.worker)},
             {"lease", value_of(failed.leased_until)}}
        );
        if (changed != 0 && failed.next_try) {
            hold_back_line(database, failed.delivery_id, *failed.next_try);
        } else if (changed != 0) {
            let_line_go(database, failed.delivery_id, failed.at);
        }
        if (changed != 0) return {};
        const Args args = {{"id", value_of(failed.delivery_id)}};
        const Rows rows =
            database.query("SELECT state FROM deliveries WHERE delivery_id = :id", args);
        return expect_one(static_cast<std::int64_t>(rows.size()), failed.delivery_id);
    });
}

namespace {
/// One that is pending keeps its place in its line.
constexpr std::string_view kReplay =
    "UPDATE deliveries SET replayed = CASE WHEN state = 'pending' THEN replayed ELSE 1 END, "
    "state = 'pending', attempts = 0, first_due = :first, next_try = :next, finished_at = NULL, "
    "lease_worker = '', lease_until = 0";
}  // namespace

Result<> Store::replay_delivery(const std::string& delivery_id, WallTime now) {
    return impl_->write([&](Database& database) -> Result<> {
        const Args id = {{"id", value_of(delivery_id)}};
        const auto changed = database.run(
            std::string(kReplay) + " WHERE delivery_id = :id AND lease_until <= :now",
            {{"first", value_of(now)},
             {"next", value_of(now)},
             {"id", value_of(delivery_id)},
             {"now", value_of(now)}}
        );
        if (changed != 0) return {};
        const Rows rows = database.query("SELECT seq FROM deliveries WHERE delivery_id = :id", id);
        return expect_one(static_cast<std::int64_t>(rows.size()), delivery_id);
    });
}

Result<int> Store::replay_dead(WallTime now, const DeliveryQuery& which) {
    PageSql filter("seq", "delivery_id");
    filter.where("state = 'dead'");
    filter_deliveries(filter, which);
    return impl_->write([&](Database& database) -> Result<int> {
        Args args = {{"first", value_of(now)}, {"next", value_of(now)}};
        args.insert(args.end(), filter.args().begin(), filter.args().end());
        return static_cast<int>(database.run(std::string(kReplay) + filter.sql(), args));
    });
}

Result<std::optional<WallTime>> Store::next_delivery_at() {
    return impl_->read([](Database& database) -> Result<std::optional<WallTime>> {
        const Rows rows = database.query(
            "SELECT next_try FROM deliveries WHERE state = 'pending' ORDER BY next_try LIMIT 1"
        );
        if (rows.empty()) return std::optional<WallTime>{};
        return rows.front().optional_time("next_try");
    });
}

Result<Delivery> Store::find_delivery(const std::string& delivery_id) {
    return impl_->read([&](Database& database) -> Result<Delivery> {
        const Rows rows = database.query(
            "SELECT * FROM deliveries WHERE delivery_id = :id", {{"id", value_of(delivery_id)}}
        );
        if (rows.empty()) return fail(Errc::NotFound, "delivery " + clean_text(delivery_id));
        return delivery_of(rows.front());
    });
}

}  // namespace aircheck::records
