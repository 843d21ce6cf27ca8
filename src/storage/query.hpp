#pragma once

#include <string>
#include <utility>
#include <vector>

namespace aircheck::storage {

using NamesAndValues = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=": encoded and sorted as SigV4 has to sign it and every store takes it.
[[nodiscard]] std::string canonical_query(const NamesAndValues& query);

}  // namespace aircheck::storage
