#include "recorder/recorder.hpp"

#include "core/id.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "recorder/media_thread.hpp"
#include "recorder/spool_files.hpp"
#include "recorder/spool_keeper.hpp"
#include "storage/spool.hpp"
#include "transport/certificate.hpp"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>
#include <vector>

namespace aircheck::recorder {

struct Recorder::Impl {
    Impl(net::Loop& loop, Options given, storage::Spool opened)
        : home(loop), options(std::move(given)), spool(std::move(opened)) {}

    struct Running {
        std::size_t thread = 0;
        OnUpdate on_update;
    };

    void on_change(const Snapshot& snapshot) {
        const auto it = running.find(snapshot.egress_id);
        if (it == running.end()) return;
        const OnUpdate on_update = it->second.on_update;
        if (is_final(snapshot.status)) {
            recorded_seconds += to_seconds(snapshot.file.duration);
            for (const StageTiming& timing : snapshot.stages) {
                StageSum& sum = stages[timing.stage];
                ++sum.count;
                sum.seconds += to_seconds(timing.took);
            }
            // What failed to be uploaded stays until `egress upload` has sent it, and a journal of
            // which nothing became a file until somebody renders it.
            const bool is_empty = !snapshot.file.started_at && snapshot.file.spool_path.empty();
            const bool is_done = is_empty || is_stored(snapshot);
            if (copies) copies->end(snapshot.egress_id, outcome_of(snapshot, is_done));
            if (is_done) tidy_up(snapshot.egress_id);
            threads[it->second.thread]->forget(snapshot.egress_id);
            running.erase(it);
        }
        on_update(snapshot);
    }

    [[nodiscard]] static JournalCopies::Outcome outcome_of(const Snapshot& last, bool is_done) {
        if (is_anothers(last)) return JournalCopies::Outcome::Anothers;
        return is_done ? JournalCopies::Outcome::Complete : JournalCopies::Outcome::Kept;
    }

    void tidy_up(const std::string& egress_id) {
        disk->run([this, egress_id] {
            auto kept = mark_done(spool, egress_id);
            if (kept && options.journal_keep.count() == 0) kept = spool.remove(egress_id);
            if (!kept) {
                log::warn(
                    "spool.not_tidied", {{"egress", egress_id}, {"error", kept.error().to_string()}}
                );
            }
        });
    }

    /// Deletes journals that were kept long enough; now, and every hour.
    void sweep() {
        disk->run([this] {
            const auto swept = sweep_spool(spool, options.journal_keep, wall_now());
            if (!swept) log::warn("spool.not_swept", {{"error", swept.error().to_string()}});
        });
        sweeping.after(std::chrono::hours(1), [this] { sweep(); });
    }

    [[nodiscard]] std::size_t least_busy() const {
        std::vector<std::size_t> load(threads.size(), 0);
        for (const auto& [id, recording] : running) ++load[recording.thread];
        return static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    }

    [[nodiscard]] Result<> may_begin(const std::string& egress_id) const {
        if (!is_id(egress_id, "EG_")) {
            return fail(Errc::InvalidArgument, "egress id '" + egress_id + "'");
        }
        if (running.contains(egress_id)) return fail(Errc::AlreadyExists, "egress " + egress_id);
        return {};
    }

    void begin_copies(const Job& job, JournalCopies::Begun begun) {
        if (copies && !job.dossier.empty()) copies->begin(job.egress_id, job.dossier, begun);
    }

    MediaThread& place(const std::string& egress_id, OnUpdate on_update) {
        const std::size_t thread = least_busy();
        running[egress_id] = Running{thread, std::move(on_update)};
        return *threads[thread];
    }

    /// For a recording's thread: what it tells comes home.
    [[nodiscard]] Recording::OnChange report() {
        return [this, gate = std::weak_ptr<bool>(alive)](const Snapshot& snapshot) {
            home.post([this, gate, snapshot] {
                if (!gate.expired() && *gate.lock()) on_change(snapshot);
            });
        };
    }

