#include "records/rows.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::records {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_of(const std::map<std::string, std::string>& pairs) {
    Json json = Json::object();
    for (const auto& [key, value] : pairs) json[clean_text(key)] = clean_text(value);
    return dump(json);
}

std::map<std::string, std::string> pairs_of(const std::string& text) {
    std::map<std::string, std::string> pairs;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return pairs;
    for (const auto& [key, value] : json.items()) {
        if (value.is_string()) pairs.emplace(key, value.get<std::string>());
    }
    return pairs;
}

std::string json_of(const std::vector<Gap>& gaps) {
    Json json = Json::array();
    for (const Gap& gap : gaps) {
        json.push_back(
            {{"start", unix_nanoseconds(gap.start)},
             {"end", unix_nanoseconds(gap.end)},
             {"reason", clean_text(gap.reason)}}
        );
    }
    return dump(json);
}

template <typename T>
T member(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end()) return T{};
    if constexpr (std::is_same_v<T, std::string>) {
        return found->is_string() ? found->template get<T>() : T{};
    } else {
        return found->is_number_integer() ? found->template get<T>() : T{};
    }
}

std::vector<Gap> gaps_of(const std::string& text) {
    std::vector<Gap> gaps;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_array()) return gaps;
    for (const Json& gap : json) {
        if (!gap.is_object()) continue;
        gaps.push_back(
            {WallTime(Nanoseconds(member<std::int64_t>(gap, "start"))),
             WallTime(Nanoseconds(member<std::int64_t>(gap, "end"))),
             member<std::string>(gap, "reason")}
        );
    }
    return gaps;
}

Json json_of(const std::optional<WallTime>& time) {
    return time ? Json(unix_nanoseconds(*time)) : Json(nullptr);
}

std::string json_of(const std::vector<StoredStream>& streams) {
    Json json = Json::array();
    for (const StoredStream& stream : streams) {
        json.push_back(
            {{"url", clean_text(stream.url)},
             {"id", clean_text(stream.id)},
             {"state", to_string(stream.state)},
             {"error", clean_text(stream.error)},
             {"started_at", json_of(stream.started_at)},
             {"ended_at", json_of(stream.ended_at)},
             {"retries", stream.retries},
             {"last_retry_at", json_of(stream.last_retry_at)}}
        );
    }
    return dump(json);
}

std::optional<WallTime> time_of(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number_integer()) return std::nullopt;
    return WallTime(Nanoseconds(found->get<std::int64_t>()));
}

std::vector<StoredStream> streams_of(const std::string& text) {
    std::vector<StoredStream> streams;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_array()) return streams;
    for (const Json& each : json) {
        if (!each.is_object()) continue;
        StoredStream stream;
        stream.url = member<std::string>(each, "url");
        stream.id = member<std::string>(each, "id");
        const auto state = member<std::string>(each, "state");
        if (state == "finished") stream.state = StoredStream::State::Finished;
        if (state == "failed") stream.state = StoredStream::State::Failed;
        stream.error = member<std::string>(each, "error");
        stream.started_at = time_of(each, "started_at");
        stream.ended_at = time_of(each, "ended_at");
        stream.retries = member<std::uint32_t>(each, "retries");
        stream.last_retry_at = time_of(each, "last_retry_at");
        streams.push_back(std::move(stream));
    }
    return streams;
}

std::string json_of(const Check& check) {
    Json findings = Json::array();
    for (const auto& finding : check.findings) findings.push_back(clean_text(finding));
    return dump({{"verdict", static_cast<int>(check.verdict)}, {"findings", std::move(findings)}});
}

Check check_of(const std::string& text) {
    Check check;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return check;
    const int verdict = member<int>(json, "verdict");
    if (verdict == static_cast<int>(Check::Verdict::Good)) check.verdict = Check::Verdict::Good;
    if (verdict == static_cast<int>(Check::Verdict::Bad)) check.verdict = Check::Verdict::Bad;
    const auto findings = json.find("findings");
    if (findings == json.end() || !findings->is_array()) return check;
    for (const Json& finding : *findings) {
        if (finding.is_string()) check.findings.push_back(finding.get<std::string>());
    }
    return check;
}

Value flag(bool value) { return std::int64_t{value ? 1 : 0}; }

}  // namespace

Args columns_of(const Conversation& conversation) {
    return {
        {"conversation_id", value_of(conversation.conversation_id)},
        {"source", value_of(conversation.source)},
        {"room_name", value_of(conversation.room_name)},
        {"status", value_of(to_string(conversation.status))},
        {"started_at", value_of(conversation.started_at)},
        {"ended_at", value_of(conversation.ended_at)},
        {"room_metadata", value_of(conversation.room_metadata)},
        {"owner_metadata", value_of(conversation.owner_metadata_json)},
    };
}

