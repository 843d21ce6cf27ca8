#include "app/service.hpp"

#include "api/forwarding.hpp"
#include "api/server.hpp"
#include "app/bus.hpp"
#include "app/data_dir_lock.hpp"
#include "app/options_of.hpp"
#include "app/store_start_check.hpp"
#include "app/worker_id.hpp"
#include "control/egress_service.hpp"
#include "control/machine.hpp"
#include "control/room_watch.hpp"
#include "control/secrets.hpp"
#include "control/worker_leases.hpp"
#include "core/log.hpp"
#include "net/http_client.hpp"
#include "notify/outbox.hpp"
#include "recorder/recorder.hpp"
#include "records/store.hpp"

#include <filesystem>
#include <optional>
#include <utility>

namespace aircheck::app {
namespace {

constexpr unsigned kRemoteThreads = 4;
constexpr Nanoseconds kShutdownStep = 100ms;
constexpr Nanoseconds kMeasuringInterval = 5s;
/// After the last recording: its record and its webhooks get this long before the process ends;
/// what is not delivered by then is in the outbox.
constexpr Nanoseconds kLastWebhooks = 2s;
/// livekit-server gets this long to take the last states of its jobs; later the next process tells
/// them.
constexpr Nanoseconds kLastReports = 10s;

}  // namespace

/// Members are destroyed in reverse: what others refer to comes first.
struct Service::Impl {
    Impl(net::Loop& home, Config given) : loop(home), config(std::move(given)) {}

    net::Loop& loop;
    Config config;
    std::string url;
    std::unique_ptr<DataDirLock> lock;
    net::HttpClient http;
    std::unique_ptr<records::Store> store;
    std::unique_ptr<notify::Outbox> outbox;
    std::unique_ptr<recorder::Recorder> recorder;
    std::unique_ptr<control::RoomService> rooms;
    std::unique_ptr<net::Pool> records_pool;
    std::unique_ptr<net::Pool> remote_pool;
    std::unique_ptr<control::Admission> admission;
    std::unique_ptr<control::EgressService> egresses;
    std::unique_ptr<control::WorkerLeases> leases;  ///< Where others share the records.
    std::unique_ptr<control::RoomWatch> watch;
    std::unique_ptr<Bus> bus;  ///< With `redis` set.
    std::unique_ptr<api::Delegate> delegate;
    std::unique_ptr<api::Server> server;
    std::unique_ptr<net::Timer> timer;
    std::unique_ptr<net::Timer> measuring;
    std::unique_ptr<StoreStartCheck> store_check;
    std::function<void()> on_done;  ///< Once draining: when nothing runs any more.

    [[nodiscard]] Result<> open();
    [[nodiscard]] control::WorkerLeases::Handlers lease_handlers();
    /// Now and every few seconds: what recordings cost here.
    void measure();
    void wait_for_recordings();
    /// Recordings are under way, or reports of them, which are not waited for long.
    [[nodiscard]] bool is_busy();

