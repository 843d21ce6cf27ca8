#pragma once

#include "core/result.hpp"
#include "storage/spool.hpp"

#include <string>
#include <utility>

namespace aircheck::storage {

/// An open file descriptor; closed with the object.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_(number) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    [[nodiscard]] int get() const { return number_; }
    [[nodiscard]] bool is_open() const { return number_ >= 0; }

private:
    int number_;
};

/// Writes all of `bytes` at `offset`; `name` is for the error.
[[nodiscard]] Result<> write_at(
    int descriptor, BytesView bytes, std::uint64_t offset, const std::string& name
);
/// Writes head and body to the new, empty file `descriptor` and syncs it.
[[nodiscard]] Result<> write_parts(
    int descriptor, const HeadAndBody& parts, const std::string& name
);
/// Gives the file `from` the name `to`, both in `folder`; AlreadyExists when there is one of that
/// name.
[[nodiscard]] Result<> rename_if_free(int folder, const std::string& from, const std::string& to);

}  // namespace aircheck::storage
