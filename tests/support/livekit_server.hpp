#pragma once

#include "tests/support/server_process.hpp"

#include "core/temp_folder_testing.hpp"
#include "net/http_client.hpp"
#include "net/jwt.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

namespace aircheck::tests {

/// A real livekit-server on a free port of loopback, with one key pair and a Redis.
class LivekitServer {
public:
    static constexpr const char* kKey = "devkey";
    /// livekit-server asks for 32 characters.
    static constexpr const char* kSecret = "secret-of-the-tests-0123456789abcdef";

    /// `redis` is what stands behind `redis:` in its configuration, as JSON.
    LivekitServer(const std::string& redis, const std::string& webhook_url) {
        const auto number = [] { return std::to_string(free_port()); };
        std::ofstream(folder_ / "livekit.yaml")
            << R"({"port": )" << port_ << R"(, "bind_addresses": ["127.0.0.1"], "redis": )" << redis
            << R"(, "rtc": {"tcp_port": )" << number() << R"(, "udp_port": )" << number()
            << R"(, "node_ip": "127.0.0.1", "use_external_ip": false)"
            << R"(, "interfaces": {"includes": ["lo"]}, "enable_loopback_candidate": true})"
            << R"(, "keys": {")" << kKey << R"(": ")" << kSecret << R"("})"
            << R"(, "webhook": {"api_key": ")" << kKey << R"(", "urls": [")" << webhook_url
            << R"("]}, "room": {"empty_timeout": 300}})";
        process_.start({find(), "--config", folder_ / "livekit.yaml"}, folder_ / "log", port_);
    }
    ~LivekitServer() { process_.stop(SIGKILL); }
    LivekitServer(const LivekitServer&) = delete;
    LivekitServer& operator=(const LivekitServer&) = delete;

    /// "livekit.Egress/ListEgress" with a JSON body; the answer's body whatever its status.
    [[nodiscard]] std::string call(const std::string& method, const std::string& body) {
        net::HttpRequest request;
        request.method = "POST";
        request.url = "http://127.0.0.1:" + std::to_string(port_) + "/twirp/" + method;
        request.headers.set("Content-Type", "application/json");
        request.headers.set("Authorization", "Bearer " + token());
        request.body = body;
        request.timeout = std::chrono::minutes(2);
        const auto answer = http_.send(request);
        return answer ? answer->body : answer.error().to_string();
    }
    [[nodiscard]] std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] std::string log() const { return ServerProcess::content_of(folder_ / "log"); }

private:
    static std::string token() {
        const auto now = unix_nanoseconds(wall_now()) / 1'000'000'000;
        return net::sign_jwt(
            R"({"iss":"devkey","exp":)" + std::to_string(now + 600) +
                R"(,"video":{"roomRecord":true,"roomCreate":true,"roomList":true}})",
            kSecret
        );
    }
    /// AIRCHECK_LIVEKIT_SERVER, the PATH, then where the project's peers are.
    static std::string find() {
        std::vector<std::string> candidates;
        if (const char* named = std::getenv("AIRCHECK_LIVEKIT_SERVER")) {
            candidates.emplace_back(named);
        }
        if (const char* path = std::getenv("PATH")) {
            std::istringstream folders(path);
            for (std::string folder; std::getline(folders, folder, ':');) {
                candidates.push_back(folder + "/livekit-server");
            }
        }
        for (const char* up : {"", "../", "../../"}) {
            candidates.push_back(std::string(up) + ".peers/bin/livekit-server");
        }
        for (const std::string& candidate : candidates) {
            if (::access(candidate.c_str(), X_OK) == 0) return candidate;
        }
        throw std::runtime_error("no livekit-server: tools/bootstrap peers installs it");
    }

    std::uint16_t port_ = free_port();
    const TempFolder folder_;
    ServerProcess process_;
    net::HttpClient http_;
};

}  // namespace aircheck::tests
