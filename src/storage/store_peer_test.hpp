#pragma once

#include "storage/destination.hpp"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace aircheck::storage::testing {

/// A store that runs beside the tests, with one bucket in it.
class StorePeer {
public:
    virtual ~StorePeer() = default;
    /// Starts it, or again after stop() with what it held; throws or fails the test if it cannot.
    virtual void start() = 0;
    virtual void stop() = 0;
    /// The bucket, reached with few and quick retries.
    [[nodiscard]] virtual Destination destination() const = 0;
    /// The same with credentials that are not the store's.
    [[nodiscard]] virtual Destination with_wrong_secret() const = 0;
    [[nodiscard]] virtual Destination with_wrong_bucket() const = 0;
};

/// One kind of store, as a parameter of tests.
struct PeerKind {
    const char* name;
    std::unique_ptr<StorePeer> (*make)();

    friend void PrintTo(const PeerKind& kind, std::ostream* out) { *out << kind.name; }
};
[[nodiscard]] std::vector<PeerKind> all_peer_kinds();

}  // namespace aircheck::storage::testing
