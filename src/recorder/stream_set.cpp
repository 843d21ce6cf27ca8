#include "recorder/stream_set.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {

/// One URL that is not over yet.
struct StreamSet::Stream {
    streams::Target target;
    std::size_t result = 0;               ///< Its place in `results_`.
    std::unique_ptr<streams::Sink> sink;  ///< None between two tries.
    bool is_closing = false;              ///< Its result stands.
    bool is_proven = false;               ///< The server has taken something, on any connection.
    std::optional<Instant> broken_since;  ///< Until it is proven anew.
    std::optional<Instant> retry_at;
    Instant close_by;
    // What the sink told since the last tick.
    struct News {
        bool has_progress = false;
        bool is_closed = false;
        std::optional<streams::Sink::Listener::Failure> failure;
    };
    std::shared_ptr<News> news;  ///< Each sink has its own, so that a former one says nothing.
};

StreamSet::StreamSet(
    StreamOutput output, streams::MakeSink make_sink, log::RecordingLog log, Limits limits
)
    : output_(std::move(output)),
      make_sink_(std::move(make_sink)),
      log_(std::move(log)),
      limits_(limits) {
    for (streams::Target& target : output_.targets) add(std::move(target), {});
    output_.targets.clear();
}

StreamSet::StreamSet(StreamOutput output, streams::MakeSink make_sink, log::RecordingLog log)
    : StreamSet(std::move(output), std::move(make_sink), std::move(log), Limits()) {}

StreamSet::~StreamSet() = default;

StreamResult& StreamSet::result_of(const Stream& stream) { return results_[stream.result]; }

void StreamSet::add(streams::Target target, Now now) {
    StreamResult result;
    result.url = target.shown;
    result.id = target.id;
    auto stream = std::make_unique<Stream>();
    stream->target = std::move(target);
    stream->result = results_.size();
    results_.push_back(std::move(result));
    streams_.push_back(std::move(stream));
    has_changed_ = true;
    if (!format_) return;
    connect(*streams_.back(), now);
}

void StreamSet::begin(media::StreamFormat format, Now now) {
    format_ = std::move(format);
    for (const auto& stream : streams_) connect(*stream, now);
    has_changed_ = has_changed_ || !streams_.empty();
}

void StreamSet::connect(Stream& stream, Now now) {
    StreamResult& result = result_of(stream);
    if (!result.started_at) result.started_at = now.wall;
    stream.retry_at.reset();
    stream.news = std::make_shared<Stream::News>();
    streams::Sink::Listener listener;
    listener.on_progress = [news = stream.news] { news->has_progress = true; };
    listener.on_failed = [news = stream.news](auto failure) { news->failure = std::move(failure); };
    listener.on_closed = [news = stream.news] { news->is_closed = true; };
    stream.sink = make_sink_(stream.target, *format_, std::move(listener));
    if (muted_ == streams::Muted::Yes) stream.sink->tell_muted(muted_);
    log_.info("stream.connecting", {{"url", result.url}, {"retries", result.retries}});
}

void StreamSet::write(const media::EncodedSample& sample) {
    for (const auto& stream : streams_) {
        if (stream->sink && !stream->is_closing) stream->sink->write(sample);
    }
}

void StreamSet::tell_muted(streams::Muted muted) {
    muted_ = muted;
    for (const auto& stream : streams_) {
        if (stream->sink && !stream->is_closing) stream->sink->tell_muted(muted);
    }
}

bool StreamSet::tick(Now now) {
    for (const auto& stream : streams_) {
        take_news(*stream, now);
        const bool is_late = stream->is_closing && now.instant >= stream->close_by;
        if (is_late) stream->sink.reset();
        if (stream->retry_at && now.instant >= *stream->retry_at) retry(*stream, now);
    }
    std::erase_if(streams_, [](const auto& stream) { return stream->is_closing && !stream->sink; });
    return std::exchange(has_changed_, false);
}

