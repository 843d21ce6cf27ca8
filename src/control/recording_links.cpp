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

namespace {

std::string manifest_key(const records::StoredFile& beside, const std::string& egress_id) {
    return beside.key.substr(0, beside.key.rfind('/') + 1) + egress_id + ".json";
}

}  // namespace

void RecordingLinks::sign_locations(
    const storage::Destination& configured, records::Recording& recording
) const {
    const std::string ours = keep_destination(configured, secrets_key).json;
    const auto sign = [this](const records::StoredFile& file, std::string key, std::string& to) {
        records::StoredFile object = file;
        object.key = std::move(key);
        if (auto link = signed_url_of(object, kSignedLinkLife)) to = *std::move(link);
    };
    for (records::StoredFile& file : recording.files) {
        if (file.destination_json != ours) continue;
        const std::string key = manifest_key(file, recording.egress_id);
        const bool is_beside = storage::location_of(configured, key) == recording.manifest_location;
        if (is_beside) sign(file, key, recording.manifest_location);
        if (!file.location.empty()) sign(file, file.key, file.location);
        if (!file.live_location.empty()) sign(file, file.live_filename, file.live_location);
    }
}

}  // namespace aircheck::control
