#include "bench/starts.hpp"

#include "bench/machine.hpp"
#include "bench/recordings.hpp"
#include "bench/service.hpp"

#include "core/time.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

namespace aircheck::bench {
namespace {

using nlohmann::json;

/// More callers than this do not wait for an answer at the same moment.
constexpr std::size_t kCallers = 64;
constexpr double kAskedByCore = 100;  ///< A guess lets 80 in.
constexpr double kRoomsByCore = 400;  ///< More than fit: a recording takes a 150th of a core.
constexpr Nanoseconds kPatience = 120s;
constexpr Nanoseconds kPoll = 50ms;
/// Admission learns from windows of seconds.
constexpr Nanoseconds kRound = 10s;
constexpr int kMaxRounds = 12;
constexpr int kFullRounds = 2;  ///< So many in a row without one more: that is all that fit.
constexpr Nanoseconds kWindow = 20s;
constexpr double kPacketsPerSecond = 100;  ///< Of a room's two speakers.

enum class Answer { Taken, Refused };

class Callers {
public:
    explicit Callers(Service& service) : service_(service) {}

    /// Asks for a recording of the room with that number.
    Result<Answer> start(std::size_t room) {
        json file;
        file["file_type"] = "MP4";
        file["filepath"] = "{room_name}-{time}";
        json body;
        body["room_name"] = room_name(room);
        body["audio_only"] = true;
        body["file_outputs"] = json::array({file});
        AC_TRY(const auto response, service_.call("StartRoomCompositeEgress", body.dump()));
        if (response.status == 200) return Answer::Taken;
        if (response.status == 429) return Answer::Refused;
        return fail(Errc::Failed, "StartRoomCompositeEgress: " + response.body);
    }

    /// Asks for `count` recordings at once; how many are taken.
    Result<std::size_t> start_all(std::size_t count) {
        std::vector<std::thread> threads;
        std::atomic<std::size_t> next{0};
        std::atomic<std::size_t> taken{0};
        std::atomic<bool> has_failed{false};
        const auto ask = [&] {
            for (std::size_t room = next++; room < count; room = next++) {
                const auto answer = start(room);
                if (!answer) has_failed = true;
                if (answer && *answer == Answer::Taken) ++taken;
            }
        };
        for (std::size_t i = 0; i < std::min(count, kCallers); ++i) threads.emplace_back(ask);
        for (std::thread& thread : threads) thread.join();
        if (has_failed) return fail(Errc::Failed, "StartRoomCompositeEgress gives no answer");
        return taken.load();
    }

    /// Asks for one after another, from the room `next` on, until one is refused or no room is
    /// left; how many were taken.
    Result<std::size_t> fill(std::size_t next, std::size_t rooms) {
        std::size_t taken = 0;
        for (; next + taken < rooms; ++taken) {
            AC_TRY(const Answer answer, start(next + taken));
            if (answer == Answer::Refused) break;
        }
        return taken;
    }

    Result<std::size_t> recording() {
        const std::string body = "{\"active\":true}";
        AC_TRY(const auto response, service_.call("ListEgress", body));
        const json all = json::parse(response.body, nullptr, false);
        if (response.status != 200 || !all.is_object()) {
            return fail(Errc::Failed, "ListEgress: " + response.body);
        }
        const json items = all.value("items", json::array());
        return static_cast<std::size_t>(std::count_if(
            all["items"].begin(),
            all["items"].end(),
            [](const json& item) { return item.value("status", "") == "EGRESS_ACTIVE"; }
        ));
    }

