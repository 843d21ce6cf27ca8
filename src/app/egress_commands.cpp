// egress list|show|stop and conversations list|show|url: the records, from the terminal.
#include "api/conversation_json.hpp"
#include "app/commands.hpp"
#include "app/open_records.hpp"
#include "app/options_of.hpp"
#include "control/secrets.hpp"
#include "core/foreign_text.hpp"
#include "net/http_client.hpp"
#include "net/jwt.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace aircheck::app {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string cell(const json& value) {
    if (value.is_null()) return "-";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

ExitCode failed(const Error& error) {
    complain(error);
    return ExitCode::Failed;
}

/// Links as the running service writes them; for commands, the configured public address.
api::UrlOf url_of(const Config& config) {
    Bytes secrets_key;
    if (config.recording_urls == RecordingUrls::Signed) {
        secrets_key = control::open_secrets_key(secrets_key_file_of(config)).value_or(Bytes());
    }
    return [links = recording_links(config, secrets_key)](const records::PlayableMix& mix) {
        return links.url_of(mix);
    };
}

void print(const records::Recording& recording, Listing listing) {
    const json all = api::to_json(recording);
    if (listing == Listing::Json) {
        std::printf("%s\n", dump(all).c_str());
        return;
    }
    const json file = all["files"].empty() ? json::object() : all["files"][0];
    std::printf(
        "%-16s  %-22s  %s  %-24s  %s%s%s\n",
        recording.egress_id.c_str(),
        cell(all["status"]).c_str(),
        cell(all["started_at"]).c_str(),
        recording.room_name.c_str(),
        cell(file.value("location", json())).c_str(),
        recording.error.empty() ? "" : "  ",
        recording.error.c_str()
    );
}

void print(const json& conversation, Listing listing) {
    if (listing == Listing::Json) {
        std::printf("%s\n", dump(conversation).c_str());
        return;
    }
    std::printf(
        "%-16s  %-12s  %s  %-24s  %s\n",
        cell(conversation["conversation_id"]).c_str(),
        cell(conversation["status"]).c_str(),
        cell(conversation["started_at"]).c_str(),
        cell(conversation["room_name"]).c_str(),
        cell(conversation["audio_recording_url"]).c_str()
    );
}

/// Asks the running service to stop a recording, as any LiveKit SDK would.
Result<> ask_to_stop(const Config& config, const std::string& id) {
    const auto now = unix_nanoseconds(wall_now()) / 1'000'000'000;
    const json claims{
        {"iss", config.livekit.api_key},
        {"nbf", now},
        {"exp", now + 60},
        {"video", {{"roomRecord", true}}}};
    net::HttpRequest request;
    request.method = "POST";
    request.url = public_url(config, config.http.bind_port) + "/twirp/livekit.Egress/StopEgress";
    request.headers.set("Content-Type", "application/json");
    request.headers.set(
        "Authorization",
        "Bearer " + net::sign_jwt(claims.dump(), config.livekit.api_secret.reveal())
    );
    request.body = dump({{"egress_id", id}});
    net::HttpClient http;
    auto answer = http.send(request);
    if (!answer) return tl::unexpected(in_context("the aircheck service", answer.error()));
    if (answer->status == 200) return {};
    const json error = json::parse(answer->body, nullptr, false);
    if (error.is_object() && error.contains("msg")) {
        return fail(Errc::Failed, "egress " + id + ": " + cell(error["msg"]));
    }
    return fail(
        Errc::Failed,
        request.url + " does not look like aircheck, it answers HTTP " +
            std::to_string(answer->status) + " \"" + first_words(answer->body) +
            "\"; http.public_url and http.bind say where the service is"
    );
}

}  // namespace

ExitCode run_egress_list(const Config& config, Listing listing) {
    auto store = open_records(config);
    if (!store) return failed(store.error());
    records::RecordingQuery query;
    query.limit = records::kMaxPage;
    auto page = (*store)->list_recordings(query);
    if (!page) return failed(page.error());
    for (const auto& recording : page->items) print(recording, listing);
    return ExitCode::Done;
}

ExitCode run_egress_show(const Config& config, const std::string& id, Listing listing) {
    auto store = open_records(config);
    if (!store) return failed(store.error());
    auto recording = (*store)->find_recording(id);
    if (!recording) return failed(recording.error());
    if (listing == Listing::Json) {
        print(*recording, listing);
    } else {
        std::printf(
            "%s\n",
            api::to_json(*recording).dump(2, ' ', false, json::error_handler_t::replace).c_str()
        );
    }
    return ExitCode::Done;
}

ExitCode run_egress_stop(const Config& config, const std::string& id) {
    if (config.livekit.api_key.empty()) {
        complain("LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set");
        return ExitCode::Usage;
    }
    if (auto asked = ask_to_stop(config, id); !asked) return failed(asked.error());
    std::printf("%s is ending\n", id.c_str());
    return ExitCode::Done;
}

ExitCode run_conversations_list(
    const Config& config, const ConversationFilter& filter, Listing listing
) {
    auto store = open_records(config);
    if (!store) return failed(store.error());
    records::ConversationQuery query;
    query.room_name = filter.room_name;
    query.limit = filter.limit;
    auto page = (*store)->list_conversations(query);
    if (!page) return failed(page.error());
    for (const auto& details : page->items) print(api::to_json(details, url_of(config)), listing);
    return ExitCode::Done;
}

ExitCode run_conversations_show(const Config& config, const std::string& id, Listing listing) {
    auto store = open_records(config);
    if (!store) return failed(store.error());
    auto details = (*store)->find_conversation(id);
    if (!details) return failed(details.error());
    const json all = api::to_json(*details, url_of(config));
    const int indent = listing == Listing::Json ? -1 : 2;
    std::printf("%s\n", all.dump(indent, ' ', false, json::error_handler_t::replace).c_str());
    return ExitCode::Done;
}

ExitCode run_conversations_url(const Config& config, const std::string& id) {
    auto store = open_records(config);
    if (!store) return failed(store.error());
    auto details = (*store)->find_conversation(id);
    if (!details) return failed(details.error());
    const json all = api::to_json(*details, url_of(config));
    if (all["audio_recording_url"].is_null()) {
        complain("conversation " + id + " has no recording that plays");
        return ExitCode::Failed;
    }
    std::printf("%s\n", cell(all["audio_recording_url"]).c_str());
    return ExitCode::Done;
}

}  // namespace aircheck::app
