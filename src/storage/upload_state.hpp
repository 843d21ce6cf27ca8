#pragma once

#include "storage/object_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::storage {

/// What has to be known of a multipart upload to go on with it after a restart.
struct UploadState {
    struct Sent {
        Part part;
        std::uint32_t crc32c = 0;  ///< Of its bytes: to know them again in the spool.
    };
    std::string key;  ///< With the prefix; the name that was free.
    std::string upload_id;
    std::vector<Sent> parts;  ///< Numbers 2, 3, 4 …, of the body from kFirstPartBody on.

    /// Lines: a title, key, upload id, then number, size, CRC and ETag of each part.
    [[nodiscard]] std::string to_text() const;
    /// Empty when `text` is not what to_text() gives.
    [[nodiscard]] static std::optional<UploadState> from_text(const std::string& text);
};

}  // namespace aircheck::storage
