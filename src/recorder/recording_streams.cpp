// The streams of a recording: what it sends while it runs, and what they mean for its end.
#include "recorder/pipeline_time.hpp"
#include "recorder/recording.hpp"
#include "recorder/source.hpp"

#include <utility>

namespace aircheck::recorder {

void Recording::make_streams() {
    are_streams_over_ = !job_.stream;
    if (!job_.stream) return;
    streams::SinkSettings settings;
    settings.protocol = job_.stream->protocol;
    settings.allow = job_.stream->allow;
    settings.ca_file = job_.stream->ca_file;
    streams_ = std::make_unique<StreamSet>(
        *job_.stream,
        streams::sink_maker(
            context_.loop, context_.stream_threads, context_.http, std::move(settings)
        ),
        log_
    );
}

/// Once there is media: what is sent before that is nothing.
void Recording::begin_streams() {
    if (!streams_) return;
    streams_->begin(*capture_->pipeline().stream_format(), {monotonic_now(), wall_now()});
}

/// News of mutes go out where they lie in the sound, which is mixed a second later.
void Recording::write_stream() {
    for (const Pipeline::Mute& mute : capture_->take_mutes()) {
        if (is_one_track(job_.source)) mutes_.push_back(mute);
    }
    for (const media::EncodedSample& sample : capture_->take_stream()) {
        const auto start = capture_->pipeline().start();
        if (start) tell_mutes(*start + time_of(sample.pts));
        streams_->write(sample);
    }
}

void Recording::tell_mutes(Nanoseconds until) {
    while (!mutes_.empty() && mutes_.front().at <= until) {
        streams_->tell_muted(mutes_.front().muted);
        mutes_.pop_front();
    }
}

/// Also while the recording ends: they are closed then.
void Recording::tick_streams(Instant now) {
    if (!streams_ || are_streams_over_) return;
    const bool news = streams_->tick({now, wall_now()});
    if (status_ == Status::Ending) {
        if (!media_since_ || !streams_->is_over()) return;
        are_streams_over_ = true;
        output_over();
        return;
    }
    const bool is_last_output = !job_.makes_file && !job_.segments;
    if (streams_->is_spent() && is_last_output) {
        const std::string& error = streams_->last_error();
        if (error.empty()) {
            end(EndReason::StreamsStopped, "", 0);
        } else {
            end(EndReason::Failure, "the last stream failed: " + error, 503);
        }
    } else if (news) {
        changed();
    }
}

Result<> Recording::update_streams(const StreamUpdate& update) {
    AC_ON_HOME(home_);
    if (!streams_) {
        return fail(Errc::InvalidArgument, "UpdateStream called on non-streaming egress");
    }
    if (status_ >= Status::Ending) {
        return fail(
            Errc::Cancelled,
            "egress with status " + std::string(to_string(status_)) + " cannot be updated"
        );
    }
    const Instant now = monotonic_now();
    AC_CHECK_OK(streams_->update(update, {now, wall_now()}));
    tick_streams(now);
    return {};
}

/// With what is mixed since the last tick; without media nothing was ever connected.
void Recording::finish_streams() {
    if (!streams_) return;
    write_stream();
    tell_mutes(Nanoseconds::max());
    streams_->finish(
        {monotonic_now(), wall_now()}, end_reason_ == EndReason::Failure ? error_ : ""
    );
}

}  // namespace aircheck::recorder
