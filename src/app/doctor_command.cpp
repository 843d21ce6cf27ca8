#include "app/commands.hpp"
#include "app/doctor.hpp"
#include "app/options_of.hpp"
#include "control/room_service.hpp"
#include "net/http_client.hpp"
#include "net/url.hpp"
#include "proto/livekit_room.pb.h"
#include "records/store.hpp"
#include "storage/spool.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

namespace aircheck::app {
namespace {

/// The setting that a refusal of check_for_serve() begins with.
std::string setting_in(const std::string& why) {
    std::size_t first = std::string::npos;
    std::string setting;
    for (const char* name :
         {"http.bind",
          "http.public_url",
          "http.forward",
          "secrets_key_file",
          "auto_record",
          "ws_url",
          "redis"}) {
        if (const auto at = why.find(name); at < first) {
            first = at;
            setting = name;
        }
    }
    return setting;
}

void check_configuration(const Config& config, Findings& findings) {
    for (const std::string& what : config.warnings) {
        findings.push_back(
            warning("configuration", what, "", "remove it, or leave it: it does nothing")
        );
    }
    if (auto ready = check_for_serve(config); !ready) {
        const std::string& why = ready.error().context;
        findings.push_back(error("configuration", why, setting_in(why), "mend what is said"));
    } else {
        findings.push_back(fine("configuration", "complete for `aircheck serve`"));
    }
    if (config.auto_record.empty()) {
        findings.push_back(warning(
            "auto_record",
            "no rule: rooms are recorded on request only",
            "auto_record",
            "add a rule to record by itself"
        ));
    }
}

void check_livekit(const Config& config, net::HttpClient& http, Findings& findings) {
    const auto access = room_access(config);
    if (access.ws_url.empty() || access.api_key.empty()) {
        findings.push_back(error(
            "livekit",
            "no server is configured",
            "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET",
            "set all three"
        ));
        return;
    }
    const auto rooms = control::RoomService(access, http).list_rooms();
    if (rooms) {
        findings.push_back(fine(
            "livekit",
            access.ws_url + ": key accepted, " + std::to_string(rooms->rooms_size()) + " rooms"
        ));
        return;
    }
    const bool refused = rooms.error().code == Errc::PermissionDenied;
    findings.push_back(error(
        "livekit",
        rooms.error().to_string(),
        refused ? "LIVEKIT_API_KEY, LIVEKIT_API_SECRET" : "LIVEKIT_URL",
        refused ? "use a key and secret of this server"
                : "is the server running, and reachable from here?"
    ));
}

void check_disk(const Config& config, Findings& findings) {
    const auto spool = storage::Spool::open(config.data_dir);
    if (!spool) {
        findings.push_back(error("spool", spool.error().to_string(), "data_dir", "make it writable")
        );
        return;
    }
    const auto space = spool->space();
    const std::uint64_t free_mb = space ? space->free_bytes / 1'000'000 : 0;
    const std::string detail = spool->path() + ": " + std::to_string(free_mb) + " MB free";
    if (free_mb < 1000) {
        findings.push_back(warning(
            "spool", detail, "data_dir", "an hour of a call takes about 60 MB until it is uploaded"
        ));
    } else {
        findings.push_back(fine("spool", detail));
    }
}

void check_records(const Config& config, Findings& findings) {
    auto store = records::Store::open(database_of(config), records::Store::Migrate::Yes);
    if (!store) {
        findings.push_back(
            error("database", store.error().to_string(), "database", "see the message")
        );
    } else {
        findings.push_back(
            fine("database", "schema " + std::to_string(records::Store::newest_schema()))
        );
    }
}

/// Where `url` is configured: for all recordings, or by a rule.
using Webhooks = std::vector<std::pair<std::string, std::string>>;

Webhooks webhooks_of(const Config& config) {
    Webhooks all;
    const auto add = [&](const std::string& url, const std::string& setting) {
        const auto same = [&](const auto& known) { return known.first == url; };
        if (std::none_of(all.begin(), all.end(), same)) all.emplace_back(url, setting);
    };
    for (const WebhookConfig& webhook : config.webhooks) add(webhook.url, "webhooks[].url");
    for (const AutoRecordRule& rule : config.auto_record) {
        for (const WebhookConfig& webhook : rule.webhooks) {
            add(webhook.url, "auto_record[].webhooks[].url");
        }
    }
    return all;
}

void check_webhooks(const Config& config, net::HttpClient& http, Findings& findings) {
    for (const auto& [url, setting] : webhooks_of(config)) {
        net::HttpRequest request;
        request.method = "HEAD";
        request.url = url;
        request.timeout = std::chrono::seconds(10);
        const std::string where = net::redact_url(url);
        const auto answer = http.send(request);
        if (answer && answer->status >= 500 && answer->status != 501) {  // 501: it knows no HEAD.
            findings.push_back(warning(
                "webhook",
                where + ": reachable, but answers HTTP " + std::to_string(answer->status),
                setting,
                "is the receiver behind it running? Deliveries are tried again for three days"
            ));
        } else if (answer) {
            findings.push_back(
                fine("webhook", where + ": reachable (HTTP " + std::to_string(answer->status) + ")")
            );
        } else {
            findings.push_back(error(
                "webhook",
                where + ": " + answer.error().to_string(),
                setting,
                "is the receiver running, and reachable from here?"
            ));
        }
    }
}

}  // namespace

ExitCode run_doctor(const Config& config, Listing listing) {
    net::HttpClient http;
    Findings findings;
    check_configuration(config, findings);
    check_livekit(config, http, findings);
    check_redis(config, findings);
    check_storage(config, http, findings);
    check_disk(config, findings);
    check_records(config, findings);
    check_webhooks(config, http, findings);
    return print_findings(findings, listing);
}

}  // namespace aircheck::app
