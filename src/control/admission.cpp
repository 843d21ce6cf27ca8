#include "control/admission.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace aircheck::control {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
/// What a mixed recording costs, before much was measured.
constexpr double kGuessedCores = 0.01;
constexpr double kGuessedMemory = 4 * kMiB;
/// What was measured weighs as much as the guess once so much was recorded: ten recordings in a
/// minute. One recording with a burst beside it does not make the machine look full.
constexpr double kGuessSeconds = 600;
constexpr double kGuessRecordings = 10;
/// Rooms may all be silent for a while, and then speak: a recording is never thought to cost less
/// than this part of the guess.
constexpr double kLeastOfGuess = 0.25;
constexpr double kPassthroughWeight = 0.4;
/// How fast what was learned fades.
constexpr double kMemorySeconds = 600;
constexpr Nanoseconds kShortestWindow = 1s;
/// Over so many of the last windows CPU time is averaged: a peak of a second refuses nobody.
constexpr std::size_t kWindows = 2;
constexpr double kDefaultMemoryShare = 0.9;
constexpr double kRounding = 1e-9;

double weight_of(Workload workload) {
    return workload == Workload::Passthrough ? kPassthroughWeight : 1.0;
}

double overlap_seconds(Instant from, Instant to, Instant since) {
    return std::max(0.0, to_seconds(to - std::max(from, since)));
}

/// 1 where one more does not fit.
double load_of(double used, double limit, double each) {
    if (used + each > limit + kRounding) return 1;
    return std::max(0.0, used / limit);
}

double how_many_fit(double used, double limit, double each) {
    return std::max(0.0, std::floor((limit - used) / each + kRounding));
}

/// "1.6", "2", "80": no more than so many decimals, and none that are zero.
std::string rounded(double number, int decimals) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
    std::string out = text;
    if (out.find('.') == std::string::npos) return out;
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) out.pop_back();
    return out;
}

std::string number_of_recordings(std::size_t count) {
    return count == 1 ? "1 recording uses" : std::to_string(count) + " recordings use";
}

}  // namespace

Admission::Admission(Options options) : options_(options), memory_each_(kGuessedMemory) {}

double Admission::cores_limit() const {
    return options_.capacity.cores * options_.max_cpu_utilization;
}

double Admission::memory_limit() const {
    if (options_.max_memory_bytes > 0) return static_cast<double>(options_.max_memory_bytes);
    return static_cast<double>(options_.capacity.memory_bytes) * kDefaultMemoryShare;
}

double Admission::weights() const {
    double sum = 0;
    for (const auto& [id, running] : running_) sum += running.weight;
    return sum;
}

// --- Measuring -----------------------------------------------------------------------------------

void Admission::measure(const Usage& usage, Instant now) {
    if (measured_at_ && now - *measured_at_ < kShortestWindow) return;
    if (measured_at_) {
        const Nanoseconds spent = std::max(usage.cpu - cpu_at_measurement_, Nanoseconds(0));
        windows_.push_back({*measured_at_, now, to_seconds(spent)});
        if (windows_.size() > kWindows) windows_.pop_front();
        learn_cores(windows_.back());
    }
    learn_memory(usage.memory_bytes);
    ended_seconds_ = 0;
    measured_at_ = now;
    cpu_at_measurement_ = usage.cpu;
}

void Admission::learn_cores(const Window& window) {
    const double fade = std::exp(-to_seconds(window.to - window.from) / kMemorySeconds);
    double recording_seconds = ended_seconds_;
    for (const auto& [id, running] : running_) {
        recording_seconds +=
            running.weight * overlap_seconds(window.from, window.to, running.since);
    }
    learned_cpu_seconds_ *= fade;
    learned_recording_seconds_ *= fade;
    // With nothing to record, CPU time is no recording's.
    if (recording_seconds <= 0) return;
    learned_cpu_seconds_ += window.cpu_seconds;
    learned_recording_seconds_ += recording_seconds;
}

/// Freed memory stays with the process, so what is resident is what its fullest hour has needed.
void Admission::learn_memory(std::uint64_t resident_bytes) {
    memory_resident_ = static_cast<double>(resident_bytes);
    most_weight_ = std::max(most_weight_, weights());
    if (!memory_at_rest_) memory_at_rest_ = memory_resident_;
    if (most_weight_ <= 0) return;
    const double grown = std::max(0.0, memory_resident_ - *memory_at_rest_);
    memory_each_ = (kGuessedMemory * kGuessRecordings + grown) / (kGuessRecordings + most_weight_);
    memory_each_ = std::max(memory_each_, kGuessedMemory * kLeastOfGuess);
}

// --- Deciding ------------------------------------------------------------------------------------

