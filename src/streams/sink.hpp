#pragma once

#include "core/result.hpp"
#include "media/sample.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::streams {

enum class Protocol {
    Rtmp,       ///< RTMP or RTMPS, FLV with AAC.
    Srt,        ///< MPEG-TS with AAC.
    WebSocket,  ///< PCM.
};

enum class Muted : std::uint8_t { No, Yes };

/// A server that gets a stream, as a request names it.
struct Target {
    std::string url;    ///< With its key: never to be logged, told or kept.
    std::string shown;  ///< The same for logs and answers, without secrets.
    std::string id;     ///< The caller's own word for it, or "".
};

/// One connection to one server, for as long as it holds. Made by a factory, it begins to connect
/// at once, on whatever thread it likes; its methods and its listener's are called on the
/// recording's loop.
///
/// Samples that the server does not take in time are dropped, the oldest first, so that memory is
/// bounded and nobody waits: a stream is live. Nothing is sent again on another connection.
class Sink {
public:
    /// What a sink tells; never from inside a call to it.
    struct Listener {
        /// The server takes it: it confirmed the stream, and some seconds of it are on their way.
        std::function<void()> on_progress;
        struct Failure {
            Error error;  ///< Without secrets, as `shown` is.
            /// Nothing went for so long that there is no hope: not to be tried again.
            bool is_stalled = false;
        };
        /// The end, by itself; nothing follows.
        std::function<void(Failure failure)> on_failed;
        /// The end after close(); nothing follows.
        std::function<void()> on_closed;
    };

    /// Abandons what goes on, without waiting; the listener hears nothing any more.
    virtual ~Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;

    virtual void write(const media::EncodedSample& sample) = 0;
    /// The one track that is heard was muted, or unmuted, after the last sample; for protocols that
    /// can tell it.
    virtual void tell_muted(Muted /*muted*/) {}
    /// No sample follows; what waits is sent, and the server told. Bounded to some seconds, by the
    /// sink itself.
    virtual void close() = 0;

protected:
    Sink() = default;
};

/// Makes the sink of one connection to `target`.
using MakeSink = std::function<std::unique_ptr<Sink>(
    const Target& target, const media::StreamFormat& format, Sink::Listener listener
)>;

}  // namespace aircheck::streams
