#pragma once

#include "core/result.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace aircheck::bench {

/// User and system time, in seconds.
[[nodiscard]] double own_cpu_seconds();
[[nodiscard]] double thread_cpu_seconds();

/// A process of our own with a pipe to its standard input and one from its standard output; ended
/// by the destructor, if it still runs.
class Child {
public:
    [[nodiscard]] static Result<Child> start(const std::vector<std::string>& words);
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    ~Child();

    /// The next line; empty at the end.
    [[nodiscard]] std::string read_line();
    [[nodiscard]] std::string read_all();
    /// Closes its input, which our own programs take as "end", and waits. CPU seconds it took.
    [[nodiscard]] Result<double> finish();
    /// User and system time of the running process until now; 0 once it is gone.
    [[nodiscard]] double cpu_seconds() const;

private:
    void end();
    Child(pid_t process, int input, int output, std::string name)
        : process_(process), input_(input), output_(output), name_(std::move(name)) {}

    pid_t process_ = -1;
    int input_ = -1;
    int output_ = -1;
    std::string name_;
};

/// Runs a program to its end, its output thrown away; CPU seconds it took. Errors: it is not there,
/// or fails.
[[nodiscard]] Result<double> run_measured(const std::vector<std::string>& words);
[[nodiscard]] Result<> run_quietly(const std::vector<std::string>& words);

}  // namespace aircheck::bench
