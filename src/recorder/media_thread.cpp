#include "recorder/media_thread.hpp"

#include <time.h>

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

std::uint64_t thread_cpu_nanoseconds() {
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(spent.tv_nsec);
}

struct Sums {
    std::uint64_t packets = 0, lost = 0, late = 0, concealed = 0, written = 0, uploaded = 0;

    void add(const Recording& recording) {
        const Recording::Totals totals = recording.totals();
        packets += totals.packets;
        written += totals.bytes_written;
        uploaded += totals.bytes_uploaded;
        lost += totals.packets_lost;
        late += totals.packets_late;
        concealed += totals.samples_concealed;
    }
};

}  // namespace

MediaThread::MediaThread(Shared shared, std::string name) : shared_(std::move(shared)) {
    timer_ = std::make_unique<net::Timer>(loop_);
    thread_ = std::thread([this, name = std::move(name)] {
        loop_.run(name);
        // What hangs on the loop is freed on its own thread.
        recordings_.clear();
        timer_.reset();
    });
}

MediaThread::~MediaThread() { halt(); }

void MediaThread::halt() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
}

RecordingContext MediaThread::context() {
    return RecordingContext{
        loop_,
        shared_.uploads,
        shared_.disk,
        shared_.catching_up,
        shared_.http,
        shared_.spool,
        shared_.certificate,
        shared_.upload_patience,
        shared_.journal_segment,
        shared_.srtp_profiles,
        shared_.ice_transport,
        shared_.stream_threads};
}

void MediaThread::start(Job job, Recording::OnChange on_change) {
    begin(std::move(job), std::move(on_change), &Recording::start);
}

void MediaThread::resume(Job job, Recording::OnChange on_change) {
    begin(std::move(job), std::move(on_change), &Recording::resume);
}

void MediaThread::rejoin(const std::string& egress_id) {
    loop_.post([this, egress_id] {
        const auto it = recordings_.find(egress_id);
        if (it != recordings_.end()) it->second->rejoin();
    });
}

void MediaThread::end_with_past(
    const std::string& egress_id, EndReason reason, std::string error, int error_code
) {
    loop_.post([this, egress_id, reason, error = std::move(error), error_code] {
        const auto it = recordings_.find(egress_id);
        if (it != recordings_.end()) it->second->end_with_past(reason, error, error_code);
    });
}

void MediaThread::begin(Job job, Recording::OnChange on_change, void (Recording::*how)()) {
    loop_.post([this, job = std::move(job), on_change = std::move(on_change), how]() mutable {
        const std::string id = job.egress_id;
        auto& recording = recordings_[id];
        recording = std::make_unique<Recording>(context(), std::move(job), std::move(on_change));
        (recording.get()->*how)();
        if (!is_ticking_ || until_tick_ > Pace::kHurried) tick();
    });
}

void MediaThread::stop(const std::string& egress_id, EndReason reason) {
    loop_.post([this, egress_id, reason] {
        const auto it = recordings_.find(egress_id);
        if (it != recordings_.end()) it->second->stop(reason);
    });
}

void MediaThread::update_streams(
    const std::string& egress_id, StreamUpdate update, std::function<void(Result<> result)> on_done
) {
    loop_.post([this, egress_id, update = std::move(update), on_done = std::move(on_done)] {
        const auto it = recordings_.find(egress_id);
        if (it == recordings_.end()) return on_done(fail(Errc::NotFound, "egress " + egress_id));
        on_done(it->second->update_streams(update));
    });
}

void MediaThread::stop_all(EndReason reason) {
    loop_.post([this, reason] {
        for (const auto& [id, recording] : recordings_) recording->stop(reason);
    });
}

void MediaThread::forget(const std::string& egress_id) {
    loop_.post([this, egress_id] {
        const auto it = recordings_.find(egress_id);
        if (it == recordings_.end()) return;
        const Recording::Totals totals = it->second->totals();
        finished_.packets += totals.packets;
        finished_.bytes_written += totals.bytes_written;
        finished_.bytes_uploaded += totals.bytes_uploaded;
        finished_.lost += totals.packets_lost;
        finished_.late += totals.packets_late;
        finished_.concealed += totals.samples_concealed;
        recordings_.erase(it);
        refresh_totals();
    });
}

void MediaThread::tick() {
    const Instant now = monotonic_now();
    if (is_ticking_) note_lateness(now);
    last_tick_ = now;
    until_tick_ = Pace::kCalm;
    for (const auto& [id, recording] : recordings_) {
        recording->tick(now);
        until_tick_ = std::min(until_tick_, recording->pace().until_next(now));
    }
    if (now >= next_totals_) {
        next_totals_ = now + 1s;
        refresh_totals();
    }
    is_ticking_ = !recordings_.empty();
    if (is_ticking_) timer_->after(until_tick_, [this] { tick(); });
}

void MediaThread::note_lateness(Instant now) {
    const Nanoseconds late = std::max(now - last_tick_ - until_tick_, Nanoseconds(0));
    const auto nanoseconds = static_cast<std::uint64_t>(late.count());
    if (nanoseconds > totals_.longest_stall_nanoseconds) {
        totals_.longest_stall_nanoseconds = nanoseconds;
    }
}

void MediaThread::refresh_totals() {
    Sums sums;
    for (const auto& [id, recording] : recordings_) sums.add(*recording);
    totals_.packets = finished_.packets + sums.packets;
    totals_.lost = finished_.lost + sums.lost;
    totals_.late = finished_.late + sums.late;
    totals_.concealed = finished_.concealed + sums.concealed;
    totals_.bytes_written = finished_.bytes_written + sums.written;
    totals_.bytes_uploaded = finished_.bytes_uploaded + sums.uploaded;
    totals_.cpu_nanoseconds = thread_cpu_nanoseconds();
}

}  // namespace aircheck::recorder
