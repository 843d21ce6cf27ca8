#include "recorder/upload_task.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

namespace aircheck::recorder {
namespace {

/// A refusal (wrong key, no bucket) is no passing trouble, but may be a slip of the store.
constexpr int kTriesOfRefusal = 3;

/// A checkpoint that is not kept costs a second sending, after a crash.
void keep_checkpoint(const std::string& path, const std::string& text) {
    const std::string next = path + ".next";
    std::error_code ignored;
    {
        std::ofstream file(next, std::ios::binary | std::ios::trunc);
        file << text;
        if (!file.flush()) return;
    }
    std::filesystem::rename(next, path, ignored);
}

bool is_passing(const Error& error) {
    return error.code != Errc::PermissionDenied && error.code != Errc::NotFound &&
           error.code != Errc::InvalidArgument;
}

}  // namespace

int code_of_upload(const Error& error) { return is_passing(error) ? 503 : 400; }

/// Everything but `sent`, `session` and `kept` belongs to the home loop; the latter two to whoever
/// runs a step, and steps run one at a time.
struct UploadTask::Impl : std::enable_shared_from_this<UploadTask::Impl> {
    Impl(net::Loop& loop, net::Pool& workers, const Patience& limits, OnTrouble trouble)
        : home(loop), pool(workers), patience(limits), on_trouble(std::move(trouble)) {}

    struct Ending {
        Bytes head;
        std::uint64_t body_bytes = 0;
        OnDone on_done;
    };

    /// Starts the next step, unless one runs or a pause lasts.
    void next() {
        if (running || closed || paused) return;
        if (ending) {
            running = true;
            run_complete();
        } else if (body_bytes > advanced) {
            running = true;
            run_advance(body_bytes);
        }
    }

    void run_advance(std::uint64_t bytes) {
        pool.run([self = shared_from_this(), bytes]() mutable {
            auto result = self->session->advance(bytes);
            self->sent = self->session->sent_bytes();
            self->keep();
            net::Loop& loop = self->home;  // The last reference goes home: a timer hangs on it.
            loop.post([self = std::move(self), bytes, result = std::move(result)] {
                self->running = false;
                if (self->abandoned) return self->run_abort();
                if (result) {
                    self->advanced = bytes;
                    self->tries = 0;
                    self->next();
                } else {
                    self->pause(result.error());
                }
            });
        });
    }

    void run_complete() {
        pool.run([self = shared_from_this()]() mutable {
            auto stored = self->session->complete(self->ending->head, self->ending->body_bytes);
            self->sent = self->session->sent_bytes();
            net::Loop& loop = self->home;
            loop.post([self = std::move(self), stored = std::move(stored)]() mutable {
                self->running = false;
                if (self->abandoned) return self->run_abort();
                if (self->closed) return;
                if (!stored && self->may_retry(stored.error())) {
                    self->pause(stored.error());
                    return;
                }
                self->closed = true;
                const OnDone on_done = std::move(self->ending->on_done);
                on_done(std::move(stored));
            });
        });
    }

    void run_abort() {
        pool.run([self = shared_from_this()]() mutable {
            // What was sent costs money until it is taken back; a store that cannot be asked now is
            // left to the bucket's own rule for abandoned uploads.
            static_cast<void>(self->session->abort());
            net::Loop& loop = self->home;
            loop.post([self = std::move(self)] {});
        });
    }

    /// On the thread of a step.
    void keep() {
        if (checkpoint_path.empty()) return;
        std::string now = session->checkpoint();
        if (now == kept) return;
        keep_checkpoint(checkpoint_path, now);
        kept = std::move(now);
    }

    bool may_retry(const Error& error) {
        const Instant now = monotonic_now();
        if (!failing_since) failing_since = now;
        if (!is_passing(error)) return tries + 1 < kTriesOfRefusal;
        return now - *failing_since < patience.completing;
    }

    void pause(const Error& error) {
        if (closed) return;
        const Nanoseconds grown = patience.first_pause * (1 << std::min(tries, 6));
        const Nanoseconds wait = std::min(grown, patience.longest_pause);
        ++tries;
        if (on_trouble) on_trouble(error, wait);
        paused = true;
        timer.after(wait, [self = shared_from_this()] {
            self->paused = false;
            self->next();
        });
    }

    net::Loop& home;
    net::Pool& pool;
    Patience patience;
    OnTrouble on_trouble;
    std::unique_ptr<storage::UploadSession> session;
    std::string checkpoint_path;
    std::string kept;  ///< What that file holds, as far as this task wrote it.
    std::atomic<std::uint64_t> sent{0};
    std::uint64_t body_bytes = 0;
    std::uint64_t advanced = 0;
    std::optional<Ending> ending;
    std::optional<Instant> failing_since;
    net::Timer timer{home};
    int tries = 0;
    bool running = false;
    bool paused = false;
    bool closed = false;
    bool abandoned = false;
};

Result<std::unique_ptr<UploadTask>> UploadTask::create(
    net::Loop& home, net::Pool& pool, net::HttpClient& http, Options options, OnTrouble on_trouble
) {
    AC_TRY(auto session, storage::UploadSession::create(options.destination, options.spec, http));
    Patience patience;
    patience.completing = options.patience;
    return start(
        home,
        pool,
        std::move(session),
        patience,
        std::move(on_trouble),
        std::move(options.checkpoint_path)
    );
}

std::unique_ptr<UploadTask> UploadTask::start(
    net::Loop& home,
    net::Pool& pool,
    std::unique_ptr<storage::UploadSession> session,
    const Patience& patience,
    OnTrouble on_trouble,
    std::string checkpoint_path
) {
    auto impl = std::make_shared<Impl>(home, pool, patience, std::move(on_trouble));
    impl->session = std::move(session);
    impl->checkpoint_path = std::move(checkpoint_path);
    return std::unique_ptr<UploadTask>(new UploadTask(std::move(impl)));
}

UploadTask::UploadTask(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

UploadTask::~UploadTask() {
    impl_->closed = true;
    impl_->on_trouble = nullptr;
    impl_->timer.cancel();
}

void UploadTask::grown(std::uint64_t body_bytes) {
    impl_->body_bytes = std::max(impl_->body_bytes, body_bytes);
    impl_->next();
}

void UploadTask::complete(Bytes head, std::uint64_t body_bytes, OnDone on_done) {
    impl_->ending = Impl::Ending{std::move(head), body_bytes, std::move(on_done)};
    impl_->tries = 0;
    impl_->failing_since.reset();
    if (impl_->paused) {  // What failed while recording is worth a try now.
        impl_->timer.cancel();
        impl_->paused = false;
    }
    impl_->next();
}

void UploadTask::abandon() {
    if (impl_->closed) return;
    impl_->closed = true;
    impl_->abandoned = true;
    impl_->timer.cancel();
    if (!impl_->running) impl_->run_abort();
}

std::uint64_t UploadTask::sent_bytes() const { return impl_->sent; }

}  // namespace aircheck::recorder
