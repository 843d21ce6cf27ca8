#include "app/store_check.hpp"

#include "app/options_of.hpp"
#include "net/http_client.hpp"
#include "storage/object_store.hpp"

namespace aircheck::app {

Result<> check_store(const Config& config) {
    const auto destination = default_destination(config);
    if (std::holds_alternative<storage::LocalDestination>(destination)) return {};
    net::HttpClient unused;
    if (auto fits = storage::ObjectStore::create(destination, unused); !fits) {
        const auto* section = config.storage.s3 ? "storage.s3" : "storage.azure";
        return tl::unexpected(in_context(section, fits.error()));
    }
    return {};
}

}  // namespace aircheck::app
