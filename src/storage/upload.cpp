#include "storage/upload.hpp"

#include "storage/azure_address.hpp"
#include "storage/gcs_address.hpp"
#include "storage/object_name.hpp"
#include "storage/s3_address.hpp"
#include "storage/upload_kinds.hpp"

namespace aircheck::storage {
namespace {

/// A path that begins with the root already means the place that it says: callers of livekit/egress
/// ask for /out/call.mp4, where /out is the folder that was mounted.
std::string below_root(std::string_view path, std::string_view root) {
    while (root.ends_with('/')) root.remove_suffix(1);
    const bool is_below =
        !root.empty() && path.starts_with(root) && path.substr(root.size()).starts_with('/');
    return std::string(is_below ? path.substr(root.size()) : path);
}

}  // namespace

std::string name_for_attempt(const std::string& key, const std::string& egress_id, int attempt) {
    if (attempt == 0) return key;
    const std::string number = attempt == 1 ? "" : "-" + std::to_string(attempt);
    return with_suffix(key, egress_id + number);
}

Result<std::unique_ptr<UploadSession>> UploadSession::create(
    const Destination& destination, UploadSpec spec, net::HttpClient& http
) {
    const auto* local = std::get_if<LocalDestination>(&destination);
    if (local != nullptr) spec.key = below_root(spec.key, local->root);
    AC_TRY(spec.key, safe_object_key(spec.key));
    if (local != nullptr) {
        return create_local_upload(*local, std::move(spec));
    }
    AC_TRY(auto store, ObjectStore::create(destination, http));
    return create_parts_upload(std::move(store), prefix_of(destination), std::move(spec));
}

Result<std::string> presign_get(
    const Destination& destination,
    const std::string& key,
    std::chrono::seconds ttl,
    const ResponseHeaders& headers,
    WallTime now,
    LinkMethod method
) {
    if (std::holds_alternative<LocalDestination>(destination)) {
        return fail(
            Errc::Unsupported, "a local folder has no signed links: " + describe(destination)
        );
    }
    net::HttpClient http;
    AC_TRY(const auto store, ObjectStore::create(destination, http));
    return store->presign(method, key, ttl, headers, now);
}

std::string location_of(const Destination& destination, const std::string& key) {
    if (const auto* s3 = std::get_if<S3Destination>(&destination)) {
        return address_of(*s3, key).url();
    }
    if (const auto* azure = std::get_if<AzureDestination>(&destination)) {
        return url_of(*azure, key).to_string();
    }
    if (const auto* gcs = std::get_if<GcsDestination>(&destination)) {
        return url_of(*gcs, key).to_string();
    }
    return std::get<LocalDestination>(destination).root + "/" + key;
}

}  // namespace aircheck::storage
