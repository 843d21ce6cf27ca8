#pragma once

#include "core/time.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace aircheck::app {

/// "01:02:03".
[[nodiscard]] std::string clock_text(Nanoseconds time);

/// One line on a terminal that says how far something is; nothing where standard error is none.
class ProgressLine {
public:
    ProgressLine();
    void show(const std::string& text) const;
    void clear() const;
    [[nodiscard]] bool is_shown() const { return shown_; }

private:
    bool shown_;
};

/// Shows `text(time since its start)` each second while something blocks; clears it at the end.
class ProgressTicker {
public:
    explicit ProgressTicker(std::function<std::string(Nanoseconds)> text);
    ~ProgressTicker();
    ProgressTicker(const ProgressTicker&) = delete;
    ProgressTicker& operator=(const ProgressTicker&) = delete;

private:
    ProgressLine line_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool is_over_ = false;
    std::thread thread_;
};

}  // namespace aircheck::app
