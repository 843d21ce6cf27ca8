#include "records/store_impl.hpp"

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
    "  AND e.seq <> d.seq AND (e.lease_until > :leased OR (e.seq < d.seq AND e.replayed = 0))) "
    "ORDER BY d.next_try, d.seq LIMIT :count";

Result<> expect_one(std::int64_t changed, const std::string& delivery_id) {
    if (changed == 0) return fail(Errc::NotFound, "delivery " + clean_text(delivery_id));
    return {};
}

}  // namespace

void insert_deliveries(Database& database, std::span<const Delivery> deliveries) {
    for (const Delivery& delivery : deliveries) {
        const Args columns = columns_of(delivery);
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

Result<std::vector<Delivery>> Store::claim_deliveries(
    WallTime now, int limit, const std::string& worker, Nanoseconds lease
) {
    return impl_->write([&](Database& database) -> Result<std::vector<Delivery>> {
        std::string sql(kDue);
        if (database.is_postgres()) sql += " FOR UPDATE OF d SKIP LOCKED";
        const Rows rows = database.query(
            sql,
            {{"due", value_of(now)},
             {"free", value_of(now)},
             {"leased", value_of(now)},
             {"count", value_of(limit)}}
        );
        std::set<std::pair<std::string, std::string>> lines;
        std::vector<Delivery> claimed;
        for (const Row& row : rows) {
            Delivery delivery = delivery_of(row);
            if (!lines.emplace(delivery.receiver, delivery.fifo_key).second) continue;
            database.run(
                "UPDATE deliveries SET lease_worker = :worker, lease_until = :until "
                "WHERE delivery_id = :id",
                {{"worker", value_of(worker)},
                 {"until", value_of(now + lease)},
                 {"id", value_of(delivery.delivery_id)}}
            );
            claimed.push_back(std::move(delivery));
        }
        return claimed;
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
        return expect_one(changed, delivery_id);
    });
}

Result<> Store::mark_failed(const FailedTry& failed) {
    return impl_->write([&](Database& database) -> Result<> {
        const auto state = failed.next_try ? DeliveryState::Pending : DeliveryState::Dead;
        // A delivered one stays so: another worker may have been faster than our lost lease.
        const auto changed = database.run(
            "UPDATE deliveries SET state = :state, attempts = attempts + 1, last_status = :status, "
            "last_error = :error, next_try = :next_try, finished_at = :finished, lease_worker = "
            "'', "
            "lease_until = 0 WHERE delivery_id = :id AND state <> 'delivered'",
            {{"state", value_of(to_string(state))},
             {"status", value_of(failed.http_status)},
             {"error", value_of(failed.error)},
             {"next_try", value_of(failed.next_try.value_or(failed.at))},
             {"finished", failed.next_try ? Value() : value_of(failed.at)},
             {"id", value_of(failed.delivery_id)}}
        );
        if (changed != 0) return {};
        const Args args = {{"id", value_of(failed.delivery_id)}};
        const Rows rows =
            database.query("SELECT state FROM deliveries WHERE delivery_id = :id", args);
        return expect_one(static_cast<std::int64_t>(rows.size()), failed.delivery_id);
    });
}

namespace {
constexpr std::string_view kReplay =
    "UPDATE deliveries SET state = 'pending', attempts = 0, first_due = :first, next_try = :next, "
    "finished_at = NULL, lease_worker = '', lease_until = 0, replayed = 1 WHERE ";
}

Result<> Store::replay_delivery(const std::string& delivery_id, WallTime now) {
    return impl_->write([&](Database& database) -> Result<> {
        const auto changed = database.run(
            std::string(kReplay) + "delivery_id = :id",
            {{"first", value_of(now)}, {"next", value_of(now)}, {"id", value_of(delivery_id)}}
        );
        return expect_one(changed, delivery_id);
    });
}

Result<int> Store::replay_dead(WallTime now) {
    return impl_->write([&](Database& database) -> Result<int> {
        return static_cast<int>(database.run(
            std::string(kReplay) + "state = 'dead'",
            {{"first", value_of(now)}, {"next", value_of(now)}}
        ));
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
