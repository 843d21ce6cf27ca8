#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "storage/upload.hpp"

#include <functional>
#include <memory>
#include <string>

namespace aircheck::recorder {

/// Brings one output to its destination from a pool thread, one step at a time, and tries again
/// with growing pauses when that fails. Called on the recording's loop; results come back there.
class UploadTask {
public:
    /// How a failed step is tried again: after `first_pause`, then after twice the pause before.
    struct Patience {
        Nanoseconds completing = std::chrono::hours(1);  ///< From its first failure.
        Nanoseconds first_pause = 1s;
        Nanoseconds longest_pause = 60s;
    };
    struct Options {
        storage::Destination destination;
        storage::UploadSpec spec;
        Nanoseconds patience = Patience().completing;
        /// A file that holds UploadSession::checkpoint() while there is something to go on with;
        /// "": none.
        std::string checkpoint_path{};
    };
    using OnDone = std::function<void(Result<storage::StoredObject> stored)>;
    /// A try failed and another follows after `pause`.
    using OnTrouble = std::function<void(const Error& error, Nanoseconds pause)>;

    /// `pool` and `http` outlive the task. Errors: settings of the destination that are impossible.
    [[nodiscard]] static Result<std::unique_ptr<UploadTask>> create(
        net::Loop& home,
        net::Pool& pool,
        net::HttpClient& http,
        Options options,
        OnTrouble on_trouble
    );
    /// The same for a session that is there already.
    [[nodiscard]] static std::unique_ptr<UploadTask> start(
        net::Loop& home,
        net::Pool& pool,
        std::unique_ptr<storage::UploadSession> session,
        const Patience& patience,
        OnTrouble on_trouble,
        std::string checkpoint_path = {}
    );
    /// Steps under way finish on the pool; nothing is reported any more.
    ~UploadTask();

    /// The body in the spool file has `body_bytes` bytes: sends whole parts.
    void grown(std::uint64_t body_bytes);
    /// The body is whole and `head` goes before it. `on_done` once.
    void complete(Bytes head, std::uint64_t body_bytes, OnDone on_done);
    /// Takes back what was sent, after the step under way; nothing is reported.
    void abandon();

    [[nodiscard]] std::uint64_t sent_bytes() const;

private:
    struct Impl;
    explicit UploadTask(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// LiveKit's number for an upload that failed: 400 for what the owner has to mend, 503 for the
/// rest.
[[nodiscard]] int code_of_upload(const Error& error);

}  // namespace aircheck::recorder
