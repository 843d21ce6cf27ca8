#include "bench/burst.hpp"

#include "bench/machine.hpp"
#include "bench/recordings.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace aircheck::bench {
namespace {

using nlohmann::json;

}  // namespace

Result<> record_burst(const std::vector<std::string>& words) {
    if (words.size() != 3) return fail(Errc::InvalidArgument, "burst URL COUNT FOLDER");
    const std::size_t count = std::stoul(words[1]);
    AC_TRY(auto recordings, Recordings::create(words[2]));
    const Instant start = monotonic_now();
    for (std::size_t i = 0; i < count; ++i) {
        recorder::Job job = make_job(words[0], room_name(i), Work::Mix);
        job.destination = storage::LocalDestination{words[2] + "/out"};
        AC_CHECK_OK(recordings->start(std::move(job)));
    }
    if (!recordings->wait_until_active(count)) {
        return fail(Errc::Timeout, "not all recordings begin: " + recordings->failure());
    }
    json result;
    result["all_recording"] = to_seconds(monotonic_now() - start);
    std::vector<double> first;
    for (const auto& [id, snapshot] : recordings->snapshots()) {
        first.push_back(to_seconds(*snapshot.file.started_at - snapshot.started_at));
    }
    std::sort(first.begin(), first.end());
    result["median"] = first[first.size() / 2];
    result["stall"] = recordings->recorder().counters().longest_stall_seconds;
    recordings->recorder().shutdown();
    if (!recordings->wait_until_over()) {
        return fail(Errc::Timeout, "recordings do not end: " + recordings->failure());
    }
    std::printf("%s\n", result.dump().c_str());
    return {};
}

Result<Burst> measure_burst(std::size_t recordings, const std::string& folder) {
    AC_TRY(auto rooms, start_rooms(Work::Mix, recordings, folder));
    const std::string url = rooms.read_line();
    if (url.empty()) return fail(Errc::Failed, "the room server does not start");
    AC_TRY(
        auto child,
        Child::start(
            {own_program(), "burst", url, std::to_string(recordings), folder + "/burst-data"}
        )
    );
    const std::string text = child.read_all();
    AC_CHECK_OK(child.finish());
    AC_CHECK_OK(rooms.finish());
    const json result = json::parse(text, nullptr, false);
    if (!result.is_object()) return fail(Errc::Failed, "no result from the recording process");
    Burst burst;
    burst.recordings = recordings;
    burst.all_recording = result["all_recording"].get<double>();
    burst.median = result["median"].get<double>();
    burst.stall = result["stall"].get<double>();
    return burst;
}

}  // namespace aircheck::bench
