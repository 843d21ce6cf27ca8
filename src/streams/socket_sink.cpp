#include "streams/socket_sink.hpp"

#include "streams/twitch.hpp"
#include "streams/websocket_sink.hpp"

#include "net/address.hpp"
#include "net/socket.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::streams {
namespace {

constexpr std::int64_t kMostWaitingSeconds = 5;
constexpr Nanoseconds kStalledAfter = 30s;
constexpr Nanoseconds kAddressTime = 10s;  ///< While other addresses are left.
constexpr Nanoseconds kClosingTime = 3s;
/// This much the server has to take before it counts (egress-survey 1.10).
constexpr std::size_t kProgressBytes = 4096;
constexpr std::string_view kTwitch = "twitch://";

/// Where a URL leads, whatever its protocol.
struct Place {
    std::string host;
    std::variant<RtmpUrl, SrtUrl> url;
};

Result<Place> place_of(const std::string& url, Protocol protocol) {
    if (protocol == Protocol::Srt) {
        AC_TRY(auto srt, SrtUrl::parse(url));
        std::string host = srt.host;
        return Place{std::move(host), std::move(srt)};
    }
    AC_TRY(auto rtmp, RtmpUrl::parse(url));
    std::string host = rtmp.host;
    return Place{std::move(host), std::move(rtmp)};
}

Result<std::unique_ptr<Connection>> connect_to(
    const Place& place,
    const std::string& address,
    const media::StreamFormat& format,
    Interrupt& interrupt
) {
    if (const auto* rtmp = std::get_if<RtmpUrl>(&place.url)) {
        return connect_rtmp(*rtmp, address, format, interrupt);
    }
    return connect_srt(std::get<SrtUrl>(place.url), address, format, interrupt);
}

/// The first address that takes it; the last one's error.
Result<std::unique_ptr<Connection>> connect_to_any(
    const Place& place,
    const std::vector<std::string>& addresses,
    const media::StreamFormat& format,
    Interrupt& interrupt
) {
    Result<std::unique_ptr<Connection>> connection = fail(Errc::NotFound, "no address");
    for (std::size_t i = 0; i < addresses.size() && !interrupt.is_abandoned(); ++i) {
        const bool is_last = i + 1 == addresses.size();
        interrupt.set_deadline(monotonic_now() + (is_last ? kStalledAfter : kAddressTime));
        connection = connect_to(place, addresses[i], format, interrupt);
        if (connection) return connection;
    }
    return connection;
}

Sink::Listener::Failure failure_of(Error error) {
    if (error.code != Errc::Timeout) return {std::move(error), false};
    return {Error{make_error_code(Errc::Timeout), "no progress for 30 s"}, true};
}

}  // namespace

class SocketSink::Post {
public:
    explicit Post(SocketSink& sink)
        : loop_(sink.context_.loop), sink_(&sink), alive_(sink.alive_) {}

    void operator()(std::function<void(SocketSink& sink)> task) const {
        loop_.post([sink = sink_, alive = alive_, task = std::move(task)] {
            if (!alive.expired()) task(*sink);
        });
    }

private:
    net::Loop& loop_;
    SocketSink* sink_;
    std::weak_ptr<bool> alive_;
};

SocketSink::SocketSink(
    Context context, Target target, media::StreamFormat format, Listener listener
)
    : context_(std::move(context)),
      target_(std::move(target)),
      format_(std::move(format)),
      listener_(std::move(listener)) {
    // The listener hears nothing from inside a call.
    context_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) expand();
    });
}

SocketSink::~SocketSink() {
    shared_->interrupt.abandon();
    const std::lock_guard lock(shared_->mutex);
    shared_->is_closing = true;
    shared_->changed.notify_all();
}

void SocketSink::tell_failed(Error error) {
    if (std::exchange(is_over_, true)) return;
    auto failure = failure_of(std::move(error));
    failure.error.context = without_secrets(std::move(failure.error.context), target_.url);
    listener_.on_failed(std::move(failure));
}

void SocketSink::tell_closed() {
    if (!std::exchange(is_over_, true)) listener_.on_closed();
}

void SocketSink::run_on_thread(std::function<void(const Post& post, Shared& shared)> job) {
    auto started =
        context_.threads.run([job = std::move(job), post = Post(*this), shared = shared_] {
            job(post, *shared);
        });
    if (!started) tell_failed(std::move(started.error()));
}

void SocketSink::expand() {
    if (is_over_) return;
    if (!target_.url.starts_with(kTwitch)) return resolve(target_.url);
    run_on_thread([key = target_.url.substr(kTwitch.size()),
                   &http = context_.http](const Post& post, Shared&) {
        auto url = twitch_url(http, std::string(kTwitchIngests), key);
        post([url = std::move(url)](SocketSink& sink) {
            if (sink.is_over_) return;
            if (!url) return sink.tell_failed(url.error());
            sink.resolve(*url);
        });
    });
}

