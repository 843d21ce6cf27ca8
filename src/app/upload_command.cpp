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
#include "recorder/kept_segments.hpp"
#include "recorder/manifest.hpp"
#include "recorder/respool.hpp"
#include "recorder/spool_keeper.hpp"
#include "records/store.hpp"
#include "storage/spool.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace aircheck::app {
namespace {

/// How long receivers get to take what is told; later tries are the service's.
constexpr std::chrono::seconds kTelling{20};

/// The configured store is reached with today's credentials: mending them is why we are here. True
/// when it is that one.
bool use_todays_credentials(storage::Destination& kept, const storage::Destination& configured) {
    if (auto* to = std::get_if<storage::S3Destination>(&kept)) {
        const auto* from = std::get_if<storage::S3Destination>(&configured);
        if (from == nullptr || to->bucket != from->bucket || to->endpoint != from->endpoint) {
            return false;
        }
        to->access_key = from->access_key;
        to->secret = from->secret;
        to->session_token = from->session_token;
        to->assume_role_arn = from->assume_role_arn;
        to->assume_role_external_id = from->assume_role_external_id;
        to->sts_endpoint = from->sts_endpoint;
        to->customer_key = from->customer_key;
        return true;
    }
    if (auto* to = std::get_if<storage::GcsDestination>(&kept)) {
        const auto* from = std::get_if<storage::GcsDestination>(&configured);
        if (from == nullptr || to->bucket != from->bucket) return false;
        to->credentials = from->credentials;
        return true;
    }
    auto* to = std::get_if<storage::AzureDestination>(&kept);
    const auto* from = std::get_if<storage::AzureDestination>(&configured);
    if (to == nullptr || from == nullptr) return false;
    if (to->account != from->account || to->container != from->container) return false;
    to->account_key = from->account_key;
    to->sas_token = from->sas_token;
    return true;
}

/// What all steps of one upload need.
struct Upload {
    const Config& config;
    Bytes secrets_key;
    std::unique_ptr<records::Store> store;
    std::unique_ptr<notify::Outbox> outbox;
    records::Recording recording;
    std::string manifest_path;  ///< In the spool, where one may wait.
    net::HttpClient http;
    std::size_t sent = 0;  ///< What was printed, and has to be put on record.

