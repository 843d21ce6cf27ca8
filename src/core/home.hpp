#pragma once

#include <cassert>
#include <thread>

namespace aircheck {

/// The thread an object lives on; claimed by the first call, checked in debug builds.
class Home {
public:
    [[nodiscard]] bool is_here() const {
        if (owner_ == std::thread::id{}) owner_ = std::this_thread::get_id();
        return owner_ == std::this_thread::get_id();
    }

private:
    mutable std::thread::id owner_;
};

}  // namespace aircheck

#define AC_ON_HOME(home) assert((home).is_here())
