#include "notify/formats.hpp"

#include "core/time.hpp"
#include "proto/json.hpp"
#include "proto/livekit_webhook.pb.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>

namespace aircheck::notify {
namespace {

using Json = nlohmann::ordered_json;  // Keys stay in the order that the guide shows.

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json iso_or_null(std::int64_t nanoseconds) {
    if (nanoseconds == 0) return nullptr;
    return to_iso8601(WallTime(Nanoseconds(nanoseconds)));
}

Json milliseconds_or_null(std::int64_t nanoseconds) {
    if (nanoseconds == 0) return nullptr;
    return std::chrono::floor<std::chrono::milliseconds>(Nanoseconds(nanoseconds)).count();
}

/// To the millisecond.
double seconds_of(std::int64_t nanoseconds) {
    return std::round(static_cast<double>(nanoseconds) / 1e6) / 1e3;
}

/// The files of an event: the list, or the deprecated single one.
std::vector<const livekit::FileInfo*> files_of(const livekit::EgressInfo& info) {
    std::vector<const livekit::FileInfo*> files;
    for (const auto& file : info.file_results()) files.push_back(&file);
    if (files.empty() && info.has_file()) files.push_back(&info.file());
    return files;
}

std::string download_url(
    const EventFacts& facts, std::size_t index, const livekit::FileInfo& file
) {
    const bool told = index < facts.download_urls.size() && !facts.download_urls[index].empty();
    return told ? facts.download_urls[index] : file.location();
}

/// The second seed's payload to the letter. A failed egress has its `error` besides.
Json simple(const livekit::WebhookEvent& event, const EventFacts& facts) {
    const livekit::EgressInfo& info = event.egress_info();
    Json results = Json::array();
    for (const livekit::FileInfo* file : files_of(info)) {
        results.push_back(
            {{"filename", file->filename()},
             {"size", file->size()},
             {"duration", seconds_of(file->duration())},
             {"download_url", text_or_null(download_url(facts, results.size(), *file))}}
        );
    }
    Json egress = {
        {"egress_id", info.egress_id()},
        {"room_id", info.room_id()},
        {"room_name", info.room_name()},
        {"status", livekit::EgressStatus_Name(info.status())},
        {"file_results", std::move(results)},
        {"started_at", milliseconds_or_null(info.started_at())},
        {"ended_at", milliseconds_or_null(info.ended_at())},
    };
    if (!info.error().empty()) egress["error"] = info.error();
    return {{"event", event.event()}, {"egressInfo", std::move(egress)}};
}

/// One flat object (integrations.md 3.6). Every key is there in every event.
Json flat(const livekit::WebhookEvent& event, const EventFacts& facts) {
    const livekit::EgressInfo& info = event.egress_info();
    const auto files = files_of(info);
    const livekit::FileInfo* file = files.empty() ? nullptr : files.front();
    const std::int64_t created = event.created_at() * 1'000'000'000;
    return {
        {"event", event.event()},
        {"event_id", event.id()},
        {"created_at", iso_or_null(created)},
        {"conversation_id", text_or_null(facts.conversation_id)},
        {"egress_id", text_or_null(info.egress_id())},
        {"room_id", text_or_null(info.room_id())},
        {"room_name", info.room_name()},
        {"status", livekit::EgressStatus_Name(info.status())},
        {"audio_recording_url", text_or_null(facts.audio_recording_url)},
        {"duration_s", file ? Json(seconds_of(file->duration())) : Json(nullptr)},
        {"size_bytes", file ? Json(file->size()) : Json(nullptr)},
        {"filename", file ? text_or_null(file->filename()) : Json(nullptr)},
        {"started_at", iso_or_null(info.started_at())},
        {"ended_at", iso_or_null(info.ended_at())},
        {"error", text_or_null(info.error())},
    };
}

}  // namespace

Result<std::string> body_of(
    const livekit::WebhookEvent& event, const EventFacts& facts, Format format
) {
    if (event.event().empty()) return fail(Errc::InvalidArgument, "webhook: the event has no name");
    if (format == Format::LiveKit) return proto::to_webhook_json(event);
    const Json json = format == Format::Simple ? simple(event, facts) : flat(event, facts);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view content_type_of(Format format) {
    return format == Format::LiveKit ? "application/webhook+json" : "application/json";
}

}  // namespace aircheck::notify
