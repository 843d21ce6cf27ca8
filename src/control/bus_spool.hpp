#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace livekit {
class EgressInfo;
}

namespace aircheck::control {

/// The newest state of each job of the bus, on disk until livekit-server took its last one: a file
/// a job, replaced as a whole, so that a process that ends at any moment leaves the old or the new
/// state. Blocking, for a page-cache write.
class BusSpool {
public:
    /// Makes `folder` if it is missing. Errors name it.
    [[nodiscard]] static Result<BusSpool> open(std::filesystem::path folder);
    /// Errors name the file. `info.egress_id` must be an id (is_id).
    [[nodiscard]] Result<> keep(const livekit::EgressInfo& info) const;
    void forget(const std::string& egress_id) const;
    /// What is there; files that cannot be read are logged and left.
    [[nodiscard]] std::vector<livekit::EgressInfo> all() const;

private:
    explicit BusSpool(std::filesystem::path folder) : folder_(std::move(folder)) {}
    [[nodiscard]] std::filesystem::path file_of(const std::string& egress_id) const;

    std::filesystem::path folder_;
};

}  // namespace aircheck::control
