#pragma once

#include "tests/support/server_process.hpp"

#include "core/temp_folder_testing.hpp"
#include "storage/destination.hpp"

#include <unistd.h>

#include <stdexcept>
#include <string>

namespace aircheck::storage::testing {

/// tests/support/gcs_server.py, a strict stand-in for Google Cloud Storage, on a free port of
/// loopback; its data live as long as the object.
class GcsServer {
public:
    explicit GcsServer(std::string bucket) : bucket_(std::move(bucket)) {}

    /// Throws when there is no Python of the tests (tools/bootstrap peers), or it does not come up.
    void start() {
        process_.start(
            {at_root(".peers/venv/bin/python"),
             at_root("tests/support/gcs_server.py"),
             "--port",
             std::to_string(port_),
             "--folder",
             folder_ / "data",
             "--bucket",
             bucket_},
            folder_ / "log",
            port_
        );
    }
    /// Kills it; start() goes on with the same data and port. The tokens that it gave are
    /// forgotten.
    void stop() { process_.stop(); }

    /// A destination in it whose few retries are quick, by its account's key or by another's.
    [[nodiscard]] GcsDestination destination(
        const std::string& bucket, const std::string& credentials = "credentials.json"
    ) const {
        GcsDestination destination;
        destination.bucket = bucket;
        destination.endpoint = "http://127.0.0.1:" + std::to_string(port_);
        destination.credentials = tests::read_file(folder_ / ("data/" + credentials));
        destination.retry = {2, std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
        return destination;
    }

private:
    /// From the root and from build folders.
    static std::string at_root(const std::string& path) {
        for (const char* up : {"", "../", "../../"}) {
            if (access((up + path).c_str(), R_OK) == 0) return up + path;
        }
        throw std::runtime_error("no " + path + ": run tools/bootstrap peers");
    }

    std::string bucket_;
    tests::TempFolder folder_;
    std::uint16_t port_ = tests::free_port();
    tests::ServerProcess process_;
};

}  // namespace aircheck::storage::testing
