#pragma once

#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "storage/destination.hpp"

namespace aircheck::app {

/// Asks the configured store, as the service starts and beside it, whether it will take recordings:
/// that it is there, takes the credentials, and parts of an upload, which are taken back. Nothing
/// is left that anybody sees. What is wrong is logged, loudly: not at the end of the first call.
class StoreStartCheck {
public:
    explicit StoreStartCheck(storage::Destination destination);
    /// Breaks off what is still asked.
    ~StoreStartCheck();
    StoreStartCheck(const StoreStartCheck&) = delete;
    StoreStartCheck& operator=(const StoreStartCheck&) = delete;

private:
    net::HttpClient http_;
    net::Pool pool_;
};

}  // namespace aircheck::app
