#pragma once

#include "core/result.hpp"
#include "net/url.hpp"
#include "storage/destination.hpp"

#include <string>
#include <string_view>

namespace aircheck::storage {

/// InvalidArgument, naming the setting, when account, container, endpoint, credentials or metadata
/// cannot be right.
[[nodiscard]] Result<> check_destination(const AzureDestination& destination);

/// The address of the blob `key`, or of the container when it is empty; `destination` has passed
/// the check.
[[nodiscard]] net::Url url_of(const AzureDestination& destination, const std::string& key);

/// Fills account, key, SAS and endpoint from a storage account's connection string
/// ("AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net", "BlobEndpoint=…;
/// SharedAccessSignature=…", "UseDevelopmentStorage=true"). InvalidArgument says what is wrong with
/// it, without its secrets.
[[nodiscard]] Result<> apply_connection_string(std::string_view text, AzureDestination& to);

}  // namespace aircheck::storage
