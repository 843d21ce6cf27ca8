#include "recorder/journal_copies.hpp"

#include "core/id.hpp"
#include "core/log.hpp"
#include "journal/writer.hpp"
#include "recorder/spool_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

namespace aircheck::recorder {
namespace {

namespace fs = std::filesystem;
using storage::ObjectStore;
using storage::SmallObjects;

constexpr const char* kFolder = "aircheck-journals";
constexpr const char* kJobs = "aircheck-journals/jobs";
constexpr std::string_view kJson = ".json";
constexpr const char* kDone = "{\"done\":true}\n";
constexpr unsigned kThreads = 2;
constexpr const char* kFetchingSuffix = ".fetching";

std::string job_key(const std::string& egress_id) {
    return std::string(kJobs) + "/" + egress_id + std::string(kJson);
}
std::string segments_folder(const std::string& egress_id) {
    return std::string(kFolder) + "/" + egress_id;
}
std::string segment_key(const std::string& egress_id, std::uint32_t segment) {
    return segments_folder(egress_id) + "/" + journal::segment_name(segment);
}

std::string checkpoint_key(const std::string& egress_id) {
    return segments_folder(egress_id) + "/upload.state";
}

void note_copied(const std::string& folder, std::uint32_t segments) {
    // Should it get lost, segments are sent twice.
    std::ofstream(folder + "/" + kCopiedName, std::ios::trunc) << segments << '\n';
}

/// Numbers of the segments in `folder`, in order.
std::vector<std::uint32_t> segments_in(const std::string& folder) {
    std::vector<std::uint32_t> segments;
    std::error_code error;  // A folder that is gone has none.
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        if (path.extension() != ".acj") continue;
        const auto number =
            static_cast<std::uint32_t>(std::strtoul(path.stem().string().c_str(), nullptr, 10));
        if (path.filename() == journal::segment_name(number)) segments.push_back(number);
    }
    std::ranges::sort(segments);
    return segments;
}

Result<std::string> read_whole(const std::string& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) return fail(error, path);
    return storage::read_range(path, 0, size);
}

/// All segments and the upload's checkpoint, into an empty folder.
Result<std::uint32_t> fetch_into(
    const std::string& folder, SmallObjects& objects, const std::string& egress_id
) {
    const auto write = [&folder](const std::string& name, const std::string& content) {
        return storage::assemble_file({as_bytes(content), {}, 0, 0}, folder + "/" + name);
    };
    std::uint32_t fetched = 0;
    for (;; ++fetched) {
        const auto content = objects.get(segment_key(egress_id, fetched + 1));
        if (!content && content.error().code == Errc::NotFound) break;
        if (!content) return tl::unexpected(content.error());
        AC_CHECK_OK(write(journal::segment_name(fetched + 1), *content));
    }
    if (fetched == 0) return fail(Errc::NotFound, "no journal of " + egress_id + " is copied");
    const auto checkpoint = objects.get(checkpoint_key(egress_id));
    if (!checkpoint && checkpoint.error().code != Errc::NotFound) {
        return tl::unexpected(checkpoint.error());
    }
    if (checkpoint) AC_CHECK_OK(write("upload.state", *checkpoint));
    note_copied(folder, fetched);
    return fetched;
}

}  // namespace

Result<std::vector<std::string>> copied_recordings(SmallObjects& objects) {
    AC_TRY(auto names, objects.list(kJobs));
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(kJson); });
    for (std::string& name : names) name.resize(name.size() - kJson.size());
    // Whatever else lies there is no business of ours.
    std::erase_if(names, [](const std::string& name) { return !is_id(name, "EG_"); });
    return names;
}

Result<std::string> copied_dossier(SmallObjects& objects, const std::string& egress_id) {
    AC_TRY(auto dossier, objects.get(job_key(egress_id)));
    if (dossier == kDone) return fail(Errc::Cancelled, egress_id + " is complete");
    return dossier;
}

