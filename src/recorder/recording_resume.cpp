// How a recording goes on that another process began: its past, and the way back into the room.
#include "recorder/recording.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

/// What is made again of a journal in one piece: a third of a second of work.
constexpr Nanoseconds kPiece = 60s;
/// The room says at once who is in it, and some moments later which tracks there are.
constexpr Nanoseconds kRollCall = 2s;

signal::Participant participant_of(const JournalPast::Participant& known) {
    signal::Participant participant;
    participant.sid = known.who.sid;
    participant.identity = known.who.identity;
    participant.name = known.who.name;
    participant.kind = static_cast<signal::ParticipantKind>(known.who.kind);
    participant.attributes.insert(known.who.attributes.begin(), known.who.attributes.end());
    return participant;
}

}  // namespace

void Recording::resume() {
    AC_ON_HOME(home_);
    log_.info("recording.resuming", {{"to", storage::describe(job_.destination)}});
    is_opening_ = true;
    using Files = std::shared_ptr<ReopenedFiles>;
    on_disk<Result<Files>>(
        [&spool = context_.spool, &disk = context_.disk, id = job_.egress_id]() -> Result<Files> {
            AC_TRY(auto files, reopen_spool_files(spool, id, disk));
            return std::make_shared<ReopenedFiles>(std::move(files));
        },
        [this](Result<Files> files) { on_reopened(std::move(files)); }
    );
}

void Recording::on_reopened(Result<std::shared_ptr<ReopenedFiles>> files) {
    const auto recalled = files ? recall(**files) : Result<>(tl::unexpected<Error>(files.error()));
    if (!recalled) {
        is_opening_ = false;
        if (status_ < Status::Ending) {
            return end(EndReason::Failure, recalled.error().to_string(), 500);
        }
        final_status_ = Status::Failed;
        add_error(recalled.error().to_string(), 500);
        return end_with_files();
    }
    SpoolFiles& spool = (*files)->files;
    folder_ = spool.folder;
    journal_.attach(std::move(spool.journal), std::move(spool.first_segment));
    checkpoint_ = std::move((*files)->checkpoint);
    if (status_ < Status::Ending) changed();

    CatchUp::Options options;
    options.folder = folder_;
    options.last_segment = (*files)->past.last_segment;
    options.settings = capture_options().settings;
    options.output = std::move(spool.output);
    auto begun = CatchUp::create(std::move(options));
    if (!begun) return on_whole(begun.error());
    catch_up_ = *std::move(begun);
    catch_up();
    if (return_ == Return::Wanted) join_again();
}

/// All that a recording knows of what has been. Errors: the journal does not go on.
Result<> Recording::recall(const ReopenedFiles& files) {
    const JournalPast& past = files.past;
    const Instant now = monotonic_now();
    const std::string boot = boot_id();
    const Instant origin = origin_of(past, boot, now, wall_now());
    journal_ = LateJournal(past.last_segment + 1);
    AC_TRY(capture_, Capture::resume(capture_options(), past, origin, now));
    past_end_ = origin + past.end;  // Time goes on once the room is joined, not before.
    AC_CHECK_OK(capture_->on_event(clock_event(boot, origin), *past_end_));
    make_streams();
    started_ = now - std::max<Nanoseconds>(wall_now() - job_.requested_at, Nanoseconds(0));
    recall_people(past);
    static_cast<void>(name_file());
    for (const journal::Gap& gap : past.gaps) {
        gaps_.push_back(
            {capture_->wall_time(gap.start),
             capture_->wall_time(gap.end),
             std::string(journal::to_string(gap.reason))}
        );
    }
    if (past.first_packet) {
        media_since_ = origin + *past.first_packet;
        file_.started_at = capture_->wall_time(*past.first_packet);
    }
    if (status_ >= Status::Ending) {
        end_where_past_did();
    } else if (past.first_packet) {
        status_ = Status::Active;
        interrupted_at_ = *past_end_;
        interrupted_by_ = journal::GapReason::Restart;
    }
    return {};
}

