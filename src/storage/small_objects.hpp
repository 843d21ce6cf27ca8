#pragma once

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "storage/destination.hpp"
#include "storage/object_store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aircheck::storage {

/// Objects that are written and read as a whole, in a store of any kind; in a local folder they are
/// files. Keys are without the destination's prefix.
///
/// Blocking; one thread at a time. Errors: the store's (ObjectStore), NotFound, the disk's.
class SmallObjects {
public:
    /// `http` outlives it.
    SmallObjects(Destination destination, net::HttpClient& http);

    /// Refuse: AlreadyExists when something else is there under that name.
    [[nodiscard]] Result<> put(
        const std::string& key, std::string content, ObjectStore::IfTaken if_taken
    );
    /// The whole object.
    [[nodiscard]] Result<std::string> get(const std::string& key);
    /// Fine, too, when it is not there.
    [[nodiscard]] Result<> remove(const std::string& key);
    /// Names directly below the folder `folder` ("jobs"), without it, in order; of more than 1000
    /// the first.
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& folder);

private:
    Destination destination_;
    net::HttpClient& http_;
};

}  // namespace aircheck::storage
