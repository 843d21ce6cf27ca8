#pragma once

#include "tests/support/server_process.hpp"

#include "core/temp_folder_testing.hpp"
#include "storage/destination.hpp"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace aircheck::storage::testing {

/// A real Azurite on a free port of loopback; its data live as long as the object.
class AzuriteServer {
public:
    /// Throws when there is none (tools/bootstrap peers) or when it does not come up.
    void start() {
        process_.start(
            {"node",
             program(),
             "--location",
             folder_ / "data",
             "--blobHost",
             "127.0.0.1",
             "--blobPort",
             std::to_string(port_),
             "--silent",
             "--disableTelemetry"},
            folder_ / "log",
            port_
        );
    }
    /// Kills it; start() goes on with the same data and port.
    void stop() { process_.stop(SIGTERM); }

    /// A destination in it whose few retries are quick. Account and key are Azurite's own, public.
    [[nodiscard]] AzureDestination destination(const std::string& container) const {
        AzureDestination destination;
        destination.account = "devstoreaccount1";
        destination.container = container;
        destination.endpoint = "http://127.0.0.1:" + std::to_string(port_) + "/devstoreaccount1";
        destination.account_key =
            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
            "KBHBeksoGMGw==";
        destination.retry = {2, std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
        return destination;
    }

private:
    /// AIRCHECK_AZURITE, else where the project's peers are, from the root and from build folders.
    static std::string program() {
        if (const char* named = std::getenv("AIRCHECK_AZURITE")) return named;
        for (const char* up : {"", "../", "../../"}) {
            std::string path =
                std::string(up) + ".peers/node_modules/azurite/dist/src/blob/main.js";
            if (access(path.c_str(), R_OK) == 0) return path;
        }
        throw std::runtime_error("no azurite: set AIRCHECK_AZURITE, or run tools/bootstrap peers");
    }

    tests::TempFolder folder_;
    std::uint16_t port_ = tests::free_port();
    tests::ServerProcess process_;
};

}  // namespace aircheck::storage::testing
