#pragma once

#include "streams/sink.hpp"

#include "core/log.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "recorder/job.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// All streams of one recording: each URL's state, from connecting to its result.
///
/// A stream that fails before its server took anything has failed for good. One that fails later is
/// connected to again, every second, for 30 s from the moment it broke off; it goes on with what is
/// mixed then, at the mix's time. A stalled one is given up (egress-survey 1.10). No stream's
/// failure is another's.
///
/// Sans-I/O: sinks do that, made by `make_sink`; time comes with each call. Lives on the
/// recording's thread.
class StreamSet {
public:
    struct Limits {
        Nanoseconds reconnect_for = 30s;  ///< From when a connection broke off.
        Nanoseconds retry_every = 1s;
        Nanoseconds close_within = 10s;  ///< A sink that is closed later than this is dropped.
        std::size_t most_at_once = 32;   ///< URLs that are not over.
        std::size_t most_in_all = 256;
    };
    struct Now {
        Instant instant;
        WallTime wall;
    };

    StreamSet(
        StreamOutput output, streams::MakeSink make_sink, log::RecordingLog log, Limits limits
    );
    StreamSet(StreamOutput output, streams::MakeSink make_sink, log::RecordingLog log);
    ~StreamSet();

    /// There is media, in this format: connects.
    void begin(media::StreamFormat format, Now now);
    void write(const media::EncodedSample& sample);
    /// The one track that is heard was muted, or unmuted, after the last sample. A connection that
    /// is made later begins with it.
    void tell_muted(streams::Muted muted);
    /// Time has passed: what sinks told takes effect here. True when a result changed.
    [[nodiscard]] bool tick(Now now);
    /// Adds, then removes; all of it or nothing. Errc::NotFound, InvalidArgument or AlreadyExists
    /// name the URL, without its key.
    [[nodiscard]] Result<> update(const StreamUpdate& update, Now now);
    /// The recording ends: all that is connected is closed, as finished, or as failed where `error`
    /// says why. tick() goes on until is_over().
    void finish(Now now, const std::string& error);

    /// One for each URL there was, in the order of coming.
    [[nodiscard]] const std::vector<StreamResult>& results() const { return results_; }
    /// No URL is left that is sent to, or may be again, though there were some.
    [[nodiscard]] bool is_spent() const;
    /// Of the last one that failed, if it was the last of all to end; "" when it was removed.
    [[nodiscard]] const std::string& last_error() const { return last_error_; }
    /// After finish(): nothing is being closed any more.
    [[nodiscard]] bool is_over() const;

private:
    struct Stream;

    void add(streams::Target target, Now now);
    void connect(Stream& stream, Now now);
    void retry(Stream& stream, Now now);
    void end(Stream& stream, Now now, StreamResult::State state, std::string error);
    void close(Stream& stream, Now now);
    void take_news(Stream& stream, Now now);
    [[nodiscard]] Stream* find(const std::string& url);
    [[nodiscard]] StreamResult& result_of(const Stream& stream);

    StreamOutput output_;
    streams::MakeSink make_sink_;
    log::RecordingLog log_;
    Limits limits_;
    std::optional<media::StreamFormat> format_;  ///< Once begun.
    std::vector<std::unique_ptr<Stream>> streams_;
    std::vector<StreamResult> results_;
    streams::Muted muted_ = streams::Muted::No;
    std::string last_error_;
    bool has_changed_ = false;
};

}  // namespace aircheck::recorder
