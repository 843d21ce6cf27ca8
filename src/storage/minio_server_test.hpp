#pragma once

#include "core/temp_folder_testing.hpp"
#include "storage/destination.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace aircheck::storage::testing {

/// A real MinIO on a free port of loopback; its data live as long as the object.
class MinioServer {
public:
    MinioServer();
    ~MinioServer();
    MinioServer(const MinioServer&) = delete;
    MinioServer& operator=(const MinioServer&) = delete;

    /// Starts it and waits until it answers (30 s at most); fails the test when it does not, or
    /// when there is no MinIO.
    void start();
    /// Kills it; start() goes on with the same data and port.
    void stop();
    /// A destination in it whose few retries are quick.
    [[nodiscard]] S3Destination destination(const std::string& bucket) const;

private:
    tests::TempFolder folder_;
    std::uint16_t port_ = 0;
    std::uint16_t console_port_ = 0;
    pid_t process_ = -1;
};

}  // namespace aircheck::storage::testing
