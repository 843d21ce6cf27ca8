// egress upload: a recording whose upload had failed for good, sent and told of after all.
#include "app/commands.hpp"
#include "app/data_dir_lock.hpp"
#include "app/open_records.hpp"
#include "app/options_of.hpp"
#include "app/progress.hpp"
#include "control/announcement.hpp"
#include "control/late_upload.hpp"
#include "control/secrets.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "notify/outbox.hpp"
#include "recorder/respool.hpp"
#include "recorder/spool_keeper.hpp"
#include "records/store.hpp"
#include "storage/spool.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace aircheck::app {
namespace {

/// How long receivers get to take what is told; later tries are the service's.
constexpr std::chrono::seconds kTelling{20};

/// The configured bucket is reached with today's keys: mending them is why we are here. True when
/// it is that one.
bool use_todays_keys(storage::Destination& kept, const storage::Destination& configured) {
    auto* to = std::get_if<storage::S3Destination>(&kept);
    const auto* from = std::get_if<storage::S3Destination>(&configured);
    if (to == nullptr || from == nullptr) return false;
    if (to->bucket != from->bucket || to->endpoint != from->endpoint) return false;
    to->access_key = from->access_key;
    to->secret = from->secret;
    to->session_token = from->session_token;
    return true;
}

/// What all steps of one upload need.
struct Upload {
    const Config& config;
    Bytes secrets_key;
    std::unique_ptr<records::Store> store;
    std::unique_ptr<notify::Outbox> outbox;
    records::Recording recording;

    [[nodiscard]] Result<> open(const std::string& id);
    [[nodiscard]] Result<> send();
    [[nodiscard]] Result<> put_on_record();
    void tell();
    void tidy_up() const;
};

Result<> Upload::open(const std::string& id) {
    AC_TRY(store, open_records(config));
    AC_TRY(recording, store->find_recording(id));
    if (recording.files.empty() || recording.files.front().spool_path.empty()) {
        return fail(Errc::NotFound, "egress " + id + ": no file of it waits in the spool");
    }
    AC_TRY(secrets_key, control::open_secrets_key(secrets_key_file_of(config)));
    AC_TRY(outbox, notify::Outbox::create(*store, outbox_options(config, secrets_key)));
    return {};
}

Result<> Upload::send() {
    records::StoredFile& file = recording.files.front();
    AC_TRY(
        auto destination,
        control::open_destination({file.destination_json, file.sealed_destination}, secrets_key)
    );
    const bool configured = use_todays_keys(destination, default_destination(config));
    if (auto* s3 = std::get_if<storage::S3Destination>(&destination)) {
        s3->allow = config.network_allow;
    }
    if (configured) {
        // Links are signed by what is kept.
        auto kept = control::keep_destination(destination, secrets_key);
        file.destination_json = std::move(kept.json);
        file.sealed_destination = std::move(kept.sealed);
    }
    recorder::FileResult kept;
    kept.filename = file.filename;
    kept.spool_path = file.spool_path;
    net::HttpClient http;
    const ProgressTicker progress([id = recording.egress_id](Nanoseconds time) {
        return "sending " + id + "  " + clock_text(time);
    });
    AC_TRY(
        const auto stored,
        recorder::upload_kept_file(destination, recording.egress_id, std::move(kept), http)
    );
    control::apply_late_upload(stored, wall_now(), recording);
    if (configured && config.storage.generate_presigned_url) {
        const auto links = recording_links(config, secrets_key);
        auto link = links.signed_url_of(file, control::kSignedLinkLife);
        if (link) file.location = *std::move(link);
    }
    return {};
}

/// With what announces it, in one transaction.
Result<> Upload::put_on_record() {
    AC_TRY(
        const auto deliveries,
        control::announce(
            "egress_updated",
            recording,
            control::kept_receivers_of(recording, secrets_key),
            recording_links(config, secrets_key),
            *outbox
        )
    );
    return store->update_recording(recording, deliveries).map([](const auto&) {});
}

/// How many deliveries still wait once each was tried, or time is up.
std::size_t waiting_after_a_try(records::Store& store, const std::string& egress_id) {
    records::DeliveryQuery query;
    query.state = records::DeliveryState::Pending;
    query.egress_id = egress_id;
    const Instant end = monotonic_now() + kTelling;
    for (;;) {
        const auto waiting = store.list_deliveries(query);
        if (!waiting || waiting->items.empty()) return 0;
        const bool all_tried =
            std::ranges::all_of(waiting->items, [](const auto& one) { return one.attempts > 0; });
        if (all_tried || monotonic_now() > end) return waiting->items.size();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

/// A service that runs here looks into the outbox by itself. Without one, this process is it for a
/// moment.
void Upload::tell() {
    const auto alone = DataDirLock::take(config.data_dir);
    if (!alone) {
        if (alone.error().code != Errc::AlreadyExists) complain(alone.error());
        return;
    }
    outbox->start();
    const std::size_t waiting = waiting_after_a_try(*store, recording.egress_id);
    outbox->stop();
    if (waiting == 0) return;
    complain(
        "egress " + recording.egress_id + ": " + std::to_string(waiting) +
        " webhooks about it wait for `aircheck serve` to send them"
    );
}

/// Its folder goes once `journal_keep` is over.
void Upload::tidy_up() const {
    const auto spool = storage::Spool::open(config.data_dir);
    const auto marked =
        spool ? recorder::mark_done(*spool, recording.egress_id) : tl::unexpected(spool.error());
    if (marked) return;
    log::warn(
        "spool.not_tidied", {{"egress", recording.egress_id}, {"error", marked.error().to_string()}}
    );
}

}  // namespace

ExitCode run_egress_upload(const Config& config, const std::string& id) {
    Upload upload{config, {}, {}, {}, {}};
    auto done = upload.open(id);
    if (done) done = upload.send();
    if (!done) {
        complain(done.error());
        return ExitCode::Failed;
    }
    std::printf("%s\n", upload.recording.files.front().location.c_str());
    if (auto kept = upload.put_on_record(); !kept) {
        complain(in_context("egress " + id + ": stored, but not put on record", kept.error()));
        return ExitCode::Failed;
    }
    upload.tidy_up();
    upload.tell();
    return ExitCode::Done;
}

}  // namespace aircheck::app
