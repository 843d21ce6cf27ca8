#include "bench/recordings.hpp"

#include "bench/machine.hpp"

#include "core/id.hpp"

#include <algorithm>

namespace aircheck::bench {
namespace {

constexpr Nanoseconds kPatience = 60s;

}  // namespace

std::string room_name(std::size_t index) { return "bench-" + std::to_string(index); }

recorder::Job make_job(const std::string& url, const std::string& room, Work work) {
    recorder::Job job;
    job.egress_id = new_id("EG_");
    job.room_name = room;
    job.access = {url, "devkey", "secret", ""};
    if (work == Work::Passthrough) {
        job.encoding.container = recorder::Container::Ogg;
        job.encoding.codec = recorder::AudioCodec::OpusPassthrough;
    }
    job.filepath = "{room_name}-{time}";
    job.requested_at = wall_now();
    return job;
}

Result<Child> start_rooms(Work work, std::size_t count, const std::string& folder) {
    return Child::start(
        {own_program(), "play", work == Work::Mix ? "2" : "1", std::to_string(count), folder}
    );
}

Result<std::unique_ptr<Recordings>> Recordings::create(const std::string& folder) {
    std::unique_ptr<Recordings> all(new Recordings);
    recorder::Recorder::Options options;
    options.data_dir = folder;
    AC_TRY(all->recorder_, recorder::Recorder::create(all->loop_, options));
    return all;
}

Result<> Recordings::start(recorder::Job job) {
    const std::string id = job.egress_id;
    return recorder_->start(std::move(job), [this, id](const recorder::Snapshot& snapshot) {
        seen_[id] = snapshot;
        if (snapshot.status == recorder::Status::Failed) failure_ = snapshot.error;
    });
}

bool Recordings::run_until(Nanoseconds limit, const std::function<bool()>& done) {
    // Before the loop runs, stopping it would end the next run instead.
    if (done()) return true;
    const Instant start = monotonic_now();
    bool reached = false;
    net::Timer timer(loop_);
    std::function<void()> poll = [&] {
        reached = done();
        if (reached || !failure_.empty() || monotonic_now() - start > limit) {
            loop_.stop();
            return;
        }
        timer.after(2ms, poll);
    };
    timer.after(2ms, poll);
    loop_.run("bench");
    return reached;
}

void Recordings::run_for(Nanoseconds time) {
    net::Timer timer(loop_);
    timer.after(time, [this] { loop_.stop(); });
    loop_.run("bench");
}

bool Recordings::wait_until_active(std::size_t count) {
    return run_until(kPatience, [&] { return in_status(recorder::Status::Active) >= count; });
}

bool Recordings::wait_until_over() {
    return run_until(kPatience, [&] { return recorder_->active() == 0; });
}

std::size_t Recordings::in_status(recorder::Status status) const {
    return static_cast<std::size_t>(std::count_if(
        seen_.begin(), seen_.end(), [&](const auto& entry) { return entry.second.status == status; }
    ));
}

}  // namespace aircheck::bench
