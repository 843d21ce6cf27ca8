// Which process has which recording, and what becomes of those whose process is gone.
#include "records/store_impl.hpp"

namespace aircheck::records {

Result<> Store::keep_alive(const std::string& worker, Nanoseconds lease) {
    return impl_->write([&](Database& database) -> Result<> {
        database.upsert(
            "workers",
            {"worker"},
            {{"worker", value_of(worker)}, {"alive_until", value_of(now_of(database) + lease)}}
        );
        return {};
    });
}

Result<std::vector<Recording>> Store::orphans(int limit, const std::string& except_origin) {
    return impl_->read([&](Database& database) -> Result<std::vector<Recording>> {
        std::string sql =
            "SELECT r.* FROM recordings AS r JOIN workers AS w ON w.worker = r.worker "
            "WHERE r.status IN " +
            std::string(kUnfinished) + " AND w.alive_until < :now";
        Args args = {{"now", value_of(now_of(database))}};
        if (!except_origin.empty()) {
            sql += " AND r.origin <> :origin";
            args.emplace_back("origin", value_of(except_origin));
        }
        sql += " ORDER BY r.started_at, r.egress_id LIMIT :count";
        args.emplace_back("count", value_of(limit));
        return load_recordings(database, sql, args);
    });
}

Result<bool> Store::take_over(const TakeOver& wanted) {
    return impl_->write([&](Database& database) -> Result<bool> {
        std::string sql =
            "UPDATE recordings SET worker = :to WHERE egress_id = :id AND worker = :from "
            "AND status IN " +
            std::string(kUnfinished);
        Args args = {
            {"to", value_of(wanted.to)},
            {"id", value_of(wanted.egress_id)},
            {"from", value_of(wanted.from)}};
        if (wanted.only_if == TakeOver::OnlyIf::Gone) {
            sql +=
                " AND EXISTS (SELECT 1 FROM workers WHERE worker = :gone AND alive_until < :now)";
            args.emplace_back("gone", value_of(wanted.from));
            args.emplace_back("now", value_of(now_of(database)));
        }
        return database.run(sql, args) > 0;
    });
}

Result<std::map<std::string, std::string>> Store::workers_of(
    const std::vector<std::string>& egress_ids
) {
    std::map<std::string, std::string> workers;
    if (egress_ids.empty()) return workers;
    return impl_->read([&](Database& database) -> Result<std::map<std::string, std::string>> {
        const InList list = in_list("id", egress_ids);
        const Rows rows = database.query(
            "SELECT egress_id, worker FROM recordings WHERE egress_id IN " + list.sql, list.args
        );
        for (const Row& row : rows) workers[row.text("egress_id")] = row.text("worker");
        return workers;
    });
}

}  // namespace aircheck::records
