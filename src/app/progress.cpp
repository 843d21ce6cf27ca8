#include "app/progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace aircheck::app {

std::string clock_text(Nanoseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    char text[32];
    std::snprintf(
        text,
        sizeof text,
        "%02lld:%02lld:%02lld",
        static_cast<long long>(seconds / 3600),
        static_cast<long long>(seconds / 60 % 60),
        static_cast<long long>(seconds % 60)
    );
    return text;
}

ProgressLine::ProgressLine() : shown_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const std::string& text) const {
    if (shown_) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

void ProgressLine::clear() const {
    if (shown_) std::fprintf(stderr, "\r\033[K");
}

ProgressTicker::ProgressTicker(std::function<std::string(Nanoseconds)> text) {
    if (!line_.is_shown()) return;
    thread_ = std::thread([this, text = std::move(text)] {
        const Instant start = monotonic_now();
        std::unique_lock lock(mutex_);
        while (!is_over_) {
            line_.show(text(monotonic_now() - start));
            ended_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; });
        }
    });
}

ProgressTicker::~ProgressTicker() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    ended_.notify_one();
    thread_.join();
    line_.clear();
}

}  // namespace aircheck::app
