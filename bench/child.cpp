#include "bench/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

extern char** environ;

namespace aircheck::bench {
namespace {

double seconds_of(const rusage& usage) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double read_clock(clockid_t clock) {
    timespec spent{};
    if (clock_gettime(clock, &spent) != 0) return 0;
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

Result<double> reap(pid_t process, const std::string& name) {
    int status = 0;
    rusage usage{};
    while (wait4(process, &status, 0, &usage) < 0) {
        if (errno != EINTR) return fail_errno(errno, name);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return fail(Errc::Failed, name + " failed");
    }
    return seconds_of(usage);
}

Result<pid_t> spawn(
    const std::vector<std::string>& words, const posix_spawn_file_actions_t& actions
) {
    std::vector<std::string> copies = words;
    std::vector<char*> arguments;
    for (std::string& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t process = -1;
    const int error =
        posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
    if (error != 0) return fail_errno(error, words[0]);
    return process;
}

}  // namespace

double own_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage);
}

double thread_cpu_seconds() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

Result<Child> Child::start(const std::vector<std::string>& words) {
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0) {
        return fail_errno(errno, "pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    auto process = spawn(words, actions);
    posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    if (!process) {
        ::close(input[1]);
        ::close(output[0]);
        return tl::unexpected<Error>(process.error());
    }
    return Child(*process, input[1], output[0], words[0]);
}

Child::Child(Child&& other) noexcept
    : process_(std::exchange(other.process_, -1)),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)),
      name_(std::move(other.name_)) {}

Child& Child::operator=(Child&& other) noexcept {
    if (this == &other) return *this;
    end();
    process_ = std::exchange(other.process_, -1);
    input_ = std::exchange(other.input_, -1);
    output_ = std::exchange(other.output_, -1);
    name_ = std::move(other.name_);
    return *this;
}

Child::~Child() { end(); }

void Child::end() {
    if (input_ >= 0) ::close(input_);
    if (output_ >= 0) ::close(output_);
    if (process_ < 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
}

std::string Child::read_line() {
    std::string line;
    char c = 0;
    while (::read(output_, &c, 1) == 1 && c != '\n') line.push_back(c);
    return line;
}

std::string Child::read_all() {
    std::string text;
    std::array<char, 4096> piece{};
    ssize_t count = 0;
    while ((count = ::read(output_, piece.data(), piece.size())) > 0) {
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return text;
}

Result<double> Child::finish() {
    ::close(std::exchange(input_, -1));
    return reap(std::exchange(process_, -1), name_);
}

double Child::cpu_seconds() const {
    clockid_t clock{};
    return clock_getcpuclockid(process_, &clock) == 0 ? read_clock(clock) : 0;
}

Result<double> run_measured(const std::vector<std::string>& words) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    auto process = spawn(words, actions);
    posix_spawn_file_actions_destroy(&actions);
    if (!process) return tl::unexpected<Error>(process.error());
    return reap(*process, words[0]);
}

Result<> run_quietly(const std::vector<std::string>& words) {
    AC_TRY(const double ignored, run_measured(words));
    static_cast<void>(ignored);
    return {};
}

}  // namespace aircheck::bench
