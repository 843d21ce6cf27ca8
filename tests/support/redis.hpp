#pragma once

#include "tests/support/server_process.hpp"

#include "core/temp_folder_testing.hpp"

#include <string>
#include <vector>

namespace aircheck::tests {

/// A real redis-server on a free port of loopback, without persistence.
class RedisServer {
public:
    /// `options`: further ones of its command line ("--requirepass", "secret").
    explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) {
        start();
    }
    ~RedisServer() { process_.stop(SIGKILL); }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    void start() {
        // The configuration is a file because a sentinel writes into its own.
        const std::string file = folder_ / "redis.conf";
        std::ofstream(file, std::ios::app) << "";
        std::vector<std::string> command{"redis-server", file, "--port", std::to_string(port_)};
        command.insert(
            command.end(), {"--bind", "127.0.0.1", "--dir", folder_.path(), "--daemonize", "no"}
        );
        if (std::find(options_.begin(), options_.end(), "--sentinel") == options_.end()) {
            command.insert(command.end(), {"--save", "", "--appendonly", "no"});
        }
        command.insert(command.end(), options_.begin(), options_.end());
        process_.start(std::move(command), folder_ / "log", port_);
    }
    void stop(int signal = SIGKILL) { process_.stop(signal); }
    /// SIGSTOP and SIGCONT, say.
    void signal(int number) const { process_.signal(number); }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] const std::string& folder() const { return folder_.path(); }

private:
    std::vector<std::string> options_;
    const TempFolder folder_;
    std::uint16_t port_ = free_port();
    ServerProcess process_;
};

}  // namespace aircheck::tests