Conversation conversation_of(const Row& row) {
    Conversation conversation;
    conversation.conversation_id = row.text("conversation_id");
    conversation.source = row.text("source");
    conversation.room_name = row.text("room_name");
    conversation.status =
        parse_conversation_status(row.text("status")).value_or(ConversationStatus::Live);
    conversation.started_at = row.time("started_at");
    conversation.ended_at = row.optional_time("ended_at");
    conversation.room_metadata = row.text("room_metadata");
    conversation.owner_metadata_json = row.text("owner_metadata");
    return conversation;
}

Args columns_of(const std::string& conversation_id, const Participant& participant) {
    return {
        {"conversation_id", value_of(conversation_id)},
        {"sid", value_of(participant.sid)},
        {"identity", value_of(participant.identity)},
        {"name", value_of(participant.name)},
        {"kind", value_of(participant.kind)},
        {"attributes", json_of(participant.attributes)},
        {"joined_at", value_of(participant.joined_at)},
        {"left_at", value_of(participant.left_at)},
    };
}

Participant participant_of(const Row& row) {
    Participant participant;
    participant.sid = row.text("sid");
    participant.identity = row.text("identity");
    participant.name = row.text("name");
    participant.kind = row.text("kind");
    participant.attributes = pairs_of(row.text("attributes"));
    participant.joined_at = row.time("joined_at");
    participant.left_at = row.optional_time("left_at");
    return participant;
}

Args columns_of(const Recording& recording) {
    return {
        {"egress_id", value_of(recording.egress_id)},
        {"conversation_id", null_when_empty(recording.conversation_id)},
        {"room_name", value_of(recording.room_name)},
        {"room_sid", value_of(recording.room_sid)},
        {"status", value_of(to_string(recording.status))},
        {"paused", flag(recording.paused)},
        {"origin", value_of(recording.origin)},
        {"worker", value_of(recording.worker)},
        {"request_id", null_when_empty(recording.request_id)},
        {"request", value_of(recording.request_json)},
        {"sealed_secrets", value_of(recording.sealed_secrets)},
        {"settings", value_of(recording.sealed_job)},
        {"metadata", value_of(recording.metadata_json)},
        {"error", value_of(recording.error)},
        {"error_code", value_of(recording.error_code)},
        {"end_reason", value_of(recording.end_reason)},
        {"details", value_of(recording.details)},
        {"started_at", value_of(recording.started_at)},
        {"updated_at", value_of(recording.updated_at)},
        {"ended_at", value_of(recording.ended_at)},
        {"gaps", json_of(recording.gaps)},
        {"check_result", json_of(recording.check)},
        {"manifest_location", value_of(recording.manifest_location)},
        {"backup_storage_used", flag(recording.backup_storage_used)},
        {"link_key", value_of(recording.link_key)},
        {"link_revoked", flag(recording.link_revoked)},
        {"streams", json_of(recording.streams)},
    };
}

Recording recording_of(const Row& row) {
    Recording recording;
    recording.egress_id = row.text("egress_id");
    recording.conversation_id = row.text("conversation_id");
    recording.room_name = row.text("room_name");
    recording.room_sid = row.text("room_sid");
    recording.status =
        parse_recording_status(row.text("status")).value_or(RecordingStatus::Starting);
    recording.paused = row.flag("paused");
    recording.origin = row.text("origin");
    recording.worker = row.text("worker");
    recording.request_id = row.text("request_id");
    recording.request_json = row.text("request");
    recording.sealed_secrets = row.bytes("sealed_secrets");
    recording.sealed_job = row.bytes("settings");  // "{}" before there were any.
    recording.metadata_json = row.text("metadata");
    recording.error = row.text("error");
    recording.error_code = row.integer("error_code");
    recording.end_reason = row.text("end_reason");
    recording.details = row.text("details");
    recording.started_at = row.time("started_at");
    recording.updated_at = row.time("updated_at");
    recording.ended_at = row.optional_time("ended_at");
    recording.gaps = gaps_of(row.text("gaps"));
    recording.check = check_of(row.text("check_result"));
    recording.manifest_location = row.text("manifest_location");
    recording.backup_storage_used = row.flag("backup_storage_used");
    recording.link_key = row.text("link_key");
    recording.link_revoked = row.flag("link_revoked");
    recording.streams = streams_of(row.text("streams"));
    return recording;
}

Args columns_of(const std::string& egress_id, const StoredFile& file) {
    return {
        {"egress_id", value_of(egress_id)},
        {"file_index", value_of(file.index)},
        {"kind", value_of(to_string(file.kind))},
        {"track_id", value_of(file.track_id)},
        {"identity", value_of(file.identity)},
        {"start_offset", value_of(file.offset)},
        {"filename", value_of(file.filename)},
        {"location", value_of(file.location)},
        {"destination", value_of(file.destination_json)},
        {"sealed_destination", value_of(file.sealed_destination)},
        {"object_key", value_of(file.key)},
        {"size_bytes", static_cast<std::int64_t>(file.size_bytes)},
        {"duration", value_of(file.duration)},
        {"sha256", value_of(file.sha256)},
        {"uploaded", flag(file.uploaded)},
        {"spool_path", value_of(file.spool_path)},
        {"started_at", value_of(file.started_at)},
        {"ended_at", value_of(file.ended_at)},
        {"segment_count", static_cast<std::int64_t>(file.segment_count)},
        {"live_filename", value_of(file.live_filename)},
        {"live_location", value_of(file.live_location)},
    };
}

