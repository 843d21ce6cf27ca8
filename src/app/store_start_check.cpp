#include "app/store_start_check.hpp"

#include "core/log.hpp"
#include "storage/object_store.hpp"

namespace aircheck::app {
namespace {

/// The calls that an upload begins with; a name that no recording has.
Result<> try_store(const storage::Destination& destination, net::HttpClient& http) {
    AC_TRY(const auto store, storage::ObjectStore::create(destination, http));
    AC_CHECK_OK(store->check_access());
    const std::string key = storage::prefix_of(destination) + "aircheck-start.txt";
    AC_TRY(const auto id, store->create_multipart(key, {"text/plain"}));
    const auto sent = store->upload_part(key, id, 1, "aircheck");
    const auto taken_back = store->abort_multipart(key, id);
    if (!sent) return tl::unexpected(sent.error());
    if (!taken_back) {
        log::warn(
            "storage.parts_stay",
            {{"store", storage::describe(destination)}, {"error", taken_back.error().to_string()}}
        );
    }
    return {};
}

}  // namespace

StoreStartCheck::StoreStartCheck(storage::Destination destination) : pool_("store", 1) {
    storage::StoreNetwork* network = storage::network_of(destination);
    if (network == nullptr) return;
    network->retry.max_retries = 1;
    pool_.run([destination = std::move(destination), http = &http_] {
        const std::string store = storage::describe(destination);
        const auto tried = try_store(destination, *http);
        if (tried) {
            log::info("storage.ready", {{"store", store}});
        } else if (tried.error().code != Errc::Cancelled) {
            log::error(
                "storage.refused",
                {{"store", store},
                 {"error", tried.error().to_string()},
                 {"remedy", "recordings will wait in the spool: see `aircheck storage check`"}}
            );
        }
    });
}

StoreStartCheck::~StoreStartCheck() {
    http_.abort();
    pool_.finish();
}

}  // namespace aircheck::app
