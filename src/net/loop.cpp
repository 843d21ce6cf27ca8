#include "net/loop.hpp"

#include "core/log.hpp"
#include "net/loop_impl.hpp"
#include "net/thread_name.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>

#include <exception>
#include <utility>

namespace aircheck::net {

namespace asio = boost::asio;

void name_this_thread(const std::string& name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

Loop::Loop() : impl_(std::make_unique<Impl>(*this)) {}

Loop::~Loop() {
    // First, so that a task dropped with the context can no longer post here.
    impl_->gate->shut();
}

void Loop::run(const std::string& name) {
    name_this_thread(name);
    impl_->thread = std::this_thread::get_id();
    while (!impl_->context.stopped()) {
        try {
            impl_->context.run();
        } catch (const std::exception& error) {
            // A handler's exception must not take the other recordings of this thread with it.
            log::error("loop.exception", {{"loop", name}, {"what", error.what()}});
        }
    }
    impl_->context.restart();
    impl_->thread = std::thread::id{};
}

void Loop::stop() { impl_->context.stop(); }

void Loop::post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }

bool Loop::is_here() const {
    const auto owner = impl_->thread.load();
    return owner == std::thread::id{} || owner == std::this_thread::get_id();
}

/// `generation` tells an expiry that was already queued when the timer was cancelled from a valid
/// one.
struct Timer::Impl {
    explicit Impl(asio::io_context& context) : timer(context) {}
    asio::steady_timer timer;
    std::uint64_t generation = 0;
    std::function<void()> handler;
};

Timer::Timer(Loop& loop) : impl_(std::make_shared<Impl>(loop.impl().context)) {}
Timer::~Timer() { cancel(); }

void Timer::after(Nanoseconds delay, std::function<void()> handler) {
    const auto generation = ++impl_->generation;
    impl_->handler = std::move(handler);
    impl_->timer.expires_after(delay);
    impl_->timer.async_wait([impl = impl_, generation](const boost::system::error_code& error) {
        if (error || impl->generation != generation) return;
        // Moved out first: the handler may arm the timer again, or destroy it.
        const auto run = std::exchange(impl->handler, nullptr);
        if (run) run();
    });
}

void Timer::cancel() {
    ++impl_->generation;
    const auto dropped = std::exchange(impl_->handler, nullptr);
    impl_->timer.cancel();
}

struct SignalWatch::Impl : std::enable_shared_from_this<SignalWatch::Impl> {
    Impl(asio::io_context& context, std::function<void(int)> on_signal)
        : set(context), handler(std::move(on_signal)) {}

    void wait() {
        set.async_wait([self = shared_from_this()](const auto& error, int signal) {
            if (error || self->closed) return;
            self->wait();
            self->handler(signal);
        });
    }

    asio::signal_set set;
    std::function<void(int)> handler;
    bool closed = false;
};

SignalWatch::SignalWatch(
    Loop& loop, std::initializer_list<int> signals, std::function<void(int)> handler
)
    : impl_(std::make_shared<Impl>(loop.impl().context, std::move(handler))) {
    boost::system::error_code ignored;
    for (const int signal : signals) impl_->set.add(signal, ignored);
    impl_->wait();
}

SignalWatch::~SignalWatch() {
    impl_->closed = true;
    boost::system::error_code ignored;
    impl_->set.clear(ignored);
    impl_->set.cancel(ignored);
}

}  // namespace aircheck::net