StoredFile file_of(const Row& row) {
    StoredFile file;
    file.index = row.integer("file_index");
    for (const FileKind kind : {FileKind::Mix, FileKind::Track, FileKind::Segments}) {
        if (row.text("kind") == to_string(kind)) file.kind = kind;
    }
    file.track_id = row.text("track_id");
    file.identity = row.text("identity");
    file.offset = Nanoseconds(row.number("start_offset"));
    file.filename = row.text("filename");
    file.location = row.text("location");
    file.destination_json = row.text("destination");
    file.sealed_destination = row.bytes("sealed_destination");
    file.key = row.text("object_key");
    file.size_bytes = static_cast<std::uint64_t>(row.number("size_bytes"));
    file.duration = Nanoseconds(row.number("duration"));
    file.sha256 = row.text("sha256");
    file.uploaded = row.flag("uploaded");
    file.spool_path = row.text("spool_path");
    file.started_at = row.optional_time("started_at");
    file.ended_at = row.optional_time("ended_at");
    file.segment_count = static_cast<std::uint32_t>(row.number("segment_count"));
    file.live_filename = row.text("live_filename");
    file.live_location = row.text("live_location");
    return file;
}

Args columns_of(const Delivery& delivery) {
    return {
        {"delivery_id", value_of(delivery.delivery_id)},
        {"receiver", value_of(delivery.receiver)},
        {"fifo_key", value_of(delivery.fifo_key)},
        {"egress_id", value_of(delivery.egress_id)},
        {"event", value_of(delivery.event)},
        {"event_id", value_of(delivery.event_id)},
        {"format", value_of(delivery.format)},
        {"signing_key", value_of(delivery.signing_key)},
        {"url", value_of(delivery.url)},
        {"sealed_url", value_of(delivery.sealed_url)},
        {"content_type", value_of(delivery.content_type)},
        {"headers", json_of(delivery.headers)},
        {"body", value_of(delivery.body)},
        {"created_at", value_of(delivery.created_at)},
        {"state", value_of(to_string(DeliveryState::Pending))},
        {"first_due", value_of(delivery.created_at)},
        {"next_try", value_of(delivery.created_at)},
        {"attempts", value_of(0)},
        {"last_status", value_of(0)},
        {"last_error", value_of(std::string_view{})},
        {"finished_at", Value()},
        {"lease_worker", value_of(std::string_view{})},
        {"lease_until", value_of(0)},
        {"replayed", value_of(0)},
    };
}

Delivery delivery_of(const Row& row) {
    Delivery delivery;
    delivery.delivery_id = row.text("delivery_id");
    delivery.receiver = row.text("receiver");
    delivery.fifo_key = row.text("fifo_key");
    delivery.egress_id = row.text("egress_id");
    delivery.event = row.text("event");
    delivery.event_id = row.text("event_id");
    delivery.format = row.text("format");
    delivery.signing_key = row.text("signing_key");
    delivery.url = row.text("url");
    delivery.sealed_url = row.bytes("sealed_url");
    delivery.content_type = row.text("content_type");
    delivery.headers = pairs_of(row.text("headers"));
    delivery.body = row.text("body");
    delivery.created_at = row.time("created_at");
    delivery.state = parse_delivery_state(row.text("state")).value_or(DeliveryState::Dead);
    delivery.first_due = row.time("first_due");
    delivery.next_try = row.time("next_try");
    delivery.attempts = row.integer("attempts");
    delivery.last_status = row.integer("last_status");
    delivery.last_error = row.text("last_error");
    delivery.finished_at = row.optional_time("finished_at");
    delivery.leased_until = row.time("lease_until");
    return delivery;
}

Args columns_of(const RoomSession& session) {
    return {
        {"room_sid", value_of(session.room_sid)},
        {"conversation_id", value_of(session.conversation_id)},
        {"room_name", value_of(session.room_name)},
        {"started_at", value_of(session.started_at)},
        {"last_seen_at", value_of(session.last_seen_at)},
        {"finished_at", value_of(session.finished_at)},
        {"recorded_by", value_of(session.recorded_by)},
    };
}

RoomSession session_of(const Row& row) {
    RoomSession session;
    session.room_sid = row.text("room_sid");
    session.conversation_id = row.text("conversation_id");
    session.room_name = row.text("room_name");
    session.started_at = row.time("started_at");
    session.last_seen_at = row.time("last_seen_at");
    session.finished_at = row.optional_time("finished_at");
    session.recorded_by = row.text("recorded_by");
    return session;
}

}  // namespace aircheck::records