Result<std::uint32_t> fetch_journal(
    SmallObjects& objects, const storage::Spool& spool, const std::string& egress_id
) {
    AC_TRY(const auto folder, spool.folder(egress_id));
    if (!segments_in(folder).empty()) return fail(Errc::AlreadyExists, "a journal in " + folder);
    // Under another name until all of it is there: half a journal would look like a short call.
    const std::string whole = folder + kFetchingSuffix;
    std::error_code error;
    fs::remove_all(whole, error);
    fs::create_directory(whole, error);
    if (error) return fail(error, whole);
    const auto fetched = fetch_into(whole, objects, egress_id);
    if (fetched) {
        fs::remove_all(folder, error);
        if (!error) fs::rename(whole, folder, error);
        if (error) return fail(error, folder);
        return fetched;
    }
    std::error_code ignored;  // The first error is told.
    fs::remove_all(whole, ignored);
    fs::remove(folder, ignored);
    return fetched;
}

Result<> remove_copies(SmallObjects& objects, const std::string& egress_id) {
    AC_CHECK_OK(objects.put(job_key(egress_id), kDone, ObjectStore::IfTaken::Overwrite));
    for (;;) {
        AC_TRY(const auto names, objects.list(segments_folder(egress_id)));
        if (names.empty()) break;
        for (const std::string& name : names) {
            AC_CHECK_OK(objects.remove(segments_folder(egress_id) + "/" + name));
        }
    }
    return objects.remove(job_key(egress_id));
}

Result<> try_copying(SmallObjects& objects) {
    // One name for all: who may not remove leaves one object behind.
    const std::string key = std::string(kFolder) + "/aircheck-try.txt";
    AC_CHECK_OK(objects.put(key, "aircheck", ObjectStore::IfTaken::Overwrite));
    const auto read = objects.get(key);
    const auto removed = objects.remove(key);
    // Another process may have removed its own meanwhile.
    if (!read && read.error().code != Errc::NotFound) return tl::unexpected(read.error());
    return removed;
}

std::uint32_t copied_segments(const std::string& folder) {
    std::uint32_t segments = 0;
    std::ifstream(folder + "/" + kCopiedName) >> segments;
    return segments;
}

/// One recording's. What a job on the pool changes is the pool's while `is_busy`.
struct JournalCopies::Copy {
    std::string egress_id;
    std::string dossier;
    ObjectStore::IfTaken if_taken = ObjectStore::IfTaken::Refuse;
    std::optional<Outcome> outcome;  ///< Once it is over.
    bool is_busy = false;
    bool is_lost = false;    ///< Somebody else writes there.
    bool was_told = false;   ///< That the store does not take it.
    std::uint32_t sent = 0;  ///< Segments from the first on.
    bool is_dossier_sent = false;
    std::string checkpoint;  ///< As it was sent.

    [[nodiscard]] Result<> send(
        SmallObjects objects, const std::string& folder, std::optional<Outcome> over
    );
    [[nodiscard]] Result<> send_checkpoint(SmallObjects& objects, const std::string& folder);
};

/// It changes with each part of the output, some megabytes.
Result<> JournalCopies::Copy::send_checkpoint(SmallObjects& objects, const std::string& folder) {
    const std::string path = checkpoint_path(folder);
    std::error_code error;
    if (sent == 0 || !fs::exists(path, error)) return {};
    AC_TRY(auto now, read_whole(path));
    if (now == checkpoint) return {};
    AC_CHECK_OK(objects.put(checkpoint_key(egress_id), now, ObjectStore::IfTaken::Overwrite));
    checkpoint = std::move(now);
    return {};
}

/// All segments that are whole: of a journal that is still written, all but the last.
Result<> JournalCopies::Copy::send(
    SmallObjects objects, const std::string& folder, std::optional<Outcome> over
) {
    sent = std::max(sent, copied_segments(folder));
    if (over == Outcome::Complete)
        return sent == 0 ? Result<>() : remove_copies(objects, egress_id);
    auto segments = segments_in(folder);
    if (!over && !segments.empty()) segments.pop_back();
    for (const std::uint32_t segment : segments) {
        if (segment <= sent) continue;
        if (!is_dossier_sent) {
            AC_CHECK_OK(objects.put(job_key(egress_id), dossier, ObjectStore::IfTaken::Overwrite));
            is_dossier_sent = true;
        }
        AC_TRY(auto content, read_whole(folder + "/" + journal::segment_name(segment)));
        AC_CHECK_OK(objects.put(segment_key(egress_id, segment), std::move(content), if_taken));
        sent = segment;
        note_copied(folder, sent);
    }
    return send_checkpoint(objects, folder);
}

