#include "records/store_impl.hpp"

#include <algorithm>

namespace aircheck::records {
namespace {

bool is_empty(const std::string& value) { return value.empty() || value == "{}"; }
bool is_empty(const Bytes& value) { return value.empty(); }

/// A field that is set once: what `other` knows fills what `field` leaves empty.
template <typename T>
void keep(T& field, const T& other) {
    if (is_empty(field) && !is_empty(other)) field = other;
}

bool is_newer_or_same(const Recording& told, const Recording& known) {
    return std::pair(rank_of(told.status), told.updated_at) >=
           std::pair(rank_of(known.status), known.updated_at);
}

bool is_anothers(const Recording& known, const Recording& told) {
    return !told.worker.empty() && !known.worker.empty() && told.worker != known.worker;
}

/// `newer` with what only `older` knows. The order of updates decides which is which, not their
/// arrival.
StoredFile merged(StoredFile newer, const StoredFile& older) {
    if (older.uploaded && !newer.uploaded) {
        const std::string spool_path = newer.spool_path;
        newer = older;
        keep(newer.spool_path, spool_path);
        return newer;
    }
    keep(newer.filename, older.filename);
    keep(newer.destination_json, older.destination_json);
    keep(newer.sealed_destination, older.sealed_destination);
    keep(newer.key, older.key);
    keep(newer.live_filename, older.live_filename);
    if (!newer.started_at) newer.started_at = older.started_at;
    return newer;
}

std::vector<StoredFile> merged(
    std::vector<StoredFile> newer, const std::vector<StoredFile>& older
) {
    for (const StoredFile& file : older) {
        const auto same = std::ranges::find(newer, file.index, &StoredFile::index);
        if (same == newer.end())
            newer.push_back(file);
        else
            *same = merged(std::move(*same), file);
    }
    std::ranges::sort(newer, {}, &StoredFile::index);
    return newer;
}

Recording merged(Recording newer, const Recording& older) {
    keep(newer.conversation_id, older.conversation_id);
    keep(newer.room_name, older.room_name);
    keep(newer.room_sid, older.room_sid);
    keep(newer.origin, older.origin);
    keep(newer.worker, older.worker);
    keep(newer.request_id, older.request_id);
    keep(newer.request_json, older.request_json);
    keep(newer.sealed_secrets, older.sealed_secrets);
    keep(newer.sealed_job, older.sealed_job);
    keep(newer.metadata_json, older.metadata_json);
    keep(newer.link_key, older.link_key);
    newer.link_revoked = newer.link_revoked || older.link_revoked;
    if (newer.started_at == WallTime()) newer.started_at = older.started_at;
    if (!newer.ended_at) newer.ended_at = older.ended_at;
    newer.files = merged(std::move(newer.files), older.files);
    if (newer.streams.size() < older.streams.size()) newer.streams = older.streams;
    return newer;
}

std::optional<Recording> load_recording(Database& database, const std::string& egress_id) {
    auto found = load_recordings(
        database,
        "SELECT * FROM recordings WHERE egress_id = :id" + database.for_update(),
        {{"id", value_of(egress_id)}}
    );
    if (found.empty()) return {};
    return std::move(found.front());
}

void save_recording(Database& database, const Recording& recording) {
    database.upsert("recordings", {"egress_id"}, columns_of(recording));
    for (const StoredFile& file : recording.files) {
        database.upsert(
            "recording_files", {"egress_id", "file_index"}, columns_of(recording.egress_id, file)
        );
    }
}

}  // namespace

std::vector<Recording> load_recordings(
    Database& database, const std::string& sql, const Args& args
) {
    std::vector<Recording> recordings;
    std::vector<std::string> ids;
    for (const Row& row : database.query(sql, args)) {
        recordings.push_back(recording_of(row));
        ids.push_back(recordings.back().egress_id);
    }
    if (recordings.empty()) return recordings;
    const InList list = in_list("id", ids);
    const Rows rows = database.query(
        "SELECT * FROM recording_files WHERE egress_id IN " + list.sql + " ORDER BY file_index",
        list.args
    );
    std::map<std::string, std::vector<StoredFile>> files;
    for (const Row& row : rows) files[row.text("egress_id")].push_back(file_of(row));
    for (Recording& recording : recordings) recording.files = std::move(files[recording.egress_id]);
    return recordings;
}

Result<Store::Updated> Store::update_recording(
    const Recording& recording, std::span<const Delivery> announcements
) {
    if (recording.egress_id.empty()) return fail(Errc::InvalidArgument, "recording: no egress id");
    return impl_->write([&](Database& database) -> Result<Updated> {
        // Also before there is a row to lock: of two that come first at once, one sees the other.
        database.lock_name("recording " + recording.egress_id);
        const auto known = load_recording(database, recording.egress_id);
        if (known && is_anothers(*known, recording)) {
            return Updated{Updated::Outcome::Anothers, *known};
        }
        Updated updated{Updated::Outcome::Applied, recording};
        if (known && is_newer_or_same(recording, *known)) {
            updated.recording = merged(recording, *known);
        } else if (known) {
            updated = {Updated::Outcome::Stale, merged(*known, recording)};
        }
        const std::string& owner = updated.recording.conversation_id;
        std::optional<Conversation> conversation;
        if (!owner.empty()) {
            conversation = load_conversation(database, owner);
            if (!conversation) {
                return fail(
                    Errc::NotFound, "recording " + recording.egress_id + ": conversation " + owner
                );
            }
        }
        save_recording(database, updated.recording);
        if (conversation) save_with_status(database, *conversation);
        if (updated.outcome == Updated::Outcome::Applied) {
            insert_deliveries(database, announcements);
        }
        return updated;
    });
}

Result<Recording> Store::find_recording(const std::string& egress_id) {
    return impl_->read([&](Database& database) -> Result<Recording> {
        auto recording = load_recording(database, egress_id);
        if (!recording) return fail(Errc::NotFound, "recording " + clean_text(egress_id));
        return std::move(*recording);
    });
}

Result<Recording> Store::find_recording_by_request(const std::string& request_id) {
    return impl_->read([&](Database& database) -> Result<Recording> {
        auto found = load_recordings(
            database,
            "SELECT * FROM recordings WHERE request_id = :id ORDER BY started_at, egress_id LIMIT "
            "1",
            {{"id", value_of(request_id)}}
        );
        if (found.empty()) return fail(Errc::NotFound, "request " + clean_text(request_id));
        return std::move(found.front());
    });
}

Result<> Store::revoke_link(const std::string& egress_id) {
    return impl_->write([&](Database& database) -> Result<> {
        const auto changed = database.run(
            "UPDATE recordings SET link_revoked = 1 WHERE egress_id = :id",
            {{"id", value_of(egress_id)}}
        );
        if (changed == 0) return fail(Errc::NotFound, "recording " + clean_text(egress_id));
        return {};
    });
}

}  // namespace aircheck::records
