#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>

namespace aircheck::log {

/// Lets one line through in `every`, and counts those it holds back: what strangers or a remote
/// that is down can repeat at will must not fill a disk with log lines. Not thread-safe; reads no
/// clock.
class LineLimit {
public:
    explicit LineLimit(Nanoseconds every) : every_(every) {}

    /// May a line be written now? How many were held back since the last one, or empty: not now.
    [[nodiscard]] std::optional<std::uint64_t> pass(Instant now) {
        if (last_ && now - *last_ < every_) {
            ++held_back_;
            return {};
        }
        last_ = now;
        const std::uint64_t held_back = held_back_;
        held_back_ = 0;
        return held_back;
    }

private:
    Nanoseconds every_;
    std::optional<Instant> last_;
    std::uint64_t held_back_ = 0;
};

}  // namespace aircheck::log
