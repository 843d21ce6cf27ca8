#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/http.hpp"
#include "storage/object_store.hpp"
#include "storage/query.hpp"

#include <string>

namespace aircheck::storage {

/// Azure Blob Storage's two signatures by an account's key. Pure functions.
/// Source: "Authorize with Shared Key" and "Create a service SAS", Azure Storage REST API.

struct AzureKey {
    std::string account;
    Bytes key;  ///< Decoded.
};

struct AzureRequest {
    std::string method;
    std::string path;      ///< As it is sent, with the account in it where the endpoint has it.
    NamesAndValues query;  ///< Not encoded, in any order.
    net::Headers headers;  ///< All that are sent, x-ms-date and x-ms-version among them.
    std::size_t body_bytes = 0;
};

/// The Authorization header's value: "SharedKey account:signature".
[[nodiscard]] std::string shared_key_authorization(
    const AzureRequest& request, const AzureKey& key
);

/// The query of a link that reads one blob: a service SAS, good for GET and HEAD until `expires`.
[[nodiscard]] NamesAndValues blob_read_sas(
    const AzureKey& key,
    const std::string& container,
    const std::string& blob,
    WallTime expires,
    const ResponseHeaders& headers
);

}  // namespace aircheck::storage
