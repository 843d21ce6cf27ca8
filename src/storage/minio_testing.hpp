#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace aircheck::storage::testing {

/// Where a MinIO is: AIRCHECK_MINIO, the PATH, then where the project's peers are, looked for from
/// the root and from a build folder. Empty: nowhere.
inline std::string find_minio() {
    std::vector<std::string> candidates;
    if (const char* named = std::getenv("AIRCHECK_MINIO")) candidates.emplace_back(named);
    if (const char* path = std::getenv("PATH")) {
        std::istringstream folders(path);
        for (std::string folder; std::getline(folders, folder, ':');) {
            candidates.push_back(folder + "/minio");
        }
    }
    for (const char* up : {"", "../", "../../"}) {
        candidates.push_back(std::string(up) + ".peers/bin/minio");
    }
    for (const std::string& candidate : candidates) {
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

/// Answers 200 once MinIO takes requests; its "/minio/health/ready" does so a moment earlier.
inline constexpr const char* kMinioReadyPath = "/minio/health/cluster";

/// A TCP port of loopback that nobody listens on now, for a server that must be told one.
inline std::uint16_t free_port() {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    bind(descriptor, reinterpret_cast<const sockaddr*>(&address), length);
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
    close(descriptor);
    return ntohs(address.sin_port);
}

}  // namespace aircheck::storage::testing
