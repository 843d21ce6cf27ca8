#pragma once

#include "bench/child.hpp"

#include "core/result.hpp"
#include "net/http_client.hpp"

#include <memory>
#include <string>

namespace aircheck::bench {

/// `aircheck serve`, the program that was built with this one, in a process of its own on loopback;
/// ended at once by the destructor.
class Service {
public:
    struct Settings {
        std::string folder;        ///< Its data and its configuration; made.
        std::string ws_url;        ///< The room server's; "": none.
        std::string redis;         ///< "host:port" of livekit-server's bus; "": none.
        double utilization = 0.8;  ///< Of the cores, what recordings may take.
    };
    /// Ready to take requests. Errors: it does not start, or is not ready within a minute.
    [[nodiscard]] static Result<std::unique_ptr<Service>> start(const Settings& settings);

    /// A call of the Egress API with a JSON body. Any HTTP status is a result. From any thread.
    [[nodiscard]] Result<net::HttpResponse> call(
        const std::string& method, const std::string& body
    );
    /// The value of a metric without labels, as /metrics says now. Errors: it is not there.
    [[nodiscard]] Result<double> metric(const std::string& name);
    /// User and system time of the process until now, in seconds.
    [[nodiscard]] double cpu_seconds() const { return process_.cpu_seconds(); }

private:
    Service(Child process, std::string url);
    [[nodiscard]] bool wait_until_ready();

    Child process_;
    std::string url_;
    std::string token_;
    net::HttpClient http_;
};

}  // namespace aircheck::bench
