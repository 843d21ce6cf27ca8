#pragma once

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "recorder/job.hpp"

#include <string>

namespace aircheck::recorder {

/// Sends a finished file that was kept in the spool (`file.spool_path`) to `destination` under
/// `file.filename`, and removes it from the spool. Blocking; for a pool thread or a command.
/// Errors: NotFound names the file when it is gone; storage::UploadSession's otherwise.
[[nodiscard]] Result<FileResult> upload_kept_file(
    const storage::Destination& destination,
    const std::string& egress_id,
    FileResult file,
    net::HttpClient& http
);

/// Brings a manifest to one of its places; returns its location. Blocking.
[[nodiscard]] Result<std::string> upload_manifest(
    const storage::Destination& destination,
    const std::string& egress_id,
    const std::string& folder,
    const std::string& text,
    net::HttpClient& http
);

}  // namespace aircheck::recorder
