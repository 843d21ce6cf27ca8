// The store, as far as it can be tried before the first call.
#include "app/doctor.hpp"
#include "app/options_of.hpp"
#include "storage/object_store.hpp"
#include "storage/upload.hpp"

#include <unistd.h>

#include <filesystem>

namespace aircheck::app {
namespace {

/// Where each kind of store is configured, and what its rights are called.
struct StoreWords {
    std::string setting, bucket, credentials, endpoint;
    std::string write, abort, read, list, remove;
};

StoreWords words_of(const storage::Destination& destination) {
    if (std::holds_alternative<storage::AzureDestination>(destination)) {
        return {
            "storage.azure (AZURE_STORAGE_…)",
            "storage.azure.container_name (AZURE_STORAGE_CONTAINER)",
            "storage.azure.account_key (AZURE_STORAGE_KEY), or sas_token",
            "storage.azure.account_name, storage.azure.endpoint",
            "c and w",
            "w",
            "r",
            "l",
            "d"};
    }
    if (std::holds_alternative<storage::GcsDestination>(destination)) {
        return {
            "storage.gcp (GCP_…)",
            "storage.gcp.bucket (GCP_BUCKET)",
            "storage.gcp.credentials_json (GCP_CREDENTIALS_JSON)",
            "storage.gcp.endpoint",
            "storage.objects.create (and storage.multipartUploads.create)",
            "storage.multipartUploads.abort",
            "storage.objects.get",
            "storage.objects.list",
            "storage.objects.delete"};
    }
    return {
        "storage.s3 (AWS_…)",
        "storage.s3.bucket (AWS_BUCKET)",
        "storage.s3.access_key, storage.s3.secret (AWS_ACCESS_KEY, AWS_SECRET_KEY)",
        "storage.s3.endpoint",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:DeleteObject"};
}

constexpr const char* kContent = "aircheck doctor";

/// One store's trial; each step adds what it found.
class StoreTrial {
public:
    StoreTrial(const storage::Destination& destination, net::HttpClient& http, Findings& findings)
        : destination_(destination),
          http_(http),
          findings_(findings),
          words_(words_of(destination)),
          where_(storage::describe(destination) + ": "),
          key_(storage::prefix_of(destination) + "aircheck-doctor.txt") {}

    void run();

private:
    /// Writing is what recording takes: false where it does not work.
    [[nodiscard]] bool try_writing();
    [[nodiscard]] bool try_parts();
    void try_reading();
    void try_link();
    void note(const Result<>& tried, const char* step, const std::string& remedy);
    void refuse(const Error& error);

    const storage::Destination& destination_;
    net::HttpClient& http_;
    Findings& findings_;
    StoreWords words_;
    std::string where_;
    std::string key_;  ///< One name each time: keys that may not delete leave one object behind.
    std::unique_ptr<storage::ObjectStore> store_;
    std::string done_ = "written";
};

/// What to do about a bucket that cannot be written to.
void StoreTrial::refuse(const Error& failed) {
    std::string setting = words_.setting, remedy = "see the message";
    if (store_ && store_->lacked_right()) {
        remedy = "give the right " + words_.write + " on the bucket's objects";
    } else if (failed.code == Errc::NotFound) {
        setting = words_.bucket;
        remedy = "make the bucket, or correct its name";
    } else if (failed.code == Errc::PermissionDenied) {
        setting = words_.credentials;
        remedy = "use credentials of this store";
    } else if (failed.code == Errc::Unavailable || failed.code == Errc::Timeout) {
        setting = words_.endpoint;
        remedy = "is the store running, and reachable from here?";
    }
    findings_.push_back(error("storage", where_ + failed.to_string(), setting, remedy));
}

void StoreTrial::note(const Result<>& tried, const char* step, const std::string& remedy) {
    if (tried) {
        done_ += std::string(", ") + step;
        return;
    }
    findings_.push_back(
        warning("storage", where_ + tried.error().to_string(), words_.setting, remedy)
    );
}

bool StoreTrial::try_writing() {
    const storage::ObjectStore::ObjectOptions options{"text/plain"};
    const auto put = store_->put_object(key_, kContent, options);
    if (!put) refuse(put.error());
    return put.has_value();
}

/// As long recordings are sent; what was begun is taken back.
bool StoreTrial::try_parts() {
    const auto id = store_->create_multipart(key_, {"text/plain"});
    if (!id) {
        refuse(id.error());
        return false;
    }
    const auto part = store_->upload_part(key_, *id, 1, kContent);
    if (!part) {
        refuse(part.error());
        return false;
    }
    done_ += " (in parts, too)";
    note(
        store_->abort_multipart(key_, *id),
        "parts taken back",
        "recordings are stored; parts of broken off uploads stay and cost: give the right " +
            words_.abort + ", or have the bucket drop them after some days"
    );
    return true;
}

void StoreTrial::try_reading() {
    const auto back = store_->get_range(key_, 0, 64);
    if (back && *back != kContent) {
        findings_.push_back(error(
            "storage",
            where_ + key_ + ": what was read is not what was written",
            words_.setting,
            "is something between here and the store?"
        ));
    }
    note(
        back.map([](const auto&) {}),
        "read",
        "recordings are stored, but links to them will not open: give the right " + words_.read
    );
    if (back) try_link();
}

void StoreTrial::try_link() {
    const auto link = storage::presign_get(destination_, key_, 60s, {}, wall_now());
    if (!link) {
        note(
            tl::unexpected(link.error()),
            "",
            "recordings are stored and read, but there will be no links to them"
        );
        return;
    }
    net::HttpRequest request;
    request.url = *link;
    auto copy = destination_;
    const storage::StoreNetwork& network = *storage::network_of(copy);
    request.proxy = network.proxy;
    request.ca_file = network.ca_file;
    const auto opened = http_.send(request);
    Result<> result;
    if (!opened) {
        result = tl::unexpected(in_context("a signed link", opened.error()));
    } else if (opened->status != 200 || opened->body != kContent) {
        result = fail(
            Errc::Failed, "a signed link is answered with HTTP " + std::to_string(opened->status)
        );
    }
    note(result, "opened by a signed link", "recordings are stored, but links will not open");
}

void StoreTrial::run() {
    auto store = storage::ObjectStore::create(destination_, http_);
    if (!store) {
        refuse(store.error());
        return;
    }
    store_ = *std::move(store);
    if (!try_writing() || !try_parts()) return;
    try_reading();
    note(
        store_->list_objects(key_, 1).map([](const auto&) {}),
        "listed",
        "recordings are stored, but links to them will not open where objects cannot be looked "
        "up: give the right " +
            words_.list
    );
    note(
        store_->delete_object(key_),
        "deleted",
        "recordings are stored; what doctor wrote stays: remove it, or give the right " +
            words_.remove
    );
    findings_.push_back(fine("storage", where_ + done_));
}

}  // namespace

namespace {

void check_journals(const Config& config, net::HttpClient& http, Findings& findings) {
    const auto copies = journal_copies(config);
    if (!copies) {
        findings.push_back(error("journals", copies.error().to_string(), "journal_storage", ""));
        return;
    }
    if (!*copies) {
        findings.push_back(
            fine("journals", "not copied: what a lost machine had of running calls is lost with it")
        );
        return;
    }
    storage::SmallObjects objects((*copies)->destination, http);
    const std::string where = storage::describe((*copies)->destination);
    if (const auto tried = recorder::try_copying(objects); !tried) {
        findings.push_back(warning(
            "journals",
            where + ": " + tried.error().to_string(),
            "journal_upload, journal_storage",
            "recordings are stored, but journals are not copied for the case that this machine is "
            "lost: give the rights to write, read and delete, or set journal_upload: 0"
        ));
        return;
    }
    findings.push_back(fine("journals", where + ": copied while calls run (journal_upload)"));
}

}  // namespace

void check_storage(const Config& config, net::HttpClient& http, Findings& findings) {
    auto destination = default_destination(config);
    // What is tried has to go again.
    if (auto* s3 = std::get_if<storage::S3Destination>(&destination)) {
        s3->lock_mode.clear();
        s3->lock_days = 0;
        s3->legal_hold = storage::S3Destination::LegalHold::Off;
    }
    const auto* local = std::get_if<storage::LocalDestination>(&destination);
    if (local == nullptr) {
        StoreTrial(destination, http, findings).run();
        return check_journals(config, http, findings);
    }
    std::error_code failed;
    std::filesystem::create_directories(local->root, failed);
    if (failed || access(local->root.c_str(), W_OK) != 0) {
        findings.push_back(
            error("storage", local->root + " cannot be written", "data_dir", "make it writable")
        );
    } else {
        findings.push_back(fine("storage", local->root + ": writable (no bucket is configured)"));
    }
    if (!config.journal_storage.empty()) check_journals(config, http, findings);
}

ExitCode run_storage_check(const Config& config, Listing listing) {
    net::HttpClient http;
    Findings findings;
    check_storage(config, http, findings);
    return print_findings(findings, listing);
}

}  // namespace aircheck::app
