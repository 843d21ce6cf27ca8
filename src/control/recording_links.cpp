#include "control/recording_links.hpp"

#include "control/secrets.hpp"
#include "net/url.hpp"

namespace aircheck::control {

std::string RecordingLinks::url_of(const records::PlayableMix& mix) const {
    if (mix.link_revoked) return "";
    if (urls == Urls::Location) return mix.file.location;
    if (urls == Urls::Signed) {
        if (auto url = signed_url_of(mix.file, kSignedLinkLife)) return *url;
    }
    return public_url + "/r/" + mix.egress_id + "?k=" + net::percent_encode(mix.link_key);
}

Result<std::string> RecordingLinks::signed_url_of(
    const records::StoredFile& file, std::chrono::seconds ttl, storage::LinkMethod method
) const {
    AC_TRY(
        const auto destination,
        open_destination({file.destination_json, file.sealed_destination}, secrets_key)
    );
    return storage::presign_get(destination, file.key, ttl, {}, wall_now(), method);
}

}  // namespace aircheck::control
