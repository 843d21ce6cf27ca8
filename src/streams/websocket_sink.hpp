#pragma once

#include "streams/sink.hpp"
#include "streams/sink_maker.hpp"

#include "core/time.hpp"
#include "net/loop.hpp"
#include "net/websocket.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace aircheck::streams {

/// Sound over a WebSocket, as livekit/egress sends it: signed 16 bit, little-endian, 48 kHz, two
/// channels, 20 ms a binary message; and a text message {"muted":true} or {"muted":false} where the
/// track was muted or unmuted. The upgrade says `Content-Type: audio/x-raw`; a ping goes out every
/// 30 s.
///
/// `format` is PCM of 48 kHz; one channel is sent as two. Up to five seconds wait for the server,
/// then the oldest sound is dropped. A server that takes nothing for 30 s has stalled. What the
/// server says is not listened to. Lives on the loop's thread.
class WebSocketSink final : public Sink {
public:
    struct Limits {
        Nanoseconds stalled_after = 30s;
        std::int64_t most_waiting = 5 * std::int64_t{48'000};  ///< Samples a channel.
        Nanoseconds ping_every = 30s;
    };

    WebSocketSink(
        net::Loop& loop,
        const SinkSettings& settings,
        Target target,
        const media::StreamFormat& format,
        Listener listener,
        Limits limits
    );
    ~WebSocketSink() override;

    void write(const media::EncodedSample& sample) override;
    void tell_muted(Muted muted) override;
    void close() override;

private:
    struct Message {
        Bytes bytes;
        std::int64_t samples = 0;  ///< 0: text.
    };

    void connect();
    void enqueue(Message message);
    void pump();
    void give(Message message);
    void fail_with(Error error, bool is_stalled);

    net::Loop& loop_;
    SinkSettings settings_;
    Target target_;
    std::uint16_t channels_;
    Listener listener_;
    Limits limits_;
    std::deque<Message> waiting_;
    std::int64_t waiting_samples_ = 0;
    std::size_t waiting_texts_ = 0;
    std::unique_ptr<net::WebSocket> socket_;
    net::Timer stall_;
    bool is_open_ = false;
    bool is_sending_ = false;  ///< The socket has not sent yet what it was given.
    bool has_sound_ = false;   ///< Among that.
    bool is_closing_ = false;
    bool is_over_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::streams
