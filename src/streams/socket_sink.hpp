#pragma once

#include "streams/connection.hpp"
#include "streams/sink.hpp"
#include "streams/sink_maker.hpp"

#include "core/time.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aircheck::streams {

/// A sink whose connection lives on a thread of its own: resolves the host, judges its addresses,
/// connects to them in turn, and writes what the recording gives.
///
/// Up to five seconds of media wait for the server, then the oldest are dropped. What goes nowhere
/// for 30 s, connecting too, has stalled.
class SocketSink final : public Sink {
public:
    struct Context {
        net::Loop& loop;
        Threads& threads;
        net::HttpClient& http;
        SinkSettings settings;
    };

    SocketSink(Context context, Target target, media::StreamFormat format, Listener listener);
    ~SocketSink() override;

    void write(const media::EncodedSample& sample) override;
    void close() override;

private:
    /// What the loop and the connection's thread share.
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<media::EncodedSample> waiting;
        std::int64_t waiting_samples = 0;
        bool is_closing = false;
        std::atomic<bool> is_connected = false;
        Interrupt interrupt;
    };
    /// Posts to the listener, while the sink is.
    class Post;

    void expand();
    void resolve(std::string url);
    void on_addresses(const std::string& url, const Result<std::vector<std::string>>& addresses);
    [[nodiscard]] static Result<> send_all(
        Connection& connection, const Post& post, Shared& shared
    );
    void run_on_thread(std::function<void(const Post& post, Shared& shared)> job);
    void tell_failed(Error error);
    void tell_closed();

    Context context_;
    Target target_;
    media::StreamFormat format_;
    Listener listener_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    bool is_over_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::streams
