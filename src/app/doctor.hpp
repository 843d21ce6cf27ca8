#pragma once

#include "app/commands.hpp"
#include "app/config.hpp"
#include "net/http_client.hpp"

#include <string>
#include <utility>
#include <vector>

namespace aircheck::app {

/// What `doctor` found out about one thing.
struct Finding {
    enum class Status { Ok, Warning, Error } status = Status::Ok;
    std::string check;
    std::string detail;
    std::string setting;  ///< What to change; "" when all is well.
    std::string remedy;
};

using Findings = std::vector<Finding>;

[[nodiscard]] inline Finding fine(std::string check, std::string detail) {
    return {Finding::Status::Ok, std::move(check), std::move(detail), "", ""};
}
[[nodiscard]] inline Finding warning(
    std::string check, std::string detail, std::string setting, std::string remedy
) {
    return {
        Finding::Status::Warning,
        std::move(check),
        std::move(detail),
        std::move(setting),
        std::move(remedy)};
}
[[nodiscard]] inline Finding error(
    std::string check, std::string detail, std::string setting, std::string remedy
) {
    return {
        Finding::Status::Error,
        std::move(check),
        std::move(detail),
        std::move(setting),
        std::move(remedy)};
}

/// On standard output, one a line or as JSON; Failed when one is an error.
[[nodiscard]] ExitCode print_findings(const Findings& findings, Listing listing);

/// Asks Redis, where one is configured, as the worker on livekit-server's bus would. Blocks for as
/// long as `redis.dial_timeout` and two seconds.
void check_redis(const Config& config, Findings& findings);

/// Tries every right that recordings will need of the configured store: to write in one piece and
/// in parts, to take parts back, to read, list and delete, and a signed link. Blocks as long as the
/// store's retries take; leaves nothing behind where it may delete.
void check_storage(const Config& config, net::HttpClient& http, Findings& findings);

}  // namespace aircheck::app