    net::Loop& home;
    Options options;
    storage::Spool spool;
    net::HttpClient http;
    streams::Threads stream_threads;
    std::unique_ptr<JournalCopies> copies;  ///< With Options::journal_copies.
    net::Timer sweeping{home};
    std::unique_ptr<transport::Certificate> certificate;
    std::unique_ptr<net::Pool> uploads;
    std::unique_ptr<net::Pool> disk;
    std::unique_ptr<net::Pool> catching_up;
    std::vector<std::unique_ptr<MediaThread>> threads;
    std::map<std::string, Running> running;
    std::map<std::string, StageSum> stages;
    double recorded_seconds = 0;
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Result<std::unique_ptr<Recorder>> Recorder::create(net::Loop& home, Options options) {
    AC_TRY(auto spool, storage::Spool::open(options.data_dir));
    auto impl = std::make_unique<Impl>(home, std::move(options), std::move(spool));
    AC_TRY(impl->certificate, transport::Certificate::create());
    impl->uploads =
        std::make_unique<net::Pool>("upload", std::max(1U, impl->options.upload_threads));
    impl->disk = std::make_unique<net::Pool>("disk", std::max(1U, impl->options.disk_threads));
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    const auto or_cores = [cores](unsigned wanted) { return wanted == 0 ? cores : wanted; };
    impl->catching_up = std::make_unique<net::Pool>(
        "catch-up", or_cores(impl->options.catch_up_threads), net::Pool::Priority::Low
    );
    const unsigned count = or_cores(impl->options.media_threads);
    for (unsigned i = 0; i < count; ++i) {
        MediaThread::Shared shared{
            *impl->uploads,
            *impl->disk,
            *impl->catching_up,
            impl->http,
            impl->spool,
            *impl->certificate,
            impl->options.upload_patience,
            impl->options.journal_copies
                ? JournalCopies::segment_length(impl->options.journal_copies->every)
                : Nanoseconds(0),
            impl->options.srtp_profiles,
            impl->options.ice_transport,
            impl->stream_threads};
        impl->threads.push_back(
            std::make_unique<MediaThread>(std::move(shared), "media-" + std::to_string(i))
        );
    }
    if (const auto& copies = impl->options.journal_copies) {
        impl->copies = std::make_unique<JournalCopies>(home, impl->http, impl->spool, *copies);
    }
    impl->sweep();
    return std::unique_ptr<Recorder>(new Recorder(std::move(impl)));
}

Recorder::Recorder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Recorder::~Recorder() {
    *impl_->alive = false;
    for (const auto& thread : impl_->threads) thread->halt();
    // What still runs on the pools reports to the loops that stand still now, and is dropped there.
    impl_->http.abort();
    if (impl_->copies) impl_->copies->finish();
    impl_->uploads->finish();
    impl_->disk->finish();
    impl_->catching_up->finish();
    impl_->stream_threads.finish();
    impl_->threads.clear();
}

Result<> Recorder::start(Job job, OnUpdate on_update) {
    AC_CHECK_OK(impl_->may_begin(job.egress_id));
    AC_TRY(const auto space, impl_->spool.space());
    if (space.free_bytes < impl_->options.min_free_bytes) {
        return fail(
            Errc::NoSpace,
            "spool " + impl_->spool.path() + ": " + std::to_string(space.free_bytes / 1'000'000) +
                " MB free, " + std::to_string(impl_->options.min_free_bytes / 1'000'000) +
                " MB are needed to start a recording"
        );
    }
    MediaThread& thread = impl_->place(job.egress_id, std::move(on_update));
    impl_->begin_copies(job, JournalCopies::Begun::Here);
    thread.start(std::move(job), impl_->report());
    return {};
}

Result<> Recorder::resume(Job job, OnUpdate on_update) {
    AC_CHECK_OK(impl_->may_begin(job.egress_id));
    MediaThread& thread = impl_->place(job.egress_id, std::move(on_update));
    impl_->begin_copies(job, JournalCopies::Begun::FromAnother);
    thread.resume(std::move(job), impl_->report());
    return {};
}

Result<WallTime> Recorder::last_written(const std::string& egress_id) const {
    return journal_written_at(impl_->spool, egress_id);
}

std::optional<storage::SmallObjects> Recorder::copies() {
    if (!impl_->options.journal_copies) return std::nullopt;
    return storage::SmallObjects(impl_->options.journal_copies->destination, impl_->http);
}

Result<WallTime> Recorder::fetch(const std::string& egress_id) {
    auto objects = copies();
    if (!objects)
        return fail(Errc::NotFound, "journals are not copied to a store (journal_upload)");
    AC_CHECK_OK(fetch_journal(*objects, impl_->spool, egress_id));
    AC_TRY(const auto past, read_journal_past(impl_->spool.path() + "/" + egress_id));
    return past.header.wall_start + past.end;
}

void Recorder::forget_copies(const std::string& egress_id) {
    if (impl_->copies) impl_->copies->forget(egress_id);
}

Result<> Recorder::drop_fetched(const std::string& egress_id) {
    return impl_->spool.remove(egress_id);
}

void Recorder::abandon(const std::string& egress_id) {
    end_with_past(egress_id, EndReason::Failure, "another worker goes on with it", 409);
}

void Recorder::rejoin(const std::string& egress_id) {
    const auto it = impl_->running.find(egress_id);
    if (it != impl_->running.end()) impl_->threads[it->second.thread]->rejoin(egress_id);
}

void Recorder::end_with_past(
    const std::string& egress_id, EndReason reason, std::string error, int error_code
) {
    const auto it = impl_->running.find(egress_id);
    if (it == impl_->running.end()) return;
    impl_->threads[it->second.thread]->end_with_past(
        egress_id, reason, std::move(error), error_code
    );
}

bool Recorder::stop(const std::string& egress_id, EndReason reason) {
    const auto it = impl_->running.find(egress_id);
    if (it == impl_->running.end()) return false;
    impl_->threads[it->second.thread]->stop(egress_id, reason);
    return true;
}

void Recorder::update_streams(
    const std::string& egress_id, StreamUpdate update, std::function<void(Result<> result)> on_done
) {
    const auto it = impl_->running.find(egress_id);
    if (it == impl_->running.end()) return on_done(fail(Errc::NotFound, "egress " + egress_id));
    auto report = [impl = impl_.get(),
                   alive = std::weak_ptr<bool>(impl_->alive),
                   on_done = std::move(on_done)](Result<> result) {
        impl->home.post([alive, on_done, result = std::move(result)] {
            if (!alive.expired() && *alive.lock()) on_done(result);
        });
    };
    impl_->threads[it->second.thread]->update_streams(
        egress_id, std::move(update), std::move(report)
    );
}

void Recorder::shutdown() {
    for (const auto& thread : impl_->threads) thread->stop_all(EndReason::Shutdown);
}

const std::map<std::string, StageSum>& Recorder::stage_sums() const { return impl_->stages; }

std::size_t Recorder::active() const { return impl_->running.size(); }

Counters Recorder::counters() const {
    Counters sum;
    sum.recorded_seconds = impl_->recorded_seconds;
    for (const auto& thread : impl_->threads) {
        const MediaThread::Totals& totals = thread->totals();
        sum.packets_received += totals.packets;
        sum.packets_lost += totals.lost;
        sum.packets_late += totals.late;
        sum.samples_concealed += totals.concealed;
        sum.bytes_written += totals.bytes_written;
        sum.bytes_uploaded += totals.bytes_uploaded;
        sum.media_cpu_seconds += static_cast<double>(totals.cpu_nanoseconds) / 1e9;
        sum.longest_stall_seconds = std::max(
            sum.longest_stall_seconds, static_cast<double>(totals.longest_stall_nanoseconds) / 1e9
        );
    }
    return sum;
}

}  // namespace aircheck::recorder
