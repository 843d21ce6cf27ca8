#include "bench/idle.hpp"

#include "bench/service.hpp"
#include "tests/support/server_process.hpp"

#include "storage/minio_testing.hpp"

#include <thread>

namespace aircheck::bench {
namespace {

/// What starting leaves to be done, the first sweeps and polls among it, is over by then.
constexpr Nanoseconds kSettle = 5s;

struct Spent {
    double service = 0;
    double redis = 0;
};

/// CPU seconds a minute, over `length`.
Spent watch(const Service& service, const Child* redis, Nanoseconds length) {
    const auto redis_cpu = [redis] { return redis == nullptr ? 0 : redis->cpu_seconds(); };
    std::this_thread::sleep_for(kSettle);
    const Instant since = monotonic_now();
    const double service_before = service.cpu_seconds();
    const double redis_before = redis_cpu();
    std::this_thread::sleep_for(length);
    const double minutes = to_seconds(monotonic_now() - since) / 60;
    return {
        (service.cpu_seconds() - service_before) / minutes, (redis_cpu() - redis_before) / minutes};
}

bool wait_until_listening(std::uint16_t port) {
    for (int tries = 0; tries < 300; ++tries) {
        if (tests::listens(port)) return true;
        std::this_thread::sleep_for(100ms);
    }
    return false;
}

}  // namespace

Result<std::optional<Idle>> measure_idle(Nanoseconds length, const std::string& folder) {
    const std::uint16_t port = tests::free_port();
    const std::vector<std::string> words = {
        "redis-server",
        "--port",
        std::to_string(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        folder};
    auto redis = Child::start(words);
    if (!redis) return std::optional<Idle>();
    if (!wait_until_listening(port)) return fail(Errc::Timeout, "redis-server does not listen");

    Idle idle;
    Service::Settings settings;
    settings.folder = folder + "/idle";
    {
        AC_TRY(const auto service, Service::start(settings));
        idle.alone = watch(*service, nullptr, length).service;
    }
    settings.redis = "127.0.0.1:" + std::to_string(port);
    AC_TRY(const auto service, Service::start(settings));
    const Spent spent = watch(*service, &*redis, length);
    idle.on_bus = spent.service;
    idle.redis = spent.redis;
    return std::optional<Idle>(idle);
}

void add_idle(const Idle& idle, Report& report) {
    constexpr double kBudget = 0.1;  ///< "Near zero": % of a core.
    report.add({"idle.alone", "service without a bus", idle.alone, "s"});
    report.add({"idle.on_bus", "service on livekit-server's Redis bus", idle.on_bus, "s"});
    report.add(
        {"idle.on_bus_core",
         "  of a core",
         idle.on_bus / 60 * 100,
         "%",
         Report::Bound::AtMost,
         kBudget}
    );
    report.add({"idle.redis", "  redis-server's, apart", idle.redis, "s"});
}

}  // namespace aircheck::bench
