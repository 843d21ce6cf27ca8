#include "records/migrations.hpp"

#include <algorithm>

namespace aircheck::records {
namespace {

constexpr std::string_view kConversations = R"sql(
CREATE TABLE conversations (
    conversation_id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    room_name TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    room_metadata TEXT NOT NULL,
    owner_metadata TEXT NOT NULL
);
CREATE INDEX conversations_newest ON conversations (started_at, conversation_id);
CREATE INDEX conversations_by_room ON conversations (room_name, started_at);
CREATE TABLE room_sessions (
    room_sid TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id),
    room_name TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    finished_at BIGINT,
    recorded_by TEXT NOT NULL
);
CREATE INDEX room_sessions_by_conversation ON room_sessions (conversation_id);
CREATE TABLE participants (
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id),
    sid TEXT NOT NULL,
    identity TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    attributes TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    left_at BIGINT,
    PRIMARY KEY (conversation_id, sid)
);
CREATE TABLE recordings (
    egress_id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT REFERENCES conversations (conversation_id),
    room_name TEXT NOT NULL,
    room_sid TEXT NOT NULL,
    status TEXT NOT NULL,
    paused BIGINT NOT NULL,
    origin TEXT NOT NULL,
    worker TEXT NOT NULL,
    request_id TEXT,
    request TEXT NOT NULL,
    sealed_secrets TEXT NOT NULL,
    settings TEXT NOT NULL,
    metadata TEXT NOT NULL,
    error TEXT NOT NULL,
    error_code BIGINT NOT NULL,
    end_reason TEXT NOT NULL,
    details TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    gaps TEXT NOT NULL,
    check_result TEXT NOT NULL,
    manifest_location TEXT NOT NULL,
    backup_storage_used BIGINT NOT NULL,
    link_key TEXT NOT NULL,
    link_revoked BIGINT NOT NULL
);
CREATE INDEX recordings_newest ON recordings (started_at, egress_id);
CREATE INDEX recordings_by_conversation ON recordings (conversation_id);
CREATE INDEX recordings_by_request ON recordings (request_id);
CREATE INDEX recordings_by_status ON recordings (status);
CREATE TABLE recording_files (
    egress_id TEXT NOT NULL REFERENCES recordings (egress_id),
    file_index BIGINT NOT NULL,
    kind TEXT NOT NULL,
    track_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    start_offset BIGINT NOT NULL,
    filename TEXT NOT NULL,
    location TEXT NOT NULL,
    destination TEXT NOT NULL,
    sealed_destination TEXT NOT NULL,
    object_key TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded BIGINT NOT NULL,
    spool_path TEXT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (egress_id, file_index)
)
)sql";

constexpr std::string_view kSegments = R"sql(
ALTER TABLE recording_files ADD COLUMN segment_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recording_files ADD COLUMN live_filename TEXT NOT NULL DEFAULT '';
ALTER TABLE recording_files ADD COLUMN live_location TEXT NOT NULL DEFAULT ''
)sql";

constexpr std::string_view kStreams =
    "ALTER TABLE recordings ADD COLUMN streams TEXT NOT NULL DEFAULT '[]'";

constexpr std::string_view kOutbox = R"sql(
CREATE TABLE deliveries (
    seq {serial},
    delivery_id TEXT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    fifo_key TEXT NOT NULL,
    egress_id TEXT NOT NULL,
    event TEXT NOT NULL,
    event_id TEXT NOT NULL,
    format TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    url TEXT NOT NULL,
    sealed_url TEXT NOT NULL,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    first_due BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_status BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    finished_at BIGINT,
    lease_worker TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    replayed BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (state, next_try);
CREATE INDEX deliveries_in_order ON deliveries (receiver, fifo_key, state, seq);
CREATE INDEX deliveries_by_egress ON deliveries (egress_id);
CREATE TABLE received_events (
    event_id TEXT NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL
);
CREATE INDEX received_events_by_age ON received_events (received_at)
)sql";

/// Until when each process that shares the records is taken to live.
constexpr std::string_view kWorkers = R"sql(
CREATE TABLE workers (
    worker TEXT NOT NULL PRIMARY KEY,
    alive_until BIGINT NOT NULL
)
)sql";

std::string in_dialect(std::string_view sql, bool postgres) {
    std::string text(sql);
    constexpr std::string_view kSerial = "{serial}";
    for (auto at = text.find(kSerial); at != std::string::npos; at = text.find(kSerial, at)) {
        text.replace(
            at,
            kSerial.size(),
            postgres ? "BIGSERIAL PRIMARY KEY" : "INTEGER PRIMARY KEY AUTOINCREMENT"
        );
    }
    return text;
}

void run_statements(Database& database, std::string_view sql) {
    const std::string text = in_dialect(sql, database.is_postgres());
    for (std::size_t start = 0; start < text.size();) {
        const auto end = std::min(text.find(";\n", start), text.size());
        database.run(text.substr(start, end - start));
        start = end + 2;
    }
}

void make_version_table(Database& database) {
    Transaction transaction(database, Database::Access::Write);
    database.lock_name("aircheck.migrate");
    database.run(
        "CREATE TABLE IF NOT EXISTS aircheck_schema "
        "(version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
    );
    transaction.commit();
}

Result<> step(Database& database, int number) {
    Transaction transaction(database, Database::Access::Write);
    database.lock_name("aircheck.migrate");
    // Another process may have done it while we waited for the lock.
    if (schema_of(database) >= number) return {};
    const Migration& migration = migrations()[static_cast<std::size_t>(number - 1)];
    run_statements(database, migration.sql);
    database.run(
        "INSERT INTO aircheck_schema (version, name) VALUES (:version, :name)",
        {{"version", value_of(number)}, {"name", value_of(migration.name)}}
    );
    transaction.commit();
    return {};
}

}  // namespace

const std::vector<Migration>& migrations() {
    static const std::vector<Migration> all = {
        {"conversations, participants, recordings, files", kConversations},
        {"deliveries, received events", kOutbox},
        {"segments", kSegments},
        {"streams", kStreams},
        {"workers", kWorkers},
    };
    return all;
}

int schema_of(Database& database) {
    const Rows rows = database.query(
        database.is_postgres()
            ? "SELECT table_name FROM information_schema.tables "
              "WHERE table_schema = current_schema() AND table_name = 'aircheck_schema'"
            : "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'aircheck_schema'"
    );
    if (rows.empty()) return 0;
    const Rows newest =
        database.query("SELECT version FROM aircheck_schema ORDER BY version DESC LIMIT 1");
    return newest.empty() ? 0 : newest.front().integer("version");
}

Result<> migrate(Database& database, int target) {
    const int known = static_cast<int>(migrations().size());
    const int found = schema_of(database);
    if (found > known) {
        return fail(
            Errc::Unsupported,
            "database " + database.name() + ": its schema is number " + std::to_string(found) +
                ", this aircheck knows up to " + std::to_string(known) + ": run the newer aircheck"
        );
    }
    if (found >= target) return {};
    make_version_table(database);
    for (int number = found + 1; number <= target; ++number) AC_CHECK_OK(step(database, number));
    return {};
}

}  // namespace aircheck::records
