#include "app/doctor.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace aircheck::app {
namespace {

void print(const Finding& finding, Listing listing) {
    constexpr const char* kNames[] = {"ok", "warning", "error"};
    const char* status = kNames[static_cast<int>(finding.status)];
    if (listing == Listing::Json) {
        const nlohmann::json line{
            {"check", finding.check},
            {"status", status},
            {"detail", finding.detail},
            {"setting", finding.setting},
            {"remedy", finding.remedy}};
        std::printf(
            "%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str()
        );
        return;
    }
    std::printf("%-8s %-14s %s\n", status, finding.check.c_str(), finding.detail.c_str());
    if (finding.status != Finding::Status::Ok && !finding.remedy.empty()) {
        std::printf(
            "         %-14s → %s%s%s\n",
            "",
            finding.setting.c_str(),
            finding.setting.empty() ? "" : ": ",
            finding.remedy.c_str()
        );
    }
}

}  // namespace

ExitCode print_findings(const Findings& findings, Listing listing) {
    bool failed = false;
    for (const Finding& finding : findings) {
        print(finding, listing);
        failed |= finding.status == Finding::Status::Error;
    }
    return failed ? ExitCode::Failed : ExitCode::Done;
}

}  // namespace aircheck::app
