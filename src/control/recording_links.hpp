#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "records/model.hpp"
#include "storage/upload.hpp"

#include <chrono>
#include <string>

namespace aircheck::control {

/// The longest that a signed link lives: S3 allows no more.
inline constexpr std::chrono::hours kSignedLinkLife{24 * 7};

/// Writes links to recordings as `recording_urls` says. A value; any thread.
struct RecordingLinks {
    enum class Urls { Link, Location, Signed };
    Urls urls = Urls::Link;
    std::string public_url;  ///< Without a trailing slash.
    Bytes secrets_key;       ///< 32 bytes.

    /// `audio_recording_url` of a mix that plays; "" when it has none.
    [[nodiscard]] std::string url_of(const records::PlayableMix& mix) const;
    /// A signed link to a file. Errc::Unsupported: its store has none. Blocking: no.
    [[nodiscard]] Result<std::string> signed_url_of(
        const records::StoredFile& file,
        std::chrono::seconds ttl,
        storage::LinkMethod method = storage::LinkMethod::Get
    ) const;
    /// storage.generate_presigned_url: what is told of where things lie becomes links signed for
    /// seven days, for all that is stored in the configured store.
    void sign_locations(const storage::Destination& configured, records::Recording& recording)
        const;
};

}  // namespace aircheck::control
