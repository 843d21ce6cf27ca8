#pragma once

#include <memory>

namespace aircheck {

/// Frees a C object; `Free` may be f(T*) or libav's f(T**), with any return type.
template <typename T, auto Free>
struct CDeleter {
    void operator()(T* object) const noexcept {
        if constexpr (requires { Free(object); })
            static_cast<void>(Free(object));
        else
            static_cast<void>(Free(&object));
    }
};

/// unique_ptr over a C object: `using CurlHandle = CHandle<CURL, curl_easy_cleanup>;`
template <typename T, auto Free>
using CHandle = std::unique_ptr<T, CDeleter<T, Free>>;

}  // namespace aircheck
