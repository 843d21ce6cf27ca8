#pragma once

#include "control/twirp_error.hpp"
#include "core/time.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace aircheck::api {

/// How long a caller waits, by its `X-Twirp-Timeout-Ms`; none where `header` is empty. At most a
/// day. Errors: `invalid_argument` for what is no number of milliseconds.
[[nodiscard]] control::Answer<std::optional<Nanoseconds>> twirp_timeout(std::string_view header);

/// Answers calls whose time is up. On the home loop's thread.
class CallTimes {
public:
    using Respond = net::HttpServer::Respond;

    /// The loop outlives what limit() returns.
    explicit CallTimes(net::Loop& home);
    ~CallTimes();
    /// `respond`, but when nothing was said within `time`, the caller hears `deadline_exceeded`;
    /// what is said later goes nowhere. From any thread, as `respond`.
    [[nodiscard]] Respond limit(Respond respond, Nanoseconds time);

private:
    struct Timers;
    net::Loop& home_;
    std::shared_ptr<Timers> timers_;
};

}  // namespace aircheck::api
