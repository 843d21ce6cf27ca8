#include "streams/websocket_sink.hpp"

#include "streams/stream_url.hpp"

#include "net/address.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::streams {
namespace {

/// What the socket is given at once: half a second.
constexpr std::size_t kMostAtOnce = 25;
/// News of mutes that wait with the sound; who toggles more often than that loses the oldest.
constexpr std::size_t kMostTexts = 64;
constexpr std::size_t kMostHeard = 64 * 1024;

/// Of [frames] 16-bit samples, each twice.
Bytes doubled(const Bytes& mono) {
    Bytes stereo(mono.size() / 2 * 4);
    for (std::size_t i = 0; i + 1 < mono.size(); i += 2) {
        stereo[2 * i] = stereo[2 * i + 2] = mono[i];
        stereo[2 * i + 1] = stereo[2 * i + 3] = mono[i + 1];
    }
    return stereo;
}

std::string refusal(
    const net::Endpoint& address, const std::vector<std::string>& allow, const std::string& host
) {
    const auto socket_address = net::to_socket_address(address);
    if (!socket_address) return address.address + " is no address";
    return net::refusal_of(*socket_address->get(), allow, host);
}

}  // namespace

WebSocketSink::WebSocketSink(
    net::Loop& loop,
    const SinkSettings& settings,
    Target target,
    const media::StreamFormat& format,
    Listener listener,
    Limits limits
)
    : loop_(loop),
      settings_(settings),
      target_(std::move(target)),
      channels_(format.channels),
      listener_(std::move(listener)),
      limits_(limits),
      stall_(loop) {
    // The listener hears nothing from inside a call.
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired() && !is_over_ && !is_closing_) connect();
    });
}

WebSocketSink::~WebSocketSink() = default;

void WebSocketSink::connect() {
    const auto url = net::Url::parse(target_.url);
    if (!url) return fail_with(url.error(), false);
    net::WebSocket::Options options;
    options.headers.set("Content-Type", "audio/x-raw");
    options.max_message_bytes = kMostHeard;
    options.ca_file = settings_.ca_file;
    options.ping_every = std::chrono::duration_cast<std::chrono::seconds>(limits_.ping_every);
    options.refusal = [allow = settings_.allow, host = url->host](const net::Endpoint& address) {
        return refusal(address, allow, host);
    };
    net::WebSocket::Handlers handlers;
    handlers.open = [this](const auto&, const auto&, const auto&) {
        is_open_ = true;
        pump();
    };
    handlers.sent = [this] {
        stall_.cancel();
        is_sending_ = false;
        if (std::exchange(has_sound_, false) && !is_over_) listener_.on_progress();
        pump();
    };
    handlers.closed = [this](net::WebSocket::Failure failure) {
        is_open_ = false;
        if (!is_closing_) return fail_with(std::move(failure.error), false);
        if (std::exchange(is_over_, true)) return;
        listener_.on_closed();
    };
    socket_ = net::WebSocket::connect(loop_, *url, std::move(options), std::move(handlers));
}

void WebSocketSink::fail_with(Error error, bool is_stalled) {
    if (std::exchange(is_over_, true)) return;
    stall_.cancel();
    error.context = without_secrets(std::move(error.context), target_.url);
    listener_.on_failed({std::move(error), is_stalled});
}

void WebSocketSink::enqueue(Message message) {
    if (is_over_ || is_closing_) return;
    waiting_samples_ += message.samples;
    if (message.samples == 0) ++waiting_texts_;
    waiting_.push_back(std::move(message));
    const auto drop_oldest = [this](auto is_such) {
        const auto oldest = std::find_if(waiting_.begin(), waiting_.end(), is_such);
        if (oldest == waiting_.end()) return;
        waiting_samples_ -= oldest->samples;
        if (oldest->samples == 0) --waiting_texts_;
        waiting_.erase(oldest);
    };
    while (waiting_samples_ > limits_.most_waiting) {
        drop_oldest([](const Message& each) { return each.samples > 0; });
    }
    while (waiting_texts_ > kMostTexts) {
        drop_oldest([](const Message& each) { return each.samples == 0; });
    }
    pump();
}

void WebSocketSink::write(const media::EncodedSample& sample) {
    enqueue({channels_ == 1 ? doubled(sample.data) : sample.data, sample.duration});
}

void WebSocketSink::tell_muted(Muted muted) {
    const std::string_view text = muted == Muted::Yes ? R"({"muted":true})" : R"({"muted":false})";
    enqueue({Bytes(text.begin(), text.end()), 0});
}

void WebSocketSink::give(Message message) {
    waiting_samples_ -= message.samples;
    if (message.samples == 0) --waiting_texts_;
    if (message.samples > 0) {
        has_sound_ = true;
        socket_->send_binary(std::move(message.bytes));
    } else {
        socket_->send_text(std::string(as_text(message.bytes)));
    }
}

void WebSocketSink::pump() {
    if (!is_open_ || is_sending_ || waiting_.empty() || is_over_ || is_closing_) return;
    is_sending_ = true;
    stall_.after(limits_.stalled_after, [this] {
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(limits_.stalled_after);
        fail_with(
            {make_error_code(Errc::Timeout),
             "the server took nothing for " + std::to_string(seconds.count()) + " s"},
            true
        );
    });
    for (std::size_t i = 0; i < kMostAtOnce && !waiting_.empty(); ++i) {
        Message next = std::move(waiting_.front());
        waiting_.pop_front();
        give(std::move(next));
    }
}

void WebSocketSink::close() {
    if (is_over_ || std::exchange(is_closing_, true)) return;
    if (socket_) {
        if (is_open_) {
            for (Message& message : std::exchange(waiting_, {})) give(std::move(message));
        }
        return socket_->close();
    }
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired() && !std::exchange(is_over_, true)) listener_.on_closed();
    });
}

}  // namespace aircheck::streams
