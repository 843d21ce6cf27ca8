#pragma once

#include "core/temp_folder_testing.hpp"
#include "records/sql.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace aircheck::tests {

/// A real PostgreSQL server in a temporary folder, on a Unix socket there; started by the first
/// call of instance(), ended with the process. PostgreSQL refuses to run as root: then it runs as
/// user "postgres". Ends the process with a clear message when no server can be started: a test
/// never skips.
class PostgresServer {
public:
    static PostgresServer& instance() {
        static PostgresServer server;
        return server;
    }
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    /// The URL of a fresh, empty database.
    std::string new_database() {
        const std::string name = "test" + std::to_string(++databases_);
        records::Database admin(url("postgres"));
        admin.open_if_closed();
        admin.run("CREATE DATABASE " + name);
        return url(name);
    }
    /// Ends all sessions of other clients, as a restarting server would.
    void end_sessions() {
        records::Database admin(url("postgres"));
        admin.open_if_closed();
        admin.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        );
    }

    /// Ends it, and its clients' sessions, as an administrator would.
    void stop() {
        ::kill(pid_, SIGINT);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    void start() {
        pid_ = spawn(
            {bin_ + "/postgres",
             "-D",
             folder_ / "data",
             "-k",
             folder_.path(),
             "-c",
             "listen_addresses=",
             "-c",
             "fsync=off"}
        );
        wait_until_ready();
    }

private:
    PostgresServer() {
        const std::string& bin = bin_;
        if (::geteuid() == 0) {
            const passwd* user = ::getpwnam("postgres");
            if (!user) die("there is no user 'postgres' to run it as");
            uid_ = user->pw_uid;
            gid_ = user->pw_gid;
            if (::chown(folder_.path().c_str(), uid_, gid_) != 0) die("chown failed");
        }
        const std::string data = folder_ / "data";
        int status = 0;
        const int made = spawn(
            {bin + "/initdb",
             "-D",
             data,
             "-U",
             "aircheck",
             "--auth=trust",
             "--no-sync",
             "-E",
             "UTF8",
             "--locale=C"}
        );
        ::waitpid(made, &status, 0);
        if (status != 0) die("initdb failed, see " + folder_ / "log");
        start();
    }
    ~PostgresServer() {
        if (pid_ > 0) {
            ::kill(pid_, SIGQUIT);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    [[nodiscard]] std::string url(const std::string& database) const {
        return "postgresql://aircheck:secret@/" + database + "?host=" + folder_.path();
    }

    static std::string find_bin() {
        std::string newest;
        std::error_code missing;
        for (const auto& entry :
             std::filesystem::directory_iterator("/usr/lib/postgresql", missing)) {
            const std::string bin = entry.path().string() + "/bin";
            if (std::filesystem::exists(bin + "/initdb")) newest = std::max(newest, bin);
        }
        if (newest.empty()) die("PostgreSQL is not installed (apt-get install postgresql)");
        return newest;
    }

    int spawn(std::vector<std::string> command) const {
        std::vector<char*> words;
        for (std::string& word : command) words.push_back(word.data());
        words.push_back(nullptr);
        const std::string log = folder_ / "log";
        const int child = ::fork();
        if (child != 0) return child;
        if (gid_ != 0 &&
            (::setgroups(1, &gid_) != 0 || ::setgid(gid_) != 0 || ::setuid(uid_) != 0)) {
            ::_exit(126);
        }
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        ::execv(words[0], words.data());
        ::_exit(127);
    }

    void wait_until_ready() const {
        for (int i = 0; i < 300; ++i) {
            try {
                records::Database admin(url("postgres"));
                admin.open_if_closed();
                return;
            } catch (const std::exception&) {
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
        }
        die("the server did not start within 30 s, see " + folder_ / "log");
    }

    [[noreturn]] static void die(const std::string& reason) {
        std::fprintf(stderr, "PostgreSQL for the tests: %s\n", reason.c_str());
        std::exit(1);
    }

    const TempFolder folder_{"/tmp"};  ///< Where "postgres" may go; a socket's path is short.
    const std::string bin_ = find_bin();
    uid_t uid_ = 0;
    gid_t gid_ = 0;
    int pid_ = -1;
    int databases_ = 0;
};

}  // namespace aircheck::tests