void SocketSink::resolve(std::string url) {
    const auto place = place_of(url, context_.settings.protocol);
    if (!place) return tell_failed(place.error());
    net::resolve(
        context_.loop,
        place->host,
        [this, alive = std::weak_ptr<bool>(alive_), url = std::move(url)](auto addresses) {
            if (!alive.expired() && !is_over_) on_addresses(url, addresses);
        }
    );
}

/// Those that a request may reach; connected to is what was judged.
void SocketSink::on_addresses(
    const std::string& url, const Result<std::vector<std::string>>& addresses
) {
    if (!addresses) return tell_failed(addresses.error());
    auto place = place_of(url, context_.settings.protocol);
    std::vector<std::string> allowed;
    std::string refusal = place->host + ": no address";
    for (const std::string& address : *addresses) {
        const auto socket_address = net::to_socket_address({address, 0});
        if (!socket_address) continue;
        std::string why =
            net::refusal_of(*socket_address->get(), context_.settings.allow, place->host);
        if (why.empty()) {
            allowed.push_back(address);
        } else {
            refusal = std::move(why);
        }
    }
    if (allowed.empty()) {
        return tell_failed(Error{make_error_code(Errc::PermissionDenied), std::move(refusal)});
    }
    run_on_thread([place = *std::move(place),
                   allowed = std::move(allowed),
                   format = format_](const Post& post, Shared& shared) {
        auto connection = connect_to_any(place, allowed, format, shared.interrupt);
        shared.is_connected = connection.has_value();
        Result<> outcome;
        if (connection) {
            outcome = send_all(**connection, post, shared);
            connection->reset();
        } else {
            outcome = tl::unexpected(connection.error());
        }
        if (!outcome && shared.interrupt.is_due()) outcome.error().code = Errc::Timeout;
        post([outcome = std::move(outcome)](SocketSink& sink) {
            if (outcome) return sink.tell_closed();
            sink.tell_failed(outcome.error());
        });
    });
}

/// On the connection's thread: what comes, until it is closed.
Result<> SocketSink::send_all(Connection& connection, const Post& post, Shared& shared) {
    std::size_t taken = 0;
    for (;;) {
        media::EncodedSample sample;
        {
            std::unique_lock lock(shared.mutex);
            shared.changed.wait(lock, [&shared] {
                return shared.is_closing || !shared.waiting.empty();
            });
            if (shared.waiting.empty() || shared.interrupt.is_abandoned()) break;
            sample = std::move(shared.waiting.front());
            shared.waiting.pop_front();
            shared.waiting_samples -= sample.duration;
        }
        shared.interrupt.set_deadline(monotonic_now() + kStalledAfter);
        AC_CHECK_OK(connection.write(sample));
        const bool was_proven = taken >= kProgressBytes;
        taken += sample.data.size();
        if (was_proven || taken < kProgressBytes) continue;
        post([](SocketSink& sink) {
            if (!sink.is_over_) sink.listener_.on_progress();
        });
    }
    static_cast<void>(connection.close());  // All that matters was sent, or is lost.
    return {};
}

void SocketSink::write(const media::EncodedSample& sample) {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back(sample);
    shared_->waiting_samples += sample.duration;
    const std::int64_t most = kMostWaitingSeconds * format_.sample_rate_hz;
    while (shared_->waiting_samples > most && shared_->waiting.size() > 1) {
        shared_->waiting_samples -= shared_->waiting.front().duration;
        shared_->waiting.pop_front();
    }
    shared_->changed.notify_all();
}

void SocketSink::close() {
    shared_->interrupt.set_last_deadline(monotonic_now() + kClosingTime);
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->is_closing = true;
        shared_->changed.notify_all();
    }
    if (shared_->is_connected) return;
    shared_->interrupt.abandon();  // Nobody is there to be told.
    const Post post(*this);
    post([](SocketSink& sink) { sink.tell_closed(); });
}

MakeSink sink_maker(
    net::Loop& loop, Threads& threads, net::HttpClient& http, SinkSettings settings
) {
    return [&loop, &threads, &http, settings = std::move(settings)](
               const Target& target, const media::StreamFormat& format, Sink::Listener listener
           ) -> std::unique_ptr<Sink> {
        if (settings.protocol == Protocol::WebSocket) {
            return std::make_unique<WebSocketSink>(
                loop, settings, target, format, std::move(listener), WebSocketSink::Limits{}
            );
        }
        return std::make_unique<SocketSink>(
            SocketSink::Context{loop, threads, http, settings}, target, format, std::move(listener)
        );
    };
}

}  // namespace aircheck::streams
