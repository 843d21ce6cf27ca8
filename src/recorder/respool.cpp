#include "recorder/respool.hpp"

#include "recorder/manifest.hpp"
#include "storage/upload.hpp"

#include <filesystem>

namespace aircheck::recorder {

Result<FileResult> upload_kept_file(
    const storage::Destination& destination,
    const std::string& egress_id,
    FileResult file,
    net::HttpClient& http
) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file.spool_path, error);
    if (error) return fail(Errc::NotFound, "no kept file at '" + file.spool_path + "'");
    storage::UploadSpec spec;
    spec.key = file.filename;
    if (const auto container = container_of(file.filename)) {
        spec.content_type = std::string(content_type_of(*container));
    }
    spec.egress_id = egress_id;
    spec.body_path = file.spool_path;
    AC_TRY(auto session, storage::UploadSession::create(destination, std::move(spec), http));
    AC_TRY(const auto stored, session->complete({}, size));
    file.filename = stored.key;
    file.location = stored.location;
    file.size_bytes = stored.size;
    file.sha256 = stored.sha256;
    std::filesystem::remove(file.spool_path, error);
    file.spool_path.clear();
    return file;
}

Result<std::string> upload_manifest(
    const storage::Destination& destination,
    const std::string& egress_id,
    const std::string& folder,
    const std::string& text,
    net::HttpClient& http
) {
    AC_TRY(
        auto session,
        storage::UploadSession::create(destination, manifest_spec(folder, egress_id), http)
    );
    AC_TRY(auto stored, session->complete(as_bytes(text), 0));
    return std::move(stored.location);
}

}  // namespace aircheck::recorder
