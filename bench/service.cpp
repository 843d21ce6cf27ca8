#include "bench/service.hpp"

#include "tests/support/loopback.hpp"

#include "core/time.hpp"
#include "net/jwt.hpp"
#include "storage/minio_testing.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace aircheck::bench {
namespace {

using nlohmann::json;

constexpr const char* kKey = "devkey";
constexpr const char* kSecret = "secret";
constexpr int kTriesForReadiness = 600;

std::string make_token() {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch());
    const json claims = {
        {"iss", kKey},
        {"exp", (now + std::chrono::hours(24)).count()},
        {"video", {{"roomRecord", true}}}};
    return net::sign_jwt(claims.dump(), kSecret);
}

json configuration(const Service::Settings& settings, const std::string& address) {
    json all = {
        {"http", {{"bind", address}}},
        {"data_dir", settings.folder + "/data"},
        {"api_key", kKey},
        {"api_secret", kSecret},
        {"cpu_cost", {{"max_cpu_utilization", settings.utilization}}},
        {"logging", {{"level", "error"}}}};
    // Without a room server there are no rooms, but a service wants to know where they would be.
    all["ws_url"] = settings.ws_url.empty() ? "ws://127.0.0.1:1" : settings.ws_url;
    if (!settings.redis.empty()) all["redis"] = {{"address", settings.redis}};
    return all;
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(const Settings& settings) {
    const std::string address = "127.0.0.1:" + std::to_string(tests::free_port());
    std::error_code error;
    std::filesystem::create_directories(settings.folder, error);
    if (error) return fail_errno(error.value(), "create folder " + settings.folder);
    const std::string file = settings.folder + "/aircheck.yaml";
    std::ofstream(file) << configuration(settings, address).dump(2) << "\n";  // JSON is YAML.
    AC_TRY(auto process, Child::start({AIRCHECK_PROGRAM, "serve", "--config", file}));
    std::unique_ptr<Service> service(new Service(std::move(process), "http://" + address));
    if (!service->wait_until_ready()) return fail(Errc::Timeout, "aircheck serve is not ready");
    return service;
}

Service::Service(Child process, std::string url)
    : process_(std::move(process)), url_(std::move(url)), token_(make_token()) {}

bool Service::wait_until_ready() {
    net::HttpRequest probe;
    probe.url = url_ + "/readyz";
    for (int tries = 0; tries < kTriesForReadiness; ++tries) {
        const auto response = http_.send(probe);
        if (response && response->status == 200) return true;
        std::this_thread::sleep_for(100ms);
    }
    return false;
}

Result<net::HttpResponse> Service::call(const std::string& method, const std::string& body) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = url_ + "/twirp/livekit.Egress/" + method;
    request.headers.set("Authorization", "Bearer " + token_);
    request.headers.set("Content-Type", "application/json");
    request.body = body;
    return http_.send(request);
}

Result<double> Service::metric(const std::string& name) {
    net::HttpRequest request;
    request.url = url_ + "/metrics";
    AC_TRY(const auto response, http_.send(request));
    const std::string line = "\n" + name + " ";
    const std::size_t at = response.body.find(line);
    if (at == std::string::npos) return fail(Errc::NotFound, "/metrics has no " + name);
    return std::strtod(response.body.c_str() + at + line.size(), nullptr);
}

}  // namespace aircheck::bench
