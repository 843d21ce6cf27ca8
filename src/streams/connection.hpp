#pragma once

#include "streams/stream_url.hpp"

#include "core/result.hpp"
#include "core/time.hpp"
#include "media/sample.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <variant>

namespace aircheck::streams {

/// Ends what blocks on a stream's thread: at a time, or at once. From any thread.
class Interrupt {
public:
    void abandon() { is_abandoned_ = true; }
    [[nodiscard]] bool is_abandoned() const { return is_abandoned_; }
    /// What begins now has to be done at `at`.
    void set_deadline(Instant at) { deadline_ = at.time_since_epoch().count(); }
    /// Nothing goes on beyond `at`, whatever the deadline of the moment.
    void set_last_deadline(Instant at) { last_deadline_ = at.time_since_epoch().count(); }
    [[nodiscard]] bool is_due() const;

private:
    std::atomic<bool> is_abandoned_ = false;
    std::atomic<std::int64_t> deadline_ = INT64_MAX;
    std::atomic<std::int64_t> last_deadline_ = INT64_MAX;
};

/// A connection that blocks, on a thread of its own; every call ends when the interrupt is due.
/// Errors are libavformat's, with the words that it had for its log.
class Connection {
public:
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] virtual Result<> write(const media::EncodedSample& sample) = 0;
    /// Sends what waits and says goodbye.
    [[nodiscard]] virtual Result<> close() = 0;

protected:
    Connection() = default;
};

/// Connects to `address`, one of the host's. `interrupt` outlives the connection.
[[nodiscard]] Result<std::unique_ptr<Connection>> connect_rtmp(
    const RtmpUrl& url,
    const std::string& address,
    const media::StreamFormat& format,
    Interrupt& interrupt
);
[[nodiscard]] Result<std::unique_ptr<Connection>> connect_srt(
    const SrtUrl& url,
    const std::string& address,
    const media::StreamFormat& format,
    Interrupt& interrupt
);

}  // namespace aircheck::streams
