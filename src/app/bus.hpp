#pragma once

#include "app/config.hpp"
#include "control/bus_worker.hpp"
#include "control/egress_service.hpp"
#include "core/result.hpp"
#include "net/loop.hpp"
#include "net/redis.hpp"

#include <functional>
#include <memory>
#include <string>

namespace aircheck::app {

/// How `redis` of the configuration is connected to.
[[nodiscard]] net::RedisSettings redis_settings(const RedisConfig& config);

/// What the configuration says of the worker called `worker`.
[[nodiscard]] control::BusWorker::Options bus_worker_options(
    const Config& config, std::string worker
);

/// The worker on livekit-server's bus, with its connection, for the service. On the loop's thread.
class Bus {
public:
    /// Begins to connect; jobs come after start(). `worker`: this process' name, the same after a
    /// restart. Errors name the setting.
    [[nodiscard]] static Result<std::unique_ptr<Bus>> create(
        net::Loop& loop, const Config& config, std::string worker, control::EgressService& egresses
    );
    ~Bus();
    /// Reads what a former process left untold. Errors: the folder of `data_dir`.
    [[nodiscard]] Result<> open();
    /// After open(): tells that, and takes jobs.
    void start();
    /// No more jobs; those that run are told to their end.
    void drain();
    /// Nothing is left to be told.
    [[nodiscard]] bool is_settled() const;

private:
    struct Impl;
    explicit Bus(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::app
