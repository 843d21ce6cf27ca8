// journal_upload and journal_storage: where journals go while recordings run.
#include "app/config_keys.hpp"
#include "app/options_of.hpp"

namespace aircheck::app {
namespace {

/// What a store demands of recordings, journals have not: they are to go again.
void plain(storage::S3Destination& s3) {
    s3.lock_mode.clear();
    s3.lock_days = 0;
    s3.legal_hold = storage::S3Destination::LegalHold::Off;
    s3.storage_class.clear();
    s3.tagging.clear();
    s3.metadata.clear();
}

struct Place {
    std::string scheme, rest;  ///< "s3", "bucket/prefix".
};
std::optional<Place> place_of(const std::string& text) {
    const auto end = text.find("://");
    if (end == std::string::npos) return std::nullopt;
    return Place{text.substr(0, end), text.substr(end + 3)};
}

/// Takes the part up to the next slash off.
std::string take_name(std::string& rest) {
    const auto slash = rest.find('/');
    std::string name = rest.substr(0, slash);
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    return name;
}

/// The configured store, at another place.
Result<storage::Destination> moved(const Config& config, Place place) {
    storage::Destination to = default_destination(config);
    if (auto* s3 = std::get_if<storage::S3Destination>(&to);
        s3 != nullptr && place.scheme == "s3") {
        s3->bucket = take_name(place.rest);
        s3->prefix = place.rest;
        if (!s3->bucket.empty()) return to;
    }
    if (auto* gcs = std::get_if<storage::GcsDestination>(&to);
        gcs != nullptr && place.scheme == "gs") {
        gcs->bucket = take_name(place.rest);
        gcs->prefix = place.rest;
        if (!gcs->bucket.empty()) return to;
    }
    if (auto* azure = std::get_if<storage::AzureDestination>(&to);
        azure != nullptr && place.scheme == "azure") {
        const std::string account = take_name(place.rest);
        azure->container = take_name(place.rest);
        azure->prefix = place.rest;
        if (account == azure->account && !azure->container.empty()) return to;
    }
    return fail_setting(
        config,
        "journal_storage",
        "must be a folder, or a place in the kind of store that is configured: s3://bucket/prefix, "
        "gs://bucket/prefix, azure://account/container/prefix"
    );
}

Result<storage::Destination> destination_of(const Config& config) {
    if (config.journal_storage.empty()) return default_destination(config);
    if (auto place = place_of(config.journal_storage)) return moved(config, *std::move(place));
    return storage::LocalDestination{config.journal_storage};
}

}  // namespace

Result<std::optional<recorder::JournalCopies::Options>> journal_copies(const Config& config) {
    AC_TRY(auto destination, destination_of(config));
    const bool is_here = config.journal_storage.empty() &&
                         std::holds_alternative<storage::LocalDestination>(destination);
    if (is_here || config.journal_upload.count() <= 0) return std::nullopt;
    if (auto* s3 = std::get_if<storage::S3Destination>(&destination)) plain(*s3);
    return recorder::JournalCopies::Options{std::move(destination), config.journal_upload};
}

}  // namespace aircheck::app
