#pragma once

#include <unistd.h>

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

}  // namespace aircheck::storage::testing
