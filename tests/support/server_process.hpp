#pragma once

#include "tests/support/loopback.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace aircheck::tests {

/// A real server, ended with its object or with the test's process. What cannot be started throws,
/// with what it printed: a test never skips.
class ServerProcess {
public:
    ServerProcess() = default;
    ~ServerProcess() { stop(SIGKILL); }
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    /// Runs `command` (found in PATH) and waits until it listens on `port`, at most a minute.
    void start(std::vector<std::string> command, const std::string& log, std::uint16_t port) {
        std::vector<char*> words;
        for (std::string& word : command) words.push_back(word.data());
        words.push_back(nullptr);
        process_ = ::fork();
        if (process_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
            ::dup2(out, STDOUT_FILENO);
            ::dup2(out, STDERR_FILENO);
            ::execvp(words[0], words.data());
            ::_exit(127);
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!listens(port)) {
            const bool is_gone = ::waitpid(process_, nullptr, WNOHANG) != 0;
            if (is_gone) process_ = -1;
            if (is_gone || std::chrono::steady_clock::now() > deadline) {
                throw std::runtime_error(
                    "cannot start " + command[0] +
                    " (tools/bootstrap peers installs it): " + content_of(log)
                );
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    void signal(int number) const { ::kill(process_, number); }
    void stop(int number = SIGTERM) {
        if (process_ <= 0) return;
        ::kill(process_, number);
        ::waitpid(process_, nullptr, 0);
        process_ = -1;
    }

    static std::string content_of(const std::string& file) {
        std::ifstream in(file);
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    pid_t process_ = -1;
};

/// What happened on other threads, waited for with a wide limit.
class Events {
public:
    void add(std::string event) {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
        changed_.notify_all();
    }
    /// Waits until `event` has come `times` times; false after a minute.
    [[nodiscard]] bool wait_for(const std::string& event, std::size_t times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::minutes(1), [&] {
            return static_cast<std::size_t>(std::count(events_.begin(), events_.end(), event)) >=
                   times;
        });
    }
    [[nodiscard]] std::vector<std::string> all() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> events_;
};

}  // namespace aircheck::tests
