#include "api/call_times.hpp"

#include "api/http_answers.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace aircheck::api {

control::Answer<std::optional<Nanoseconds>> twirp_timeout(std::string_view header) {
    if (header.empty()) return std::nullopt;
    std::int64_t asked = 0;
    const char* const end = header.data() + header.size();
    const auto read = std::from_chars(header.data(), end, asked);
    if (read.ec != std::errc() || read.ptr != end) {
        return control::invalid(
            "X-Twirp-Timeout-Ms: '" + std::string(header.substr(0, 40)) +
            "' is no number of milliseconds"
        );
    }
    const std::chrono::milliseconds time(asked);
    return std::clamp<std::chrono::milliseconds>(time, 0ms, std::chrono::hours(24));
}

struct CallTimes::Timers {
    std::map<std::uint64_t, net::Timer> running;
    std::uint64_t next = 0;
};

CallTimes::CallTimes(net::Loop& home) : home_(home), timers_(std::make_shared<Timers>()) {}
CallTimes::~CallTimes() = default;

CallTimes::Respond CallTimes::limit(Respond respond, Nanoseconds time) {
    const std::uint64_t id = timers_->next++;
    const std::weak_ptr<Timers> timers = timers_;
    const auto forget = [timers, id] {
        if (const auto all = timers.lock()) all->running.erase(id);
    };
    net::Timer& timer = timers_->running.try_emplace(id, home_).first->second;
    timer.after(time, [respond, home = &home_, forget] {
        respond(twirp_error({"deadline_exceeded", "the time that the caller gave is up"}));
        home->post(forget);  // Not here: this is the timer's own handler.
    });
    return [respond = std::move(respond), home = &home_, forget](net::HttpServerResponse answer) {
        respond(std::move(answer));
        home->post(forget);
    };
}

}  // namespace aircheck::api