    std::optional<Instant> idle_since;
};

Result<> Service::Impl::open() {
    std::error_code error;
    std::filesystem::create_directories(config.data_dir, error);
    if (error) return fail(error, "data_dir '" + config.data_dir + "'");
    AC_TRY(lock, DataDirLock::take(config.data_dir));
    AC_TRY(store, records::Store::open(database_of(config)));
    AC_TRY(const auto secrets_key, control::open_secrets_key(secrets_key_file_of(config)));
    AC_TRY(const auto worker, open_worker_id(config.data_dir));
    notify::Outbox::Options telling = outbox_options(config, secrets_key);
    telling.worker = worker;
    AC_TRY(outbox, notify::Outbox::create(*store, std::move(telling)));
    recorder::Recorder::Options recording;
    recording.data_dir = config.data_dir;
    recording.journal_keep = config.journal_keep;
    recording.ice_transport = ice_transport(config);
    AC_TRY(recording.journal_copies, journal_copies(config));
    AC_TRY(recorder, recorder::Recorder::create(loop, std::move(recording)));
    rooms = std::make_unique<control::RoomService>(room_access(config), http);
    records_pool = std::make_unique<net::Pool>("records", 1);
    remote_pool = std::make_unique<net::Pool>("remote", kRemoteThreads);
    timer = std::make_unique<net::Timer>(loop);
    measuring = std::make_unique<net::Timer>(loop);
    admission =
        std::make_unique<control::Admission>(admission_options(config, control::read_capacity()));

    control::EgressService::Options egress;
    egress.defaults = recording_defaults(config);
    egress.links = recording_links(config, secrets_key);
    egress.worker = worker;
    egress.former_worker = worker_name(config);
    // SQLite is for one service, and the lock on data_dir says that there is no other.
    const bool owns_records = database_of(config).find("://") == std::string::npos;
    egress.owns_records = owns_records;
    egress.rejoin_window = config.rejoin_window;
    egress.presigned_locations = config.storage.generate_presigned_url;
    egress.admission = admission.get();
    url = egress.links.public_url;
    egresses = std::make_unique<control::EgressService>(
        loop, *records_pool, *remote_pool, *store, *recorder, *outbox, *rooms, std::move(egress)
    );
    if (!owns_records) {
        leases = std::make_unique<control::WorkerLeases>(
            loop, *records_pool, *store, control::WorkerLeases::Options{worker}, lease_handlers()
        );
    }
    control::RoomWatch::Options watching;
    watching.rules = auto_record_rules(config);
    watching.rejoin_window = config.rejoin_window;
    watch = std::make_unique<control::RoomWatch>(
        loop, *records_pool, *remote_pool, *store, *rooms, *egresses, std::move(watching)
    );
    if (config.delegate == DelegateTo::LiveKit) {
        delegate = std::make_unique<api::Delegate>(*rooms);
    }
    if (config.redis.is_configured()) {
        AC_TRY(bus, Bus::create(loop, config, worker, *egresses));
    }
    return {};
}

control::WorkerLeases::Handlers Service::Impl::lease_handlers() {
    control::WorkerLeases::Handlers handlers;
    handlers.running = [this] { return egresses->running(); };
    handlers.taken_over = [this](records::Recording recording) {
        egresses->adopt(std::move(recording));
    };
    handlers.lost = [this](const std::string& egress_id) { egresses->abandon(egress_id); };
    return handlers;
}

Result<std::unique_ptr<Service>> Service::create(net::Loop& loop, const Config& config) {
    auto impl = std::make_unique<Impl>(loop, config);
    AC_CHECK_OK(impl->open());
    return std::unique_ptr<Service>(new Service(std::move(impl)));
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Service::~Service() {
    impl_->server.reset();
    // Pool jobs refer to the services, so the pools end before those.
    impl_->remote_pool->finish();
    impl_->records_pool->finish();
    impl_->outbox->stop();
}

Result<> Service::start() {
    Impl& all = *impl_;
    api::ServerOptions options;
    options.bind = {all.config.http.bind_host, all.config.http.bind_port};
    options.auth = auth_options(all.config);
    if (all.config.http.forward) {
        const auto access = room_access(all.config);
        AC_TRY(options.forwarding, api::forwarding_to(access.ws_url, access.ca_file));
    }
    options.open_probes = all.config.http.open_probes;
    options.health_port = all.config.health_port;
    options.prometheus_port = all.config.prometheus_port;
    const api::Backend backend{
        all.loop,
        *all.records_pool,
        *all.store,
        *all.egresses,
        *all.watch,
        *all.outbox,
        all.delegate.get()};
    AC_TRY(all.server, api::Server::start(backend, std::move(options)));
    if (all.config.http.bind_port == 0) {
        all.url = app::public_url(all.config, all.server->local().port);
        all.egresses->set_public_url(all.url);
    }
    all.outbox->start();
    all.store_check = std::make_unique<StoreStartCheck>(default_destination(all.config));
    all.measure();
    if (all.bus) AC_CHECK_OK(all.bus->open());
    // First of all: nobody is to take what this process goes on with.
    if (all.leases) all.leases->start();
    all.egresses->take_up([&all] {
        all.watch->start();
        if (all.bus) all.bus->start();
    });
    return {};
}

void Service::recover(
    control::EgressService::Recovery wanted, control::EgressService::OnRecovered on_recovered
) {
    impl_->outbox->start();
    if (impl_->leases) impl_->leases->start();
    impl_->egresses->recover(std::move(wanted), std::move(on_recovered));
}

bool Service::Impl::is_busy() {
    if (egresses->active() > 0) return true;
    if (!bus || bus->is_settled()) return false;
    if (!idle_since) idle_since = monotonic_now();
    return monotonic_now() - *idle_since < kLastReports;
}

void Service::Impl::measure() {
    admission->measure(control::read_usage(), monotonic_now());
    measuring->after(kMeasuringInterval, [this] { measure(); });
}

void Service::Impl::wait_for_recordings() {
    if (is_busy())
        timer->after(kShutdownStep, [this] { wait_for_recordings(); });
    else
        timer->after(kLastWebhooks, on_done);
}

void Service::drain(std::function<void()> on_done) {
    Impl& all = *impl_;
    const bool drains_already = static_cast<bool>(all.on_done);
    all.on_done = std::move(on_done);
    if (drains_already) return;
    if (all.bus) all.bus->drain();
    if (all.leases) all.leases->drain();
    all.egresses->drain();
    if (all.is_busy())
        all.wait_for_recordings();
    else
        all.loop.post(all.on_done);
}

void Service::shut_down(std::function<void()> on_done) {
    drain(std::move(on_done));
    impl_->egresses->shut_down();
}

std::size_t Service::recordings() const { return impl_->egresses->active(); }
net::Endpoint Service::address() const { return impl_->server->local(); }
const std::string& Service::public_url() const { return impl_->url; }

}  // namespace aircheck::app