/// Nothing was heard since, and nothing is going to be.
void Recording::end_where_past_did() {
    end_called_ = *past_end_;
    ended_at_ = capture_->wall_time(capture_->since_start(*past_end_));
}

void Recording::recall_people(const JournalPast& past) {
    for (const JournalPast::Participant& known : past.participants) {
        participants_.update(participant_of(known), capture_->wall_time(known.joined));
        source_watch_.participant(known.who.identity);
        if (known.left) {
            participants_.left(known.who.sid, capture_->wall_time(*known.left));
        } else {
            unseen_people_[known.who.sid] = known.who.identity;
        }
    }
    had_human_ = participants_.humans() > 0;
    for (const JournalPast::Track& track : past.tracks) {
        source_watch_.track(track.start.track_sid);
        if (!track.is_over) unseen_tracks_.insert(track.start.track_sid);
        if (track.start.track_sid != job_.source.track_sid) continue;
        publisher_ = track.start.participant_identity;
        track_source_ =
            std::string(signal::to_string(static_cast<signal::TrackSource>(track.start.source)));
    }
}

void Recording::rejoin() {
    AC_ON_HOME(home_);
    if (status_ >= Status::Ending || return_ != Return::None) return;
    return_ = Return::Wanted;
    if (capture_) join_again();
}

void Recording::join_again() {
    if (status_ >= Status::Ending) return;
    return_ = Return::Begun;
    make_link();
}

/// Once the room has told who is there.
void Recording::call_the_roll(Instant now) {
    if (joined_at_ && now - *joined_at_ >= kRollCall) close_the_roll();
}

/// Who was not seen again left, and what was not ended, while nobody was there to see it.
void Recording::close_the_roll() {
    for (const std::string& sid : std::exchange(unseen_tracks_, {})) on_track_gone(sid);
    for (const auto& [sid, identity] : std::exchange(unseen_people_, {})) {
        on_participant_left(sid, identity);
    }
}

void Recording::end_with_past(EndReason reason, std::string error, int error_code) {
    AC_ON_HOME(home_);
    end(reason, std::move(error), error_code);
}

/// The next piece, on the pool.
void Recording::catch_up() {
    context_.catching_up.run(
        [&loop = context_.loop, alive = std::weak_ptr<bool>(alive_), work = catch_up_, this] {
            auto piece = std::make_shared<Result<CatchUp::Piece>>(work->advance(kPiece));
            loop.post([alive, this, piece] {
                if (alive.expired()) return;
                if (*piece) return on_caught_up(std::move(**piece));
                on_whole(piece->error());
            });
        }
    );
}

void Recording::on_caught_up(CatchUp::Piece piece) {
    const auto written = write_segments(std::move(piece.segments));
    write_track_files(std::move(piece.tracks));
    if (!written) return on_whole(written.error());
    if (!piece.is_last) return catch_up();
    output_ = catch_up_->take_output();
    if (const auto taken = capture_->catch_up(catch_up_->take_pipeline()); !taken) {
        return on_whole(taken.error());
    }
    on_whole({});
}

/// The outputs have come to the present; or never will.
void Recording::on_whole(std::optional<Error> error) {
    is_opening_ = false;
    catch_up_.reset();
    if (error)
        not_opened_ = std::move(*error);
    else
        log_.info("recording.resumed", {{"media_s", to_seconds(capture_->pipeline().duration())}});
    if (const auto start = capture_->pipeline().start()) {
        file_.started_at = capture_->wall_time(*start);
    }
    if (media_since_ && !error) begin_streams();
    if (status_ == Status::Ending) {
        end_with_files();
    } else if (not_opened_) {
        end(EndReason::Failure, not_opened_->to_string(), code_of(*not_opened_));
    } else {
        changed();
    }
}

}  // namespace aircheck::recorder
