#pragma once

#include "core/home.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "storage/destination.hpp"
#include "storage/small_objects.hpp"
#include "storage/spool.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// Copies of journals in a store, for when a machine and its disk are gone:
///
///     aircheck-journals/jobs/EG_….json      what is to be recorded, as its owner wrote it
///     aircheck-journals/EG_…/000001.acj …   segments, each as soon as it is whole
///     aircheck-journals/EG_…/upload.state   which parts of the output the store has (UploadTask)
///
/// Who finishes it goes on with the upload, too: no parts are left behind that nobody completes.
/// A journal whose outputs are complete is marked ("done") before its copies go, so that nobody
/// makes a shorter recording of those that are left.

/// The recordings that have copies, finished ones' leftovers too. Blocking, as all below.
[[nodiscard]] Result<std::vector<std::string>> copied_recordings(storage::SmallObjects& objects);
/// Its owner's text; NotFound: it has no copies; Cancelled: its outputs are complete.
[[nodiscard]] Result<std::string> copied_dossier(
    storage::SmallObjects& objects, const std::string& egress_id
);
/// Brings a journal, and the upload's checkpoint, into the spool, where the recorder goes on with
/// it. Returns the number of
/// segments. NotFound: there is none; AlreadyExists: the spool has one of it.
[[nodiscard]] Result<std::uint32_t> fetch_journal(
    storage::SmallObjects& objects, const storage::Spool& spool, const std::string& egress_id
);
/// Marks it as done and removes it. On failure it may be called again.
[[nodiscard]] Result<> remove_copies(storage::SmallObjects& objects, const std::string& egress_id);

/// Writes, reads and removes an object beside them: all that copying takes. Errors: the store's.
[[nodiscard]] Result<> try_copying(storage::SmallObjects& objects);

/// How many segments of a journal in the spool's `folder` are copied.
[[nodiscard]] std::uint32_t copied_segments(const std::string& folder);
/// It stays in the folder while outputs are made again.
inline constexpr const char* kCopiedName = "journal.copied";

/// Brings the journals of running recordings to a store, segment by segment, on threads of its own.
/// What the store does not take is tried again until the recording is over; no recording waits for
/// it. Where the store denies a right that it takes, nothing is copied. On the recorder's home
/// thread.
class JournalCopies {
public:
    struct Options {
        storage::Destination destination;
        Nanoseconds every = 30s;  ///< At most so much of a call is on this machine alone.
    };
    /// Segments this long keep that promise, with the time that looking and sending takes.
    [[nodiscard]] static Nanoseconds segment_length(Nanoseconds every) { return every * 2 / 3; }

    JournalCopies(
        net::Loop& home, net::HttpClient& http, const storage::Spool& spool, Options options
    );
    ~JournalCopies();

    /// `FromAnother`: what its former owner may still write there is replaced.
    enum class Begun { Here, FromAnother };
    void begin(const std::string& egress_id, std::string dossier, Begun begun);
    enum class Outcome {
        Complete,  ///< Its outputs are where they belong: the copies go.
        Kept,      ///< They wait in the spool: the rest of the journal is copied, too.
        Anothers   ///< Somebody else goes on with it: nothing is touched.
    };
    void end(const std::string& egress_id, Outcome outcome);
    /// Of `egress_id`, which does not run: as remove_copies(), on the threads here.
    void forget(const std::string& egress_id);
    /// Waits for what runs; later calls do nothing.
    void finish() { pool_.finish(); }

private:
    struct Copy;
    void try_store();
    void look();
    void work_on(const std::shared_ptr<Copy>& copy);
    void on_worked(const std::shared_ptr<Copy>& copy, const Result<>& result);

    Home home_thread_;
    net::Loop& home_;
    net::HttpClient& http_;
    const storage::Spool& spool_;
    Options options_;
    std::map<std::string, std::shared_ptr<Copy>> copies_;
    bool is_denied_ = false;  ///< Something that copying takes.
    net::Timer timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    net::Pool pool_;
};

}  // namespace aircheck::recorder