    [[nodiscard]] Result<> open(const std::string& id);
    [[nodiscard]] Result<storage::Destination> destination_of(records::StoredFile& file) const;
    /// All that waits; what was sent before something failed stays sent.
    [[nodiscard]] Result<> send();
    [[nodiscard]] Result<> send_file(std::size_t index, recorder::KeptManifest& manifest);
    [[nodiscard]] Result<> send_segments(std::size_t index, recorder::KeptManifest& manifest);
    [[nodiscard]] Result<> send_manifest(recorder::KeptManifest manifest);
    [[nodiscard]] Result<> keep(const recorder::KeptManifest& manifest) const;
    [[nodiscard]] bool is_waiting(const records::StoredFile& file) const {
        return !file.spool_path.empty();
    }
    [[nodiscard]] Result<> put_on_record();
    void tell();
    void tidy_up();
};

Result<> Upload::open(const std::string& id) {
    AC_TRY(store, open_records(config));
    AC_TRY(recording, store->find_recording(id));
    AC_TRY(const auto spool, storage::Spool::open(config.data_dir));
    manifest_path = spool.path() + "/" + id + "/" + std::string(recorder::kKeptManifest);
    std::error_code ignored;  // What cannot be looked at is not there.
    const bool waits =
        std::ranges::any_of(recording.files, [this](const auto& file) { return is_waiting(file); });
    if (recording.files.empty() || (!waits && !std::filesystem::exists(manifest_path, ignored))) {
        return fail(Errc::NotFound, "egress " + id + ": no file of it waits in the spool");
    }
    AC_TRY(secrets_key, control::open_secrets_key(secrets_key_file_of(config)));
    AC_TRY(outbox, notify::Outbox::create(*store, outbox_options(config, secrets_key)));
    return {};
}

Result<storage::Destination> Upload::destination_of(records::StoredFile& file) const {
    AC_TRY(
        auto destination,
        control::open_destination({file.destination_json, file.sealed_destination}, secrets_key)
    );
    const bool configured = use_todays_credentials(destination, default_destination(config));
    if (auto* network = storage::network_of(destination)) network->allow = config.network_allow;
    if (configured) {
        // Links are signed by what is kept.
        auto kept = control::keep_destination(destination, secrets_key);
        file.destination_json = std::move(kept.json);
        file.sealed_destination = std::move(kept.sealed);
    }
    return destination;
}

Result<> Upload::send() {
    const ProgressTicker progress([id = recording.egress_id](Nanoseconds time) {
        return "sending " + id + "  " + clock_text(time);
    });
    recorder::KeptManifest manifest;
    std::error_code error;
    const auto size = std::filesystem::file_size(manifest_path, error);
    if (!error) {
        AC_TRY(const auto text, storage::read_range(manifest_path, 0, size));
        AC_TRY(manifest, recorder::KeptManifest::parse(text));
    }
    for (std::size_t index = 0; index < recording.files.size(); ++index) {
        const records::StoredFile& file = recording.files[index];
        if (!is_waiting(file)) continue;
        const bool is_segments = file.kind == records::FileKind::Segments;
        AC_CHECK_OK(is_segments ? send_segments(index, manifest) : send_file(index, manifest));
    }
    if (!manifest.places.empty()) AC_CHECK_OK(send_manifest(std::move(manifest)));
    return {};
}

Result<> Upload::send_file(std::size_t index, recorder::KeptManifest& manifest) {
    records::StoredFile& file = recording.files[index];
    AC_TRY(const auto destination, destination_of(file));
    recorder::FileResult kept;
    kept.filename = file.filename;
    kept.spool_path = file.spool_path;
    AC_TRY(
        const auto stored, recorder::upload_kept_file(destination, recording.egress_id, kept, http)
    );
    ++sent;
    control::apply_late_upload(stored, index, wall_now(), recording);
    if (manifest.places.empty()) return {};
    AC_CHECK_OK(manifest.set_stored(kept.filename, stored));
    return keep(manifest);
}

Result<> Upload::send_segments(std::size_t index, recorder::KeptManifest& manifest) {
    records::StoredFile& file = recording.files[index];
    AC_TRY(const auto destination, destination_of(file));
    AC_TRY(
        const auto late,
        recorder::upload_kept_segments(destination, recording.egress_id, file.spool_path, http)
    );
    ++sent;
    control::apply_late_segments(late.result, index, wall_now(), recording);
    if (manifest.places.empty()) return {};
    AC_CHECK_OK(manifest.set_stored(late.result, late.stored));
    return keep(manifest);
}

/// As it is now, should the rest have to wait longer.
Result<> Upload::keep(const recorder::KeptManifest& manifest) const {
    std::error_code ignored;  // assemble_file() tells what is still there.
    std::filesystem::remove(manifest_path, ignored);
    return storage::assemble_file({as_bytes(manifest.to_json()), {}, 0, 0}, manifest_path);
}

Result<> Upload::send_manifest(recorder::KeptManifest manifest) {
    std::string first;
    for (const recorder::ManifestPlace& place : manifest.places) {
        const auto output = static_cast<std::size_t>(place.output);
        if (output >= recording.files.size()) continue;
        AC_TRY(const auto destination, destination_of(recording.files[output]));
        AC_TRY(
            const auto location,
            recorder::upload_manifest(
                destination, recording.egress_id, place.folder, manifest.text, http
            )
        );
        if (first.empty()) first = location;
    }
    control::apply_late_manifest(first, wall_now(), recording);
    ++sent;
    std::error_code ignored;  // The folder goes with all that is in it.
    std::filesystem::remove(manifest_path, ignored);
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

/// Its folder goes once `journal_keep` is over, the copies of its journal at once.
void Upload::tidy_up() {
    const auto spool = storage::Spool::open(config.data_dir);
    const auto copies = journal_copies(config);
    const bool has_copies =
        spool && recorder::copied_segments(spool->path() + "/" + recording.egress_id) > 0;
    if (has_copies && copies && *copies) {
        storage::SmallObjects objects((*copies)->destination, http);
        if (const auto removed = recorder::remove_copies(objects, recording.egress_id); !removed) {
            complain(in_context("copies of its journal stay", removed.error()));
        }
    }
    const auto marked =
        spool ? recorder::mark_done(*spool, recording.egress_id) : tl::unexpected(spool.error());
    if (marked) return;
    log::warn(
        "spool.not_tidied", {{"egress", recording.egress_id}, {"error", marked.error().to_string()}}
    );
}

}  // namespace

ExitCode run_egress_upload(const Config& config, const std::string& id) {
    Upload upload{config, {}, {}, {}, {}, {}, {}};
    if (auto opened = upload.open(id); !opened) {
        complain(opened.error());
        return ExitCode::Failed;
    }
    const auto sent = upload.send();
    if (!sent) complain(sent.error());
    if (upload.sent == 0) return ExitCode::Failed;
    if (config.storage.generate_presigned_url) {
        recording_links(config, upload.secrets_key)
            .sign_locations(default_destination(config), upload.recording);
    }
    std::printf("%s\n", upload.recording.files.front().location.c_str());
    if (auto kept = upload.put_on_record(); !kept) {
        complain(in_context("egress " + id + ": stored, but not put on record", kept.error()));
        return ExitCode::Failed;
    }
    if (!sent) {
        upload.tell();
        return ExitCode::Failed;
    }
    upload.tidy_up();
    upload.tell();
    return ExitCode::Done;
}

}  // namespace aircheck::app
