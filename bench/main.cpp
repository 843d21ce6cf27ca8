// Measures the budgets, prints one table, and keeps it as JSON: see README.md.
#include "bench/burst.hpp"
#include "bench/child.hpp"
#include "bench/codecs.hpp"
#include "bench/files.hpp"
#include "bench/idle.hpp"
#include "bench/object_store.hpp"
#include "bench/report.hpp"
#include "bench/rooms.hpp"
#include "bench/speech.hpp"
#include "bench/starts.hpp"

#include "core/log.hpp"
#include "core/temp_folder_testing.hpp"

#include <cstdio>
#include <map>
#include <set>
#include <sstream>

namespace aircheck::bench {
namespace {

struct Options {
    std::set<std::string> parts = {
        "codecs", "rooms", "burst", "starts", "idle", "latency", "files"};
    Nanoseconds length = 60s;
    double hours = 2;
    std::vector<std::size_t> mixed = {1, 20, 100};
    std::vector<std::size_t> kept = {1, 200};
    std::size_t burst = 100;
    std::size_t starts = 0;    ///< 0: more than admission takes at once.
    double utilization = 0.8;  ///< Of the cores, what `starts` may fill.
    std::string results;       ///< Path of the JSON; "": none.
};

constexpr const char* kUsage =
    "aircheck_bench [--parts codecs,rooms,burst,starts,idle,latency,files] [--seconds 60]\n"
    "               [--hours 2] [--mixed 1,20,100] [--passthrough 1,200] [--burst 100]\n"
    "               [--starts 0] [--utilization 0.8] [--json FILE]\n";

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> items;
    std::istringstream stream(text);
    for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
    return items;
}

std::vector<std::size_t> counts(const std::string& text) {
    std::vector<std::size_t> all;
    for (const std::string& item : split(text)) all.push_back(std::stoul(item));
    return all;
}

bool parse(const std::vector<std::string>& words, Options& options) {
    if (words.size() % 2 != 0) return false;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string& value = words[i + 1];
        if (words[i] == "--parts") {
            const auto parts = split(value);
            options.parts = {parts.begin(), parts.end()};
        } else if (words[i] == "--seconds") {
            options.length = std::chrono::seconds(std::stoi(value));
        } else if (words[i] == "--hours") {
            options.hours = std::stod(value);
        } else if (words[i] == "--mixed") {
            options.mixed = counts(value);
        } else if (words[i] == "--passthrough") {
            options.kept = counts(value);
        } else if (words[i] == "--burst") {
            options.burst = std::stoul(value);
        } else if (words[i] == "--starts") {
            options.starts = std::stoul(value);
        } else if (words[i] == "--utilization") {
            options.utilization = std::stod(value);
        } else if (words[i] == "--json") {
            options.results = value;
        } else {
            return false;
        }
    }
    return true;
}

void say(const std::string& text) { std::fprintf(stderr, "bench: %s\n", text.c_str()); }

using Bound = Report::Bound;

void add_codecs(const CodecCost& cost, Report& report) {
    report.section("Codecs alone, two speakers: CPU seconds for a minute of call");
    report.add({"codecs.libraries", "libopus x 2, libavcodec's AAC", cost.libraries, "s"});
    report.add({"codecs.ffmpeg", "ffmpeg on files, its own Opus decoder", cost.ffmpeg, "s"});
    report.add({"codecs.ffmpeg_libopus", "ffmpeg on files, libopus", cost.ffmpeg_opus, "s"});
    report.add({"codecs.kept", "one kept track: libsrtp's decrypting, warm", cost.kept, "s"});
}

/// Whether the figures of a load mean what they say.
void add_health(const std::string& key, const RoomCost& cost, Report& report) {
    report.add(
        {key + "heard", "  packets kept of those due", cost.heard * 100, "%", Bound::AtLeast, 95}
    );
    report.add({key + "lost", "  packets lost", cost.packets_lost * 100, "%"});
    // The counters are a second old at most: less than this is no rounding.
    if (cost.heard >= 0.95) return;
    report.note(
        std::to_string(cost.recordings) +
        " recordings did not keep up: the machine has too little time left, and their CPU is too "
        "low."
    );
}

void add_mixed(const RoomCost& cost, double cost_of_one, const CodecCost& codecs, Report& report) {
    const std::string count = std::to_string(cost.recordings);
    const std::string key = "mix." + count + ".";
    const std::string what = count + (cost.recordings == 1 ? " mixed room" : " mixed rooms");
    report.add({key + "cpu", what + ": CPU for a minute of one", cost.cpu, "s"});
    if (codecs.ffmpeg > 0) {
        report.add(
            {key + "by_ffmpeg",
             "  as a ratio to ffmpeg",
             cost.cpu / codecs.ffmpeg,
             "x",
             Bound::AtMost,
             1.0}
        );
        report.add(
            {key + "by_libraries",
             "  as a ratio to the bare libraries",
             cost.cpu / codecs.libraries,
             "x",
             Bound::AtMost,
             1.3}
        );
    }
    if (cost.recordings > 1 && cost_of_one > 0) {
        report.add(
            {key + "by_one",
             "  as a ratio to one room",
             cost.cpu / cost_of_one,
             "x",
             Bound::AtMost,
             1.1}
        );
    }
    report.add({key + "cpu_mean", "  mean of all windows", cost.cpu_mean, "s"});
    report.add({key + "media_cpu", "  of that on recording threads", cost.media_cpu, "s"});
    report.add({key + "sim_cpu", "  the room server's, apart", cost.sim_cpu, "s"});
    report.add({key + "idle", "  the machine was idle", cost.machine_idle * 100, "%"});
    add_health(key, cost, report);
}