JournalCopies::JournalCopies(
    net::Loop& home, net::HttpClient& http, const storage::Spool& spool, Options options
)
    : home_(home),
      http_(http),
      spool_(spool),
      options_(std::move(options)),
      timer_(home),
      pool_("journal", kThreads) {
    try_store();
    look();
}

/// Write-only keys would leave journals behind that nobody reads and nobody removes.
void JournalCopies::try_store() {
    pool_.run([this, alive = std::weak_ptr<bool>(alive_)] {
        SmallObjects objects(options_.destination, http_);
        const auto tried = try_copying(objects);
        if (tried || tried.error().code != Errc::PermissionDenied) return;
        home_.post([this, alive, error = tried.error()] {
            if (alive.expired() || !*alive.lock()) return;
            is_denied_ = true;
            log::warn(
                "journal.copies_off",
                {{"to", storage::describe(options_.destination)}, {"error", error.to_string()}}
            );
        });
    });
}

JournalCopies::~JournalCopies() { *alive_ = false; }

void JournalCopies::begin(const std::string& egress_id, std::string dossier, Begun begun) {
    AC_ON_HOME(home_thread_);
    auto copy = std::make_shared<Copy>();
    copy->egress_id = egress_id;
    copy->dossier = std::move(dossier);
    if (begun == Begun::FromAnother) copy->if_taken = ObjectStore::IfTaken::Overwrite;
    copies_[egress_id] = std::move(copy);
}

void JournalCopies::end(const std::string& egress_id, Outcome outcome) {
    AC_ON_HOME(home_thread_);
    const auto it = copies_.find(egress_id);
    if (it == copies_.end()) return;
    if (outcome == Outcome::Anothers) {
        copies_.erase(it);
        return;
    }
    it->second->outcome = outcome;
    if (!it->second->is_busy) work_on(it->second);
}

void JournalCopies::forget(const std::string& egress_id) {
    begin(egress_id, {}, Begun::FromAnother);
    copies_[egress_id]->sent = 1;
    end(egress_id, Outcome::Complete);
}

void JournalCopies::look() {
    AC_ON_HOME(home_thread_);
    for (const auto& [egress_id, copy] : copies_) {
        if (is_denied_) break;
        if (!copy->is_busy && !copy->is_lost) work_on(copy);
    }
    const Nanoseconds often = std::clamp<Nanoseconds>(options_.every / 6, 100ms, 10s);
    timer_.after(often, [this] { look(); });
}

void JournalCopies::work_on(const std::shared_ptr<Copy>& copy) {
    copy->is_busy = true;
    const std::string folder = spool_.path() + "/" + copy->egress_id;
    pool_.run([this, copy, folder, over = copy->outcome, alive = std::weak_ptr<bool>(alive_)] {
        const auto result = copy->send({options_.destination, http_}, folder, over);
        home_.post([this, alive, copy, result] {
            if (!alive.expired() && *alive.lock()) on_worked(copy, result);
        });
    });
}

void JournalCopies::on_worked(const std::shared_ptr<Copy>& copy, const Result<>& result) {
    copy->is_busy = false;
    const auto it = copies_.find(copy->egress_id);
    if (it == copies_.end() || it->second != copy) return;
    if (!result && result.error().code == Errc::AlreadyExists) copy->is_lost = true;
    if (!result && !copy->was_told) {
        copy->was_told = true;
        log::warn(
            "journal.not_copied",
            {{"egress", copy->egress_id},
             {"to", storage::describe(options_.destination)},
             {"error", result.error().to_string()}}
        );
    } else if (result && copy->was_told && !copy->is_lost) {
        copy->was_told = false;
        log::info("journal.copied_again", {{"egress", copy->egress_id}});
    }
    if (!copy->outcome) return;
    const bool may_pass = !result && (result.error().code == Errc::Unavailable ||
                                      result.error().code == Errc::Timeout);
    if (!may_pass) copies_.erase(it);  // Else look() tries it again.
}

}  // namespace aircheck::recorder
