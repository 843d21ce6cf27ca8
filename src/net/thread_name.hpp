#pragma once

#include <string>

namespace aircheck::net {

/// Names the calling thread; the system keeps 15 characters.
void name_this_thread(const std::string& name);

}  // namespace aircheck::net
