// What ends a recording by itself: limits, and who is no longer there.
#include "recorder/recording.hpp"

#include <cstdio>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr Nanoseconds kNear = 1s;  ///< Before a limit.

}  // namespace

void Recording::check_limits(Instant now) {
    const EndRule& rule = job_.end;
    const bool session_over = rule.session_limit && now - started_ >= *rule.session_limit;
    if (status_ == Status::Starting) {
        if (session_over) {
            end(EndReason::LimitReached, "", 0);
            return;
        }
        if (rule.media_timeout && now - started_ >= *rule.media_timeout) {
            end(EndReason::Failure, describe_no_media(now), 504);
            return;
        }
    } else if (status_ == Status::Active) {
        const bool long_enough = rule.max_duration && now - *media_since_ >= *rule.max_duration;
        const bool big_enough = rule.max_bytes && output_ && output_->size() >= *rule.max_bytes;
        if (session_over || long_enough || big_enough) {
            end(EndReason::LimitReached, "Session limit reached", 413);
            return;
        }
    }
    check_source(now);
    if (status_ >= Status::Ending) return;
    if (rule.last_human_left && had_human_) {
        if (participants_.humans() > 0) {
            no_human_since_.reset();
        } else if (!no_human_since_) {
            no_human_since_ = now;
        } else if (now - *no_human_since_ >= rule.end_grace) {
            end(EndReason::LastHumanLeft, "", 0);
        }
    }
}

/// While it begins or is cut off; and near its limits, which a calm pace would miss by a quarter of
/// a second.
bool Recording::is_in_a_hurry(Instant now) const {
    if (status_ != Status::Active || interrupted_at_ || no_human_since_) return true;
    const auto is_near = [now](const std::optional<Nanoseconds>& limit, Instant since) {
        return limit && now - since >= *limit - kNear;
    };
    return is_near(job_.end.session_limit, started_) ||
           is_near(job_.end.max_duration, *media_since_);
}

/// What the job is about has not come, or has left.
void Recording::check_source(Instant now) {
    if (!joined_at_) return;
    if (auto missing = source_watch_.missing(*joined_at_, now); !missing.empty()) {
        end(EndReason::Failure, std::move(missing), 404);
    } else if (source_watch_.is_gone(now)) {
        end(EndReason::SourceLeft, "", 0);
    }
}

std::string Recording::describe_no_media(Instant now) const {
    if (capture_->has_encrypted_track() && capture_->ssrcs().empty()) {
        return "every audio track of the room is end-to-end encrypted";
    }
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.0f s", to_seconds(now - started_));
    const std::string_view stage = link_ ? link_->stage() : "signal";
    if (stage == "ice") {
        return std::string("no route to media: ICE found none in ") + seconds + ": " +
               link_->waits_for() + "; are the server's media ports open to this machine?";
    }
    if (stage != "media") {
        return std::string(stage) + " not done after " + seconds +
               (link_ ? ": " + link_->waits_for() : "");
    }
    if (capture_->ssrcs().empty()) {
        return std::string("no media: nobody in the room publishes audio after ") + seconds;
    }
    return std::string("no media: tracks are offered, but no packet came in ") + seconds;
}

}  // namespace aircheck::recorder
