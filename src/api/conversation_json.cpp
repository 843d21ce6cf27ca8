#include "api/conversation_json.hpp"

#include "core/time.hpp"

#include <nlohmann/json.hpp>

namespace aircheck::api {
namespace {

using nlohmann::json;

json time_or_null(const std::optional<WallTime>& time) {
    return time ? json(to_iso8601(*time)) : json(nullptr);
}

json object_of(const std::string& text) {
    json value = json::parse(text, nullptr, false);
    return value.is_object() ? value : json::object();
}

json to_json(const records::StoredFile& file) {
    json told = {
        {"kind", records::to_string(file.kind)},
        {"track_id", file.track_id.empty() ? json(nullptr) : json(file.track_id)},
        {"identity", file.identity.empty() ? json(nullptr) : json(file.identity)},
        {"offset", to_seconds(file.offset)},
        {"offset_samples", (file.offset.count() * 48 + 500'000) / 1'000'000},
        {"filename", file.filename},
        {"location", file.location.empty() ? json(nullptr) : json(file.location)},
        {"size", file.size_bytes},
        {"duration", to_seconds(file.duration)},
        {"sha256", file.sha256.empty() ? json(nullptr) : json(file.sha256)}};
    if (file.kind != records::FileKind::Segments) return told;
    told["segment_count"] = file.segment_count;
    told["live_location"] = file.live_location.empty() ? json(nullptr) : json(file.live_location);
    return told;
}

json to_json(const records::StoredStream& stream) {
    return {
        {"url", stream.url},
        {"id", stream.id.empty() ? json(nullptr) : json(stream.id)},
        {"status", records::to_string(stream.state)},
        {"error", stream.error.empty() ? json(nullptr) : json(stream.error)},
        {"started_at", time_or_null(stream.started_at)},
        {"ended_at", time_or_null(stream.ended_at)},
        {"retries", stream.retries},
        {"last_retry_at", time_or_null(stream.last_retry_at)}};
}

json check_of(const records::Check& check) {
    using Verdict = records::Check::Verdict;
    if (check.verdict == Verdict::Unknown && check.findings.empty()) return nullptr;
    json ok = nullptr;
    if (check.verdict != Verdict::Unknown) ok = check.verdict == Verdict::Good;
    return {{"ok", std::move(ok)}, {"findings", check.findings}};
}

/// The room's metadata (any text; an object is taken apart) with the owner's on top.
json metadata_of(const records::Conversation& conversation) {
    json metadata = json::object();
    if (!conversation.room_metadata.empty()) {
        json room = json::parse(conversation.room_metadata, nullptr, false);
        metadata["room"] = room.is_object() ? room : json(conversation.room_metadata);
    }
    metadata.update(object_of(conversation.owner_metadata_json));
    return metadata;
}

}  // namespace

json to_json(const records::Recording& recording) {
    json files = json::array();
    for (const auto& file : recording.files) files.push_back(to_json(file));
    json streams = json::array();
    for (const auto& stream : recording.streams) streams.push_back(to_json(stream));
    json gaps = json::array();
    for (const auto& gap : recording.gaps) {
        gaps.push_back(
            {{"start", to_iso8601(gap.start)}, {"end", to_iso8601(gap.end)}, {"reason", gap.reason}}
        );
    }
    return {
        {"egress_id", recording.egress_id},
        {"status", records::to_string(recording.status)},
        {"error", recording.error.empty() ? json(nullptr) : json(recording.error)},
        {"error_code", recording.error_code},
        {"end_reason", recording.end_reason.empty() ? json(nullptr) : json(recording.end_reason)},
        {"started_at", to_iso8601(recording.started_at)},
        {"ended_at", time_or_null(recording.ended_at)},
        {"metadata", object_of(recording.metadata_json)},
        {"files", std::move(files)},
        {"streams", std::move(streams)},
        {"manifest_location",
         recording.manifest_location.empty() ? json(nullptr) : json(recording.manifest_location)},
        {"gaps", std::move(gaps)},
        {"check", check_of(recording.check)}};
}

json to_json(const records::ConversationDetails& details, const UrlOf& url_of) {
    const records::Conversation& conversation = details.conversation;
    json participants = json::array();
    for (const auto& who : details.participants) {
        participants.push_back(
            {{"sid", who.sid},
             {"identity", who.identity},
             {"name", who.name},
             {"kind", who.kind},
             {"attributes", who.attributes},
             {"joined_at", to_iso8601(who.joined_at)},
             {"left_at", time_or_null(who.left_at)}}
        );
    }
    json recordings = json::array();
    for (const auto& recording : details.recordings) recordings.push_back(to_json(recording));
    json url = nullptr;
    json duration = nullptr;
    if (const auto mix = records::playable_mix(details.recordings)) {
        const std::string text = url_of(*mix);
        if (!text.empty()) url = text;
        duration = to_seconds(mix->file.duration);
    } else if (conversation.ended_at) {
        duration = to_seconds(*conversation.ended_at - conversation.started_at);
    }
    return {
        {"conversation_id", conversation.conversation_id},
        {"source", conversation.source},
        {"room_name", conversation.room_name},
        {"room_ids", conversation.room_ids},
        {"status", records::to_string(conversation.status)},
        {"started_at", to_iso8601(conversation.started_at)},
        {"ended_at", time_or_null(conversation.ended_at)},
        {"duration", std::move(duration)},
        {"audio_recording_url", std::move(url)},
        {"participants", std::move(participants)},
        {"metadata", metadata_of(conversation)},
        {"recordings", std::move(recordings)}};
}

}  // namespace aircheck::api
