#include "control/dossier.hpp"

#include "control/kept_job.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::control {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

Bytes bytes_of(const json& from) { return from_base64(from.get<std::string>()).value_or(Bytes{}); }

/// For parsing: no number of ours is a fraction, and one that is far out of range is no number.
bool without_fractions(int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::value && parsed.is_number_float()) parsed = nullptr;
    return true;
}

}  // namespace

std::string write_dossier(const records::Recording& recording, const recorder::Job& job) {
    const json dossier = {
        {"version", kVersion},
        {"egress_id", recording.egress_id},
        {"room_name", recording.room_name},
        {"room_sid", recording.room_sid},
        {"origin", recording.origin},
        {"worker", recording.worker},
        {"request_id", recording.request_id},
        {"request", recording.request_json},
        {"metadata", recording.metadata_json},
        {"started_at", unix_nanoseconds(recording.started_at)},
        {"link_key", recording.link_key},
        {"sealed_receivers", to_base64(recording.sealed_secrets)},
        {"sealed_job", to_base64(recording.sealed_job)},
        {"job", show_job(job)}};
    return dossier.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Dossier> read_dossier(std::string_view text) {
    try {
        const json from = json::parse(text, without_fractions);
        if (from.at("version") != kVersion) {
            return fail(Errc::Malformed, "a dossier of version " + from.at("version").dump());
        }
        Dossier dossier;
        records::Recording& recording = dossier.recording;
        recording.egress_id = from.at("egress_id");
        recording.room_name = from.at("room_name");
        recording.room_sid = from.at("room_sid");
        recording.origin = from.at("origin");
        recording.worker = from.at("worker");
        recording.request_id = from.at("request_id");
        recording.request_json = from.at("request");
        recording.metadata_json = from.at("metadata");
        recording.started_at = WallTime(Nanoseconds(from.at("started_at").get<std::int64_t>()));
        recording.updated_at = recording.started_at;
        recording.link_key = from.at("link_key");
        recording.sealed_secrets = bytes_of(from.at("sealed_receivers"));
        recording.sealed_job = bytes_of(from.at("sealed_job"));
        AC_TRY(
            dossier.open_job, read_shown_job(from.at("job").get<std::string>(), recording.egress_id)
        );
        return dossier;
    } catch (const json::exception&) {
        return fail(Errc::Malformed, "a recording's dossier");
    }
}

recorder::Job take_job(
    Dossier& dossier, const storage::Destination& destination, BytesView secrets_key
) {
    records::Recording& recording = dossier.recording;
    if (auto job = open_job(recording.sealed_job, recording.egress_id, secrets_key)) {
        return *std::move(job);
    }
    recorder::Job job = dossier.open_job;
    job.destination = destination;
    if (job.segments) job.segments->destination = destination;
    recording.sealed_job = keep_job(job, secrets_key);
    recording.sealed_secrets.clear();
    return job;
}

}  // namespace aircheck::control
