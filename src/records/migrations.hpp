#pragma once

#include "core/result.hpp"
#include "records/sql.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace aircheck::records {

/// One step of the schema; its number is its place in the list, from 1. A published one is never
/// edited.
struct Migration {
    std::string_view name;
    /// Statements for both dialects, separated by ";\n". "{serial}" is the type of a growing
    /// primary key.
    std::string_view sql;
};

[[nodiscard]] const std::vector<Migration>& migrations();

/// The number of the newest migration applied to `database`; 0 for an empty one. Throws what SOCI
/// throws.
[[nodiscard]] int schema_of(Database& database);

/// Brings `database` to migration `target`, each step in a transaction of its own.
/// Errc::Unsupported, with both numbers, when it is newer than all we know. Throws what SOCI
/// throws.
[[nodiscard]] Result<> migrate(Database& database, int target);

}  // namespace aircheck::records
