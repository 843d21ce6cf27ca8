#include "app/commands.hpp"
#include "app/doctor.hpp"
#include "app/options_of.hpp"
#include "control/room_service.hpp"
#include "net/http_client.hpp"
#include "net/url.hpp"
#include "proto/livekit_room.pb.h"
#include "records/store.hpp"
#include "storage/s3_client.hpp"
#include "storage/spool.hpp"

#include <nlohmann/json.hpp>
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

/// What to do about a bucket that cannot be written to.
std::pair<std::string, std::string> cure_of(const Error& error, const std::string& failure_code) {
    if (failure_code == "AccessDenied") {
        return {"storage.s3 (AWS_…)", "give the key s3:PutObject on the bucket's objects"};
    }
    if (error.code == Errc::NotFound) {
        return {"storage.s3.bucket (AWS_BUCKET)", "make the bucket, or correct its name"};
    }
    if (error.code == Errc::PermissionDenied) {
        return {
            "storage.s3.access_key, storage.s3.secret (AWS_ACCESS_KEY, AWS_SECRET_KEY)",
            "use a key and secret of this store"};
    }
    if (error.code == Errc::Unavailable || error.code == Errc::Timeout) {
        return {"storage.s3.endpoint", "is the store running, and reachable from here?"};
    }
    return {"storage.s3 (AWS_…)", "see the message"};
}

/// Writing is what recording takes; without the other rights it works, with less comfort.
void check_bucket(const storage::S3Destination& s3, net::HttpClient& http, Findings& findings) {
    constexpr const char* kSetting = "storage.s3 (AWS_…)";
    const std::string where = storage::describe(s3) + ": ";
    auto client = storage::S3Client::create(s3, http);
    if (!client) {
        findings.push_back(
            error("storage", where + client.error().to_string(), kSetting, "see the message")
        );
        return;
    }
    // One name each time: keys that may not delete leave one object behind, not many.
    const std::string key = s3.prefix + "aircheck-doctor.txt";
    const std::string content = "aircheck doctor";
    storage::S3Client::ObjectOptions options;
    options.content_type = "text/plain";
    if (auto put = client->put_object(key, content, options); !put) {
        const auto [setting, remedy] = cure_of(put.error(), client->failure_code());
        findings.push_back(error("storage", where + put.error().to_string(), setting, remedy));
        return;
    }
    std::string done = "written";
    const auto note = [&](const auto& tried, const char* step, const char* remedy) {
        if (tried)
            done += std::string(", ") + step;
        else
            findings.push_back(
                warning("storage", where + tried.error().to_string(), kSetting, remedy)
            );
    };
    const auto back = client->get_range(key, 0, 64);
    if (back && *back != content) {
        findings.push_back(error(
            "storage",
            where + key + ": what was read is not what was written",
            kSetting,
            "is something between here and the store?"
        ));
    }
    note(
        back,
        "read",
        "recordings are stored, but links to them will not open: give the key s3:GetObject"
    );
    note(
        client->list_objects(key, 1),
        "listed",
        "recordings are stored, but links to them will not open where objects cannot be looked "
        "up: give the key s3:ListBucket"
    );
    note(
        client->delete_object(key),
        "deleted",
        "recordings are stored; what doctor wrote stays: remove it, or give the key s3:DeleteObject"
    );
    findings.push_back(fine("storage", where + done));
}

void check_storage(const Config& config, net::HttpClient& http, Findings& findings) {
    const auto destination = default_destination(config);
    const std::string where = storage::describe(destination);
    if (const auto* s3 = std::get_if<storage::S3Destination>(&destination)) {
        check_bucket(*s3, http, findings);
        return;
    }
    const std::string& root = std::get<storage::LocalDestination>(destination).root;
    std::error_code failed;
    std::filesystem::create_directories(root, failed);
    if (failed || access(root.c_str(), W_OK) != 0) {
        findings.push_back(
            error("storage", where + " cannot be written", "data_dir", "make it writable")
        );
    } else {
        findings.push_back(fine("storage", where + ": writable (no bucket is configured)"));
    }
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

void print(const Finding& finding, Listing listing) {
    constexpr const char* kNames[] = {"ok", "warning", "error"};
    const char* status = kNames[static_cast<int>(finding.status)];
    if (listing == Listing::Json) {
        const nlohmann::json line{
            {"check", finding.check},
            {"status", status},
            {"detail", finding.detail},
            {"setting", finding.setting},
            {"remedy", finding.remedy}};
        std::printf(
            "%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str()
        );
        return;
    }
    std::printf("%-8s %-14s %s\n", status, finding.check.c_str(), finding.detail.c_str());
    if (finding.status != Finding::Status::Ok && !finding.remedy.empty()) {
        std::printf(
            "         %-14s → %s%s%s\n",
            "",
            finding.setting.c_str(),
            finding.setting.empty() ? "" : ": ",
            finding.remedy.c_str()
        );
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
    bool failed = false;
    for (const Finding& finding : findings) {
        print(finding, listing);
        failed |= finding.status == Finding::Status::Error;
    }
    return failed ? ExitCode::Failed : ExitCode::Done;
}

}  // namespace aircheck::app