Admission::Cores Admission::cores() const {
    Cores out;
    out.each = (kGuessedCores * kGuessSeconds + learned_cpu_seconds_) /
               (kGuessSeconds + learned_recording_seconds_);
    out.each = std::max(out.each, kGuessedCores * kLeastOfGuess);
    if (windows_.empty()) {
        out.used = weights() * out.each;
        return out;
    }
    const Instant from = windows_.front().from;
    const Instant to = windows_.back().to;
    const double length = to_seconds(to - from);
    double measured = 0;
    for (const Window& window : windows_) measured += window.cpu_seconds / length;
    // Of what was measured, the part of those that have just begun counts once.
    double settled = 0;
    double fresh = 0;
    double fresh_in_measured = 0;
    for (const auto& [id, running] : running_) {
        if (running.since <= from) {
            settled += running.weight * out.each;
            continue;
        }
        fresh += running.weight * out.each;
        fresh_in_measured +=
            running.weight * out.each * overlap_seconds(from, to, running.since) / length;
    }
    const double of_settled = std::max(settled, measured - fresh_in_measured);
    out.used = std::max(measured, of_settled + fresh);
    return out;
}

/// Without recordings, what is resident is free to be used again: never is everybody refused.
Admission::Memory Admission::memory() const {
    const double expected = memory_at_rest_.value_or(0) + weights() * memory_each_;
    return {running_.empty() ? expected : std::max(expected, memory_resident_), memory_each_};
}

std::optional<std::string> Admission::refusal(Workload workload) const {
    const std::size_t count = running_.size();
    const double weight = weight_of(workload);
    if (options_.max_recordings > 0 && count >= options_.max_recordings) {
        return "this recorder is full: max_recordings is " +
               std::to_string(options_.max_recordings);
    }
    const Cores cpu = cores();
    if (cpu.used + weight * cpu.each > cores_limit() + kRounding) {
        return "this machine is full: " + number_of_recordings(count) + " " + rounded(cpu.used, 2) +
               " of " + rounded(options_.capacity.cores, 2) + " cores (limit " +
               rounded(options_.max_cpu_utilization * 100, 1) + " %)";
    }
    const Memory space = memory();
    if (memory_limit() > 0 && space.used + weight * space.each > memory_limit()) {
        return "this machine is full: " + number_of_recordings(count) + " " +
               rounded(space.used / 1e6, 0) + " MB of memory (limit " +
               rounded(memory_limit() / 1e6, 0) + " MB)";
    }
    return std::nullopt;
}

void Admission::begin(const std::string& egress_id, Workload workload, Instant now) {
    running_.try_emplace(egress_id, Running{weight_of(workload), now});
}

void Admission::end(const std::string& egress_id, Instant now) {
    const auto it = running_.find(egress_id);
    if (it == running_.end()) return;
    if (measured_at_) {
        ended_seconds_ += it->second.weight * overlap_seconds(*measured_at_, now, it->second.since);
    }
    running_.erase(it);
}

Admission::Status Admission::status() const {
    const Cores cpu = cores();
    const Memory space = memory();
    Status out;
    out.recordings = running_.size();
    out.cores = options_.capacity.cores;
    out.cores_used = cpu.used;
    out.cores_limit = cores_limit();
    out.cores_a_recording = cpu.each;
    out.cpu_load = load_of(cpu.used, cores_limit(), cpu.each);
    out.load = out.cpu_load;
    double fit = how_many_fit(cpu.used, cores_limit(), cpu.each);
    out.memory_used_bytes = static_cast<std::uint64_t>(space.used);
    out.memory_limit_bytes = static_cast<std::uint64_t>(memory_limit());
    if (memory_limit() > 0) {
        out.memory_load = load_of(space.used, memory_limit(), space.each);
        out.load = std::max(out.load, out.memory_load);
        fit = std::min(fit, how_many_fit(space.used, memory_limit(), space.each));
    }
    if (options_.max_recordings > 0) {
        const auto most = static_cast<double>(options_.max_recordings);
        const auto count = static_cast<double>(running_.size());
        out.load = std::max(out.load, std::min(1.0, count / most));
        fit = std::min(fit, std::max(0.0, most - count));
    }
    out.slots_free = static_cast<std::size_t>(fit);
    return out;
}

// --- Bidding -------------------------------------------------------------------------------------

namespace {

constexpr double kHighestBid = 0.98;  // 1 would be taken before others have bid.
constexpr double kBidOfFull = 0.54;
constexpr double kChance = 0.04;

/// FNV-1a, the same everywhere, with a last mix so that similar names are far apart.
std::uint64_t hash_of(std::string_view worker, std::string_view job) {
    std::uint64_t hash = 14695981039346656037U;
    for (const std::string_view text : {worker, std::string_view("/"), job}) {
        for (const char letter : text) {
            hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
        }
    }
    hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
    return hash ^ (hash >> 33U);
}

}  // namespace

float bid_of(double load, std::string_view worker, std::string_view job) {
    const double chance = static_cast<double>(hash_of(worker, job) % 1000) / 1000;
    const double by_load = (kHighestBid - kBidOfFull) * std::clamp(load, 0.0, 1.0);
    return static_cast<float>(kHighestBid - by_load - kChance * chance);
}

}  // namespace aircheck::control