    Result<> wait_until_recording(std::size_t count) {
        for (const Instant start = monotonic_now(); monotonic_now() - start < kPatience;) {
            AC_TRY(const std::size_t now, recording());
            if (now >= count) return {};
            std::this_thread::sleep_for(kPoll);
        }
        return fail(Errc::Timeout, "not all recordings begin");
    }

private:
    Service& service_;
};

/// Goes on to ask until what recordings cost is known and no more fit; how many run then.
Result<std::size_t> fill_up(Callers& callers, const Starts& burst, std::size_t rooms) {
    std::size_t running = burst.taken;
    std::size_t next = burst.asked;
    for (int round = 0, full = 0; round < kMaxRounds && full < kFullRounds; ++round) {
        std::this_thread::sleep_for(kRound);
        AC_TRY(const std::size_t more, callers.fill(next, rooms));
        next += more;
        running += more;
        full = more == 0 ? full + 1 : 0;
    }
    AC_CHECK_OK(callers.wait_until_recording(running));
    return running;
}

Result<> watch_full(Service& service, Starts& starts) {
    const MachineTime machine = MachineTime::now();
    const Instant since = monotonic_now();
    const double cpu = service.cpu_seconds();
    AC_TRY(const double packets, service.metric("aircheck_packets_received_total"));
    std::this_thread::sleep_for(kWindow);
    AC_TRY(const double packets_after, service.metric("aircheck_packets_received_total"));
    const double cpu_after = service.cpu_seconds();
    const double seconds = to_seconds(monotonic_now() - since);
    const double recorded = seconds * static_cast<double>(starts.fit);
    starts.heard = (packets_after - packets) / (recorded * kPacketsPerSecond);
    starts.cpu = (cpu_after - cpu) / (recorded / 60);
    starts.machine_idle = MachineTime::now().idle_since(machine);
    return {};
}

}  // namespace

Result<Starts> measure_starts(std::size_t asked, double utilization, const std::string& folder) {
    const double cores = static_cast<double>(std::thread::hardware_concurrency()) * utilization;
    Starts starts;
    starts.asked =
        asked > 0 ? asked : static_cast<std::size_t>(std::ceil(cores * kAskedByCore / 0.8));
    const std::size_t rooms =
        starts.asked + static_cast<std::size_t>(std::ceil(cores * kRoomsByCore));
    AC_TRY(auto server, start_rooms(Work::Mix, rooms, folder));
    Service::Settings settings;
    settings.folder = folder + "/starts";
    settings.ws_url = server.read_line();
    settings.utilization = utilization;
    if (settings.ws_url.empty()) return fail(Errc::Failed, "the room server does not start");
    AC_TRY(auto service, Service::start(settings));
    Callers callers(*service);

    const Instant begun = monotonic_now();
    AC_TRY(starts.taken, callers.start_all(starts.asked));
    starts.all_answered = to_seconds(monotonic_now() - begun);
    AC_CHECK_OK(callers.wait_until_recording(starts.taken));
    starts.all_recording = to_seconds(monotonic_now() - begun);
    AC_TRY(starts.stall, service->metric("aircheck_longest_stall_seconds"));
    AC_TRY(starts.fit, fill_up(callers, starts, rooms));
    AC_CHECK_OK(watch_full(*service, starts));
    return starts;
}

void add_starts(const Starts& starts, Report& report) {
    const auto count = [](std::size_t number) { return static_cast<double>(number); };
    report.add({"starts.asked", "asked for at once", count(starts.asked), "jobs"});
    report.add(
        {"starts.taken", "  of them taken, before any cost is known", count(starts.taken), "jobs"}
    );
    report.add(
        {"starts.all_answered", "  until each was taken or refused", starts.all_answered, "s"}
    );
    report.add(
        {"starts.all_recording", "  until all that were taken record", starts.all_recording, "s"}
    );
    report.add({"starts.stall", "  longest stall of a recording thread", starts.stall * 1000, "ms"}
    );
    report.add({"starts.fit", "that fit before admission refuses", count(starts.fit), "recordings"}
    );
    report.add(
        {"starts.full.cpu", "  CPU for a minute of one, the whole service's", starts.cpu, "s"}
    );
    report.add(
        {"starts.full.heard",
         "  packets kept of those due",
         starts.heard * 100,
         "%",
         Report::Bound::AtLeast,
         95}
    );
    report.add({"starts.full.idle", "  the machine was idle", starts.machine_idle * 100, "%"});
    if (starts.heard >= 0.95) return;
    report.note(
        "The full service did not keep up: the machine has too little time left for it and the "
        "room server, and its recordings' CPU is too low."
    );
}

}  // namespace aircheck::bench
