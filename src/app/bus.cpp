#include "app/bus.hpp"

#include "control/bus_host.hpp"
#include "control/bus_worker.hpp"
#include "control/redis_bus.hpp"

#include <filesystem>
#include <utility>

namespace aircheck::app {
namespace {

using std::chrono::milliseconds;

}  // namespace

control::BusWorker::Options bus_worker_options(const Config& config, std::string worker) {
    control::BusWorker::Options options;
    options.worker_id = std::move(worker);
    options.cluster_id = config.bus.cluster_id;
    options.folder = std::filesystem::path(config.data_dir) / "bus";
    options.create_timeout = config.bus.io_create_timeout;
    options.update_timeout = config.bus.io_update_timeout;
    options.selection_timeout = config.bus.io_selection_timeout;
    return options;
}

net::RedisSettings redis_settings(const RedisConfig& config) {
    net::RedisSettings settings;
    settings.address = config.address;
    settings.username = config.username;
    settings.password = config.password.reveal();
    settings.db = config.db;
    // As LiveKit has it: `tls` counts when it is enabled, else the older `use_tls`.
    if (config.tls.enabled) {
        auto& tls = settings.tls.emplace();
        tls.is_verified = !config.tls.insecure;
        tls.server_name = config.tls.server_name;
        tls.ca_file = config.tls.ca_cert_file;
        tls.certificate_file = config.tls.client_cert_file;
        tls.key_file = config.tls.client_key_file;
    } else if (config.use_tls) {
        settings.tls.emplace();
    }
    settings.sentinel_master_name = config.sentinel_master_name;
    settings.sentinel_username = config.sentinel_username;
    settings.sentinel_password = config.sentinel_password.reveal();
    settings.sentinel_addresses = config.sentinel_addresses;
    settings.cluster_addresses = config.cluster_addresses;
    settings.max_redirects = config.max_redirects;
    if (!config.sentinel_addresses.empty()) {
        // LiveKit's own defaults with sentinels: a failover must not be waited for.
        settings.dial_timeout = milliseconds(2000);
        settings.read_timeout = settings.write_timeout = milliseconds(200);
    }
    const auto take = [](int configured, milliseconds& timeout) {
        if (configured > 0) timeout = milliseconds(configured);
    };
    take(config.dial_timeout_ms, settings.dial_timeout);
    take(config.read_timeout_ms, settings.read_timeout);
    take(config.write_timeout_ms, settings.write_timeout);
    return settings;
}

struct Bus::Impl {
    Impl(
        net::Loop& loop,
        std::unique_ptr<net::Redis> redis,
        control::EgressService& egresses,
        control::BusHost::Beyond beyond,
        control::BusWorker::Options options
    )
        : clock(loop),
          bus(std::move(redis)),
          host(egresses, beyond),
          worker(bus, clock, host, std::move(options)) {
        host.set_report([this](const livekit::EgressInfo& info) { worker.report(info); });
    }

    control::LoopClock clock;
    control::RedisBus bus;
    control::BusHost host;
    control::BusWorker worker;
};

Result<std::unique_ptr<Bus>> Bus::create(
    net::Loop& loop, const Config& config, std::string worker, control::EgressService& egresses
) {
    AC_TRY(auto redis, net::Redis::create(loop, redis_settings(config.redis)));
    const auto beyond = config.delegate == DelegateTo::LiveKit ? control::BusHost::Beyond::Left
                                                               : control::BusHost::Beyond::Refused;
    return std::unique_ptr<Bus>(new Bus(std::make_unique<Impl>(
        loop, std::move(redis), egresses, beyond, bus_worker_options(config, std::move(worker))
    )));
}

Bus::Bus(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bus::~Bus() = default;

Result<> Bus::open() { return impl_->worker.open(); }
void Bus::start() { static_cast<void>(impl_->worker.start()); }
void Bus::drain() { impl_->worker.drain(); }
bool Bus::is_settled() const { return impl_->worker.is_settled(); }

}  // namespace aircheck::app