void StreamSet::take_news(Stream& stream, Now now) {
    if (!stream.sink) return;
    const Stream::News news = std::exchange(*stream.news, {});
    if (stream.is_closing) {
        if (news.is_closed || news.failure) stream.sink.reset();
        return;
    }
    if (news.has_progress) {
        if (stream.broken_since) log_.info("stream.back", {{"url", result_of(stream).url}});
        stream.is_proven = true;
        stream.broken_since.reset();
    }
    if (!news.failure) return;
    stream.sink.reset();
    const std::string words = news.failure->error.context;  // A code adds nothing to them.
    if (!stream.broken_since) stream.broken_since = now.instant;
    const bool in_time =
        now.instant + limits_.retry_every < *stream.broken_since + limits_.reconnect_for;
    if (!stream.is_proven || news.failure->is_stalled || !in_time) {
        end(stream, now, StreamResult::State::Failed, words);
        return;
    }
    log_.warn("stream.interrupted", {{"url", result_of(stream).url}, {"error", words}});
    stream.retry_at = now.instant + limits_.retry_every;
}

void StreamSet::retry(Stream& stream, Now now) {
    StreamResult& result = result_of(stream);
    ++result.retries;
    result.last_retry_at = now.wall;
    has_changed_ = true;
    connect(stream, now);
}

/// Its result stands from here on; what is open of it is closed.
void StreamSet::end(Stream& stream, Now now, StreamResult::State state, std::string error) {
    StreamResult& result = result_of(stream);
    result.state = state;
    result.error = std::move(error);
    if (!result.started_at) result.started_at = now.wall;
    result.ended_at = now.wall;
    has_changed_ = true;
    last_error_ = result.error.empty() ? "" : result.url + ": " + result.error;
    const auto fields = {
        log::Field("url", result.url),
        log::Field("retries", result.retries),
        log::Field("error", result.error)};
    if (state == StreamResult::State::Failed) {
        log_.error("stream.failed", fields);
    } else {
        log_.info("stream.finished", fields);
    }
    close(stream, now);
}

void StreamSet::close(Stream& stream, Now now) {
    stream.is_closing = true;
    stream.retry_at.reset();
    stream.close_by = now.instant + limits_.close_within;
    if (stream.sink) stream.sink->close();
}

StreamSet::Stream* StreamSet::find(const std::string& url) {
    for (const auto& stream : streams_) {
        if (!stream->is_closing && stream->target.url == url) return stream.get();
    }
    return nullptr;
}

Result<> StreamSet::update(const StreamUpdate& update, Now now) {
    std::vector<std::string> added;
    for (const streams::Target& target : update.add) {
        if (find(target.url) != nullptr || std::ranges::find(added, target.url) != added.end()) {
            return fail(Errc::AlreadyExists, "stream " + target.shown + " is there already");
        }
        added.push_back(target.url);
    }
    for (const streams::Target& target : update.remove) {
        if (find(target.url) == nullptr && std::ranges::find(added, target.url) == added.end()) {
            return fail(Errc::NotFound, "stream " + target.shown + " not found");
        }
    }
    const auto active = static_cast<std::size_t>(
        std::ranges::count_if(streams_, [](const auto& stream) { return !stream->is_closing; })
    );
    if (active + added.size() > limits_.most_at_once ||
        results_.size() + added.size() > limits_.most_in_all) {
        return fail(
            Errc::InvalidArgument,
            "add_output_urls: an egress has at most " + std::to_string(limits_.most_at_once) +
                " streams at a time, " + std::to_string(limits_.most_in_all) + " in all"
        );
    }
    for (const streams::Target& target : update.add) add(target, now);
    for (const streams::Target& target : update.remove) {
        // The same URL twice in the list is removed once.
        if (Stream* stream = find(target.url)) end(*stream, now, StreamResult::State::Finished, "");
    }
    return {};
}

void StreamSet::finish(Now now, const std::string& error) {
    using State = StreamResult::State;
    for (const auto& stream : streams_) {
        if (stream->is_closing) continue;
        end(*stream, now, error.empty() ? State::Finished : State::Failed, error);
    }
}

bool StreamSet::is_spent() const {
    return !results_.empty() && std::ranges::all_of(results_, [](const StreamResult& result) {
        return result.state != StreamResult::State::Active;
    });
}

bool StreamSet::is_over() const {
    return std::ranges::all_of(streams_, [](const auto& stream) {
        return stream->is_closing && !stream->sink;
    });
}

}  // namespace aircheck::recorder