void add_kept(const RoomCost& cost, double cost_of_one, const CodecCost& codecs, Report& report) {
    const std::string count = std::to_string(cost.recordings);
    const std::string key = "passthrough." + count + ".";
    const std::string what = count + (cost.recordings == 1 ? " kept track" : " kept tracks");
    report.add({key + "cpu", what + ": CPU for a minute of one", cost.cpu, "s"});
    report.add({key + "core", "  of a core", cost.cpu / 60 * 100, "%", Bound::AtMost, 0.1});
    if (codecs.kept > 0) {
        report.add(
            {key + "by_bare", "  as a ratio to decrypting alone", cost.cpu / codecs.kept, "x"}
        );
    }
    if (cost.recordings > 1 && cost_of_one > 0) {
        report.add(
            {key + "by_one",
             "  as a ratio to one track",
             cost.cpu / cost_of_one,
             "x",
             Bound::AtMost,
             1.1}
        );
    }
    report.add({key + "cpu_mean", "  mean of all windows", cost.cpu_mean, "s"});
    report.add({key + "sim_cpu", "  the room server's, apart", cost.sim_cpu, "s"});
    report.add({key + "idle", "  the machine was idle", cost.machine_idle * 100, "%"});
    add_health(key, cost, report);
}

/// Private memory that each recording between the least and the most of `costs` added.
void add_memory(
    const std::string& key,
    const std::string& what,
    const std::vector<RoomCost>& costs,
    Report& report
) {
    const RoomCost* few = nullptr;
    const RoomCost* many = nullptr;
    for (const RoomCost& cost : costs) {
        if (cost.recordings > 1 && few == nullptr) few = &cost;
        many = &cost;
    }
    if (few == nullptr || few == many) few = &costs.front();
    if (few == many || many->recordings <= few->recordings) return;
    const double kib = (many->private_dirty_kib - few->private_dirty_kib) /
                       static_cast<double>(many->recordings - few->recordings);
    report.add({key, what, kib / 1024, "MiB", Bound::AtMost, 2});
}

Result<> bench_rooms(
    const Options& options, const CodecCost& codecs, const std::string& folder, Report& report
) {
    std::vector<RoomCost> mixed;
    std::vector<RoomCost> kept;
    report.section("Recordings over WebRTC on loopback, all in one process");
    for (const std::size_t count : options.mixed) {
        say(std::to_string(count) + " mixed rooms");
        AC_TRY(auto cost, measure_rooms(Work::Mix, count, options.length, folder));
        mixed.push_back(cost);
        add_mixed(cost, mixed.front().recordings == 1 ? mixed.front().cpu : 0, codecs, report);
    }
    for (const std::size_t count : options.kept) {
        say(std::to_string(count) + " kept tracks");
        AC_TRY(auto cost, measure_rooms(Work::Passthrough, count, options.length, folder));
        kept.push_back(cost);
        add_kept(cost, kept.front().recordings == 1 ? kept.front().cpu : 0, codecs, report);
    }
    report.section("Private memory, each further recording");
    if (!mixed.empty()) add_memory("memory.mix", "mixed room", mixed, report);
    if (!kept.empty()) add_memory("memory.passthrough", "kept track", kept, report);
    return {};
}

Result<> bench_burst(const Options& options, const std::string& folder, Report& report) {
    const std::string count = std::to_string(options.burst);
    const std::string key = "burst." + count + ".";
    say(count + " recordings begun at once");
    AC_TRY(const Burst burst, measure_burst(options.burst, folder));
    report.section(count + " recordings begun at once");
    report.add({key + "all", "until all record", burst.all_recording, "s"});
    report.add({key + "median", "request to first packet kept, median", burst.median, "s"});
    report.add({key + "stall", "longest stall of a recording thread", burst.stall * 1000, "ms"});
    return {};
}

Result<> bench_starts(const Options& options, const std::string& folder, Report& report) {
    say("jobs started at once through the service, until it refuses");
    AC_TRY(const Starts starts, measure_starts(options.starts, options.utilization, folder));
    report.section("Jobs started at once through the service, its admission on");
    add_starts(starts, report);
    return {};
}

