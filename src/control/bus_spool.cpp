#include "control/bus_spool.hpp"

#include "core/id.hpp"
#include "core/log.hpp"
#include "proto/livekit_egress.pb.h"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace aircheck::control {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".info";

}  // namespace

Result<BusSpool> BusSpool::open(fs::path folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return fail_errno(error.value(), "folder '" + folder.string() + "'");
    return BusSpool(std::move(folder));
}

fs::path BusSpool::file_of(const std::string& egress_id) const {
    return folder_ / (egress_id + kExtension);
}

Result<> BusSpool::keep(const livekit::EgressInfo& info) const {
    if (!is_id(info.egress_id(), "EG_")) {
        return fail(Errc::InvalidArgument, "'" + info.egress_id() + "' is no egress id");
    }
    const fs::path file = file_of(info.egress_id());
    fs::path draft = file;
    draft += ".new";
    {
        std::ofstream out(draft, std::ios::binary | std::ios::trunc);
        const bool written = info.SerializeToOstream(&out) && out.flush();
        if (!written) return fail_errno(errno == 0 ? EIO : errno, draft.string());
    }
    std::error_code error;
    fs::rename(draft, file, error);
    if (error) return fail_errno(error.value(), file.string());
    return {};
}

void BusSpool::forget(const std::string& egress_id) const {
    std::error_code ignored;
    fs::remove(file_of(egress_id), ignored);
}

std::vector<livekit::EgressInfo> BusSpool::all() const {
    std::vector<livekit::EgressInfo> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) {
        if (entry.path().extension() != kExtension) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        livekit::EgressInfo info;
        if (info.ParseFromIstream(&in) && info.egress_id() == entry.path().stem().string()) {
            found.push_back(std::move(info));
        } else {
            log::error("bus.state_unreadable", {{"file", entry.path().string()}});
        }
    }
    return found;
}

}  // namespace aircheck::control
