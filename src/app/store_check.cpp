#include "app/store_check.hpp"

#include "app/options_of.hpp"
#include "storage/s3_address.hpp"

namespace aircheck::app {

Result<> check_store(const Config& config) {
    const auto destination = default_destination(config);
    const auto* s3 = std::get_if<storage::S3Destination>(&destination);
    if (s3 == nullptr) return {};
    if (auto fits = storage::check_destination(*s3); !fits) {
        return tl::unexpected(in_context("storage.s3", fits.error()));
    }
    return {};
}

}  // namespace aircheck::app