Result<> bench_idle(const Options& options, const std::string& folder, Report& report) {
    say("a service with nothing to do");
    AC_TRY(const auto idle, measure_idle(options.length, folder));
    report.section("A service with nothing to do: CPU seconds a minute");
    if (!idle) {
        report.note("No redis-server: the bus was not measured.");
        return {};
    }
    add_idle(*idle, report);
    return {};
}

Result<> bench_latency(const std::string& folder, const std::string& s3, Report& report) {
    report.section("Beginning and ending, a call of seconds");
    say("latency, local files");
    AC_TRY(const Latency local, measure_latency(folder, ""));
    report.add(
        {"latency.first_packet",
         "request to first packet kept, median of 9",
         local.first_packet_median * 1000,
         "ms",
         Bound::AtMost,
         200}
    );
    report.add(
        {"latency.first_packet_worst", "  the slowest", local.first_packet_worst * 1000, "ms"}
    );
    report.add(
        {"latency.complete_local",
         "end to complete file, median of 9",
         local.complete_median * 1000,
         "ms",
         Bound::AtMost,
         1000}
    );
    report.add({"latency.complete_local_worst", "  the slowest", local.complete_worst * 1000, "ms"}
    );
    if (s3.empty()) {
        report.note("No MinIO: nothing was measured with S3.");
        return {};
    }
    say("latency, S3");
    AC_TRY(const Latency remote, measure_latency(folder, s3));
    report.add(
        {"latency.complete_s3",
         "end to complete object in MinIO, median of 9",
         remote.complete_median * 1000,
         "ms",
         Bound::AtMost,
         1000}
    );
    report.add({"latency.complete_s3_worst", "  the slowest", remote.complete_worst * 1000, "ms"});
    return {};
}

Result<> bench_files(
    const Options& options,
    const std::vector<sim::Caller>& speakers,
    const std::string& folder,
    const std::string& s3,
    Report& report
) {
    say("a long call from its journal");
    AC_TRY(const FileCost cost, measure_files(speakers, options.hours, folder, s3));
    report.section("A call of " + std::to_string(static_cast<int>(cost.hours * 60)) + " minutes");
    report.add({"files.render_speed", "render, times real time, a core", cost.render_speed, "x"});
    report.add(
        {"files.complete_local",
         "end to complete file",
         cost.complete_local * 1000,
         "ms",
         Bound::AtMost,
         1000}
    );
    if (cost.complete_s3 > 0) {
        report.add(
            {"files.complete_s3",
             "end to complete object in MinIO",
             cost.complete_s3 * 1000,
             "ms",
             Bound::AtMost,
             1000}
        );
    }
    return {};
}

Result<> bench_all(const Options& options) {
    const tests::TempFolder work;
    Report report;
    const auto wants = [&](const char* part) { return options.parts.contains(part); };
    AC_TRY(const auto speakers, make_speakers(work.path()));
    CodecCost codecs;
    if (wants("codecs")) {
        say("codecs alone");
        AC_TRY(codecs, measure_codecs(speakers, work.path()));
        add_codecs(codecs, report);
    }
    if (wants("rooms")) AC_CHECK_OK(bench_rooms(options, codecs, work.path(), report));
    if (wants("burst")) AC_CHECK_OK(bench_burst(options, work.path(), report));
    if (wants("starts")) AC_CHECK_OK(bench_starts(options, work.path(), report));
    if (wants("idle")) AC_CHECK_OK(bench_idle(options, work.path(), report));
    std::optional<ObjectStore> store;
    if (wants("latency") || wants("files")) {
        AC_TRY(store, ObjectStore::start(work.path()));
    }
    const std::string s3 = store ? store->endpoint() : "";
    if (wants("latency")) AC_CHECK_OK(bench_latency(work.path(), s3, report));
    if (wants("files")) AC_CHECK_OK(bench_files(options, speakers, work.path(), s3, report));
    report.note(
        "CPU: user and system time of the whole recording process, the best of windows of 10 s."
    );
    report.note(
        "Times of starts, bursts and latency are by the clock: on a machine that others use they "
        "are too long."
    );
    report.print();
    if (options.results.empty()) return {};
    AC_CHECK_OK(report.write(options.results));
    std::printf("\n  kept as %s\n", options.results.c_str());
    return {};
}

Result<> run(std::vector<std::string> words) {
    const std::string first = words.empty() ? "" : words.front();
    if (first == "play" || first == "record" || first == "burst") {
        words.erase(words.begin());
        if (first == "burst") return record_burst(words);
        return first == "play" ? play_rooms(words) : record_rooms(words);
    }
    Options options;
    if (!parse(words, options)) return fail(Errc::InvalidArgument, kUsage);
    return bench_all(options);
}

}  // namespace
}  // namespace aircheck::bench

int main(int count, char** words) {
    using namespace aircheck;
    log::configure(log::Level::Warn, log::Format::Text);
    const auto result = bench::run({words + 1, words + count});
    if (result) return 0;
    std::fprintf(stderr, "aircheck_bench: %s\n", result.error().to_string().c_str());
    return 1;
}
