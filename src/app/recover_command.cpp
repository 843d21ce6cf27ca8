// recover: recordings whose machine is gone, made of the copies of their journals.
#include "app/commands.hpp"
#include "app/interrupts.hpp"
#include "app/options_of.hpp"
#include "app/service.hpp"
#include "core/foreign_text.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "net/jwt.hpp"
#include "net/loop.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>

namespace aircheck::app {
namespace {

using control::EgressService;
using nlohmann::json;

void print(const std::string& egress_id, std::string_view what, const std::string& words) {
    std::printf("%-16s  %-13s  %s\n", egress_id.c_str(), std::string(what).c_str(), words.c_str());
}

/// Here and now; the process ends with the last of them.
class Recovery {
public:
    Recovery(const Config& config, const RecoverCommand& command) : config_(config) {
        wanted_.egress_ids = command.egress_ids;
        if (command.force) wanted_.warm = EgressService::Recovery::Warm::Taken;
    }

    [[nodiscard]] Result<> open() {
        AC_TRY(service_, Service::create(loop_, config_));
        return {};
    }

    ExitCode run() {
        const net::SignalWatch watch(loop_, {SIGTERM, SIGINT}, [this](int) {
            // What was begun waits in the spool; its copies stay until it is complete.
            result_ = ExitCode::Interrupted;
            loop_.stop();
        });
        service_->recover(wanted_, [this](const auto& all) { on_recovered(all); });
        loop_.run("aircheck");
        service_.reset();
        return result_;
    }

private:
    void on_recovered(const Result<std::vector<EgressService::Recovered>>& all) {
        if (!all) {
            complain(all.error());
            result_ = ExitCode::Failed;
            return loop_.stop();
        }
        for (const auto& one : *all) {
            print(one.egress_id, control::to_string(one.what), one.words);
            if (one.what == EgressService::Recovered::What::Refused) result_ = ExitCode::Failed;
        }
        if (all->empty()) std::printf("no recording waits to be recovered\n");
        std::fflush(stdout);
        service_->drain([this] { loop_.stop(); });
    }

    const Config& config_;
    EgressService::Recovery wanted_;
    net::Loop loop_;
    std::unique_ptr<Service> service_;
    ExitCode result_ = ExitCode::Done;
};

/// The service that has the data_dir does it; its records tell how it ends.
Result<json> ask_service(const Config& config, const RecoverCommand& command) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = public_url(config, config.http.bind_port) + "/api/v1/recover";
    request.headers.set("Content-Type", "application/json");
    const auto now = unix_nanoseconds(wall_now()) / 1'000'000'000;
    const json claims{
        {"iss", config.livekit.api_key},
        {"nbf", now},
        {"exp", now + 60},
        {"video", {{"roomAdmin", true}, {"roomRecord", true}}}};
    const std::string token = config.token.empty()
                                  ? net::sign_jwt(claims.dump(), config.livekit.api_secret.reveal())
                                  : config.token.reveal();
    request.headers.set("Authorization", "Bearer " + token);
    request.body = json{{"egress_ids", command.egress_ids}, {"force", command.force}}.dump();
    request.timeout = std::chrono::minutes(10);
    net::HttpClient http;
    auto answer = http.send(request);
    if (!answer) return tl::unexpected(in_context("the aircheck service", answer.error()));
    json body = json::parse(answer->body, nullptr, false);
    if (answer->status == 200 && body.contains("recordings")) return body["recordings"];
    return fail(
        Errc::Failed,
        request.url + " answers HTTP " + std::to_string(answer->status) + " \"" +
            first_words(answer->body) + "\""
    );
}

ExitCode recover_by_service(const Config& config, const RecoverCommand& command) {
    const auto all = ask_service(config, command);
    if (!all) {
        complain(all.error());
        return ExitCode::Failed;
    }
    ExitCode result = ExitCode::Done;
    for (const json& one : *all) {
        print(one.value("egress_id", ""), one.value("what", ""), one.value("words", ""));
        if (one.value("what", "") == "refused") result = ExitCode::Failed;
    }
    if (all->empty()) std::printf("no recording waits to be recovered\n");
    return result;
}

}  // namespace

ExitCode run_recover(const Config& config, const RecoverCommand& command) {
    Recovery recovery(config, command);
    const auto opened = recovery.open();
    if (opened) return recovery.run();
    if (opened.error().code == Errc::AlreadyExists) return recover_by_service(config, command);
    complain(opened.error());
    return ExitCode::Failed;
}

}  // namespace aircheck::app
