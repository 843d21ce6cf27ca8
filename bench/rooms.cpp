#include "bench/rooms.hpp"

#include "bench/child.hpp"
#include "bench/machine.hpp"
#include "bench/object_store.hpp"
#include "bench/recordings.hpp"
#include "bench/speech.hpp"

#include "net/loop.hpp"
#include "sim/server.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <thread>

namespace aircheck::bench {
namespace {

using nlohmann::json;

constexpr Nanoseconds kCallPatience = 60s;
constexpr Nanoseconds kSettle = 4s;
constexpr Nanoseconds kWindow = 10s;
constexpr double kPacketsPerSecond = 50;
constexpr std::size_t kJoiningAtOnce = 4;

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace

Result<> play_rooms(const std::vector<std::string>& words) {
    if (words.size() != 3) return fail(Errc::InvalidArgument, "play SPEAKERS ROOMS FOLDER");
    AC_TRY(auto speakers, make_speakers(words[2]));
    speakers.resize(std::stoul(words[0]));
    net::Loop loop;
    AC_TRY(auto server, sim::Server::start(loop, {}));
    for (std::size_t i = 0; i < std::stoul(words[1]); ++i) {
        sim::Room room;
        room.name = room_name(i);
        room.callers = speakers;
        AC_CHECK_OK(server->add_room(std::move(room)));
    }
    // Encoding the voices is none of a room's work.
    std::printf("%s\n%f\n", server->url().c_str(), own_cpu_seconds());
    std::fflush(stdout);
    std::thread end_of_input([&loop] {
        char ignored = 0;
        while (::read(STDIN_FILENO, &ignored, 1) > 0) {
        }
        loop.stop();
    });
    loop.run("rooms");
    end_of_input.join();
    return {};
}

Result<> record_rooms(const std::vector<std::string>& words) {
    if (words.size() != 5)
        return fail(Errc::InvalidArgument, "record URL WORK COUNT SECONDS FOLDER");
    const Work work = words[1] == "mix" ? Work::Mix : Work::Passthrough;
    const std::size_t count = std::stoul(words[2]);
    const int windows = std::max(1, std::stoi(words[3]) / 10);
    AC_TRY(auto recordings, Recordings::create(words[4]));
    for (std::size_t i = 0; i < count; ++i) {
        recorder::Job job = make_job(words[0], room_name(i), work);
        job.destination = storage::LocalDestination{words[4] + "/out"};
        AC_CHECK_OK(recordings->start(std::move(job)));
        // Not all at once: that is what `burst` measures.
        if (i < kJoiningAtOnce) continue;
        if (!recordings->wait_until_active(i - kJoiningAtOnce)) break;
    }
    if (!recordings->wait_until_active(count)) {
        return fail(Errc::Timeout, "not all recordings begin: " + recordings->failure());
    }
    recordings->run_for(kSettle);

    double best = std::numeric_limits<double>::max();
    double total = 0;
    double minutes = 0;
    const MachineTime machine = MachineTime::now();
    const auto before = recordings->recorder().counters();
    const Instant start = monotonic_now();
    for (int i = 0; i < windows; ++i) {
        const Instant window_start = monotonic_now();
        const double cpu = own_cpu_seconds();
        recordings->run_for(kWindow);
        const double spent = own_cpu_seconds() - cpu;
        const double recorded =
            to_seconds(monotonic_now() - window_start) / 60 * static_cast<double>(count);
        best = std::min(best, spent / recorded);
        total += spent;
        minutes += recorded;
    }
    const auto after = recordings->recorder().counters();
    json result;
    result["cpu"] = best;
    result["cpu_mean"] = total / minutes;
    result["media_cpu"] = (after.media_cpu_seconds - before.media_cpu_seconds) / minutes;
    const double due = minutes * 60 * kPacketsPerSecond * (work == Work::Mix ? 2 : 1);
    result["heard"] = static_cast<double>(after.packets_received - before.packets_received) / due;
    result["machine_idle"] = MachineTime::now().idle_since(machine);
    result["private_dirty_kib"] = private_dirty_kib();
    result["minutes"] = to_seconds(monotonic_now() - start) / 60;
    recordings->recorder().shutdown();
    if (!recordings->wait_until_over()) {
        return fail(Errc::Timeout, "recordings do not end: " + recordings->failure());
    }
    const auto end = recordings->recorder().counters();
    result["packets_lost"] = static_cast<double>(end.packets_lost) /
                             static_cast<double>(std::max<std::uint64_t>(end.packets_received, 1));
    std::printf("%s\n", result.dump().c_str());
    return {};
}

Result<RoomCost> measure_rooms(
    Work work, std::size_t recordings, Nanoseconds length, const std::string& folder
) {
    AC_TRY(auto rooms, start_rooms(work, recordings, folder));
    const std::string url = rooms.read_line();
    if (url.empty()) return fail(Errc::Failed, "the room server does not start");
    const double preparing = std::strtod(rooms.read_line().c_str(), nullptr);
    const Instant start = monotonic_now();
    AC_TRY(
        auto child,
        Child::start(
            {own_program(),
             "record",
             url,
             work == Work::Mix ? "mix" : "passthrough",
             std::to_string(recordings),
             std::to_string(static_cast<int>(to_seconds(length))),
             folder + "/data-" + std::to_string(start.time_since_epoch().count())}
        )
    );
    const std::string text = child.read_all();
    AC_TRY(const double child_cpu, child.finish());
    static_cast<void>(child_cpu);
    const double lasted = to_seconds(monotonic_now() - start) / 60;
    AC_TRY(const double sim_cpu, rooms.finish());
    const json result = json::parse(text, nullptr, false);
    if (!result.is_object()) return fail(Errc::Failed, "no result from the recording process");
    RoomCost cost;
    cost.recordings = recordings;
    cost.cpu = result["cpu"].get<double>();
    cost.cpu_mean = result["cpu_mean"].get<double>();
    cost.media_cpu = result["media_cpu"].get<double>();
    cost.sim_cpu = (sim_cpu - preparing) / lasted / static_cast<double>(recordings);
    cost.private_dirty_kib = result["private_dirty_kib"].get<double>();
    cost.machine_idle = result["machine_idle"].get<double>();
    cost.heard = result["heard"].get<double>();
    cost.packets_lost = result["packets_lost"].get<double>();
    return cost;
}

Result<Latency> measure_latency(const std::string& folder, const std::string& s3_endpoint) {
    constexpr std::size_t kCalls = 9;
    AC_TRY(auto rooms, start_rooms(Work::Mix, kCalls, folder));
    const std::string url = rooms.read_line();
    AC_TRY(auto recordings, Recordings::create(folder + "/latency"));
    std::vector<double> first;
    std::vector<double> complete;
    for (std::size_t i = 0; i < kCalls; ++i) {
        recorder::Job job = make_job(url, room_name(i), Work::Mix);
        const std::string id = job.egress_id;
        if (s3_endpoint.empty()) {
            job.destination = storage::LocalDestination{folder + "/out"};
        } else {
            job.destination = ObjectStore::destination(s3_endpoint);
        }
        const WallTime requested = job.requested_at;
        AC_CHECK_OK(recordings->start(std::move(job)));
        const bool active = recordings->run_until(kCallPatience, [&] {
            return recordings->snapshot(id).status == recorder::Status::Active;
        });
        if (!active) return fail(Errc::Timeout, "no recording: " + recordings->failure());
        first.push_back(to_seconds(*recordings->snapshot(id).file.started_at - requested));
        recordings->run_for(3s);
        const Instant stopped = monotonic_now();
        recordings->recorder().stop(id, recorder::EndReason::StopRequested);
        const bool over = recordings->run_until(kCallPatience, [&] {
            return recordings->snapshot(id).status == recorder::Status::Complete;
        });
        if (!over) return fail(Errc::Timeout, "no object: " + recordings->failure());
        complete.push_back(to_seconds(monotonic_now() - stopped));
    }
    Latency latency;
    latency.first_packet_median = median(first);
    latency.first_packet_worst = *std::max_element(first.begin(), first.end());
    latency.complete_median = median(complete);
    latency.complete_worst = *std::max_element(complete.begin(), complete.end());
    return latency;
}

}  // namespace aircheck::bench
