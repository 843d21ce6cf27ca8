#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::records {

/// How many rows of a table were copied.
struct CopiedTable {
    std::string name;
    std::int64_t rows = 0;
};

/// Copies all records of database `from` to database `to`, in either dialect, as Store::open()
/// takes them. All or nothing: what was copied is there once the count of every table is the same
/// on both sides; whatever stops it leaves `to` as it was, but for its tables. `from` is read as
/// of one moment, and may have the schema of an older version; it is not changed. Errors name the
/// database: Errc::NotFound, `from` has no records; Errc::AlreadyExists, `to` holds rows;
/// Errc::Unsupported, one of the two is of a newer version; Errc::InvalidArgument, both are the
/// same. Blocks.
[[nodiscard]] Result<std::vector<CopiedTable>> copy_database(
    const std::string& from, const std::string& to
);

}  // namespace aircheck::records
