#pragma once

#include "tests/support/postgres.hpp"

#include "core/temp_folder_testing.hpp"
#include "records/store.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

namespace aircheck::tests {

enum class Backend { SqliteMemory, SqliteFile, Postgres };

inline std::string name_of(Backend backend) {
    switch (backend) {
        case Backend::SqliteMemory:
            return "SqliteMemory";
        case Backend::SqliteFile:
            return "SqliteFile";
        case Backend::Postgres:
            return "Postgres";
    }
    return "?";
}
inline void PrintTo(Backend backend, std::ostream* out) { *out << name_of(backend); }

/// A fresh database of the parameter's kind, with a store on it.
class OnBackend : public testing::TestWithParam<Backend> {
protected:
    void SetUp() override {
        switch (GetParam()) {
            case Backend::SqliteMemory:
                location_ = ":memory:";
                break;
            case Backend::SqliteFile:
                location_ = folder_ / "air check.db";
                break;
            case Backend::Postgres:
                location_ = PostgresServer::instance().new_database();
                break;
        }
        reopen();
    }
    void reopen() {
        store_.reset();
        auto opened = records::Store::open(location_);
        ASSERT_TRUE(opened) << opened.error().to_string();
        store_ = std::move(*opened);
    }
    records::Store& store() { return *store_; }

    TempFolder folder_;
    std::string location_;
    std::unique_ptr<records::Store> store_;
};

/// The value of a result that must have one.
template <typename T>
T must(Result<T> result) {
    if (!result) ADD_FAILURE() << result.error().to_string();
    return result ? std::move(*result) : T{};
}
inline void must(const Result<>& result) {
    if (!result) ADD_FAILURE() << result.error().to_string();
}

inline WallTime at(double seconds) {
    return WallTime(std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds))
    );
}

}  // namespace aircheck::tests
