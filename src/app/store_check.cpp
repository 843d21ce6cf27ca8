#include "app/store_check.hpp"

#include "app/config_keys.hpp"
#include "app/options_of.hpp"
#include "net/http_client.hpp"
#include "storage/object_store.hpp"

namespace aircheck::app {

Result<> check_store(const Config& config) {
    const auto destination = default_destination(config);
    if (std::holds_alternative<storage::LocalDestination>(destination)) return {};
    net::HttpClient unused;
    if (auto fits = storage::ObjectStore::create(destination, unused); !fits) {
        return tl::unexpected(in_context(store_section(config), fits.error()));
    }
    return {};
}

}  // namespace aircheck::app
