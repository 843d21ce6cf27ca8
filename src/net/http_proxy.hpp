#pragma once

#include "core/result.hpp"
#include "net/any_stream.hpp"
#include "net/url.hpp"

#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

/// Asks an HTTP proxy, whose connection `stream` is, for a tunnel to `to` (RFC 9110 §9.3.6). `done`
/// runs once: with no error the stream's bytes are those of `to`. `stream` outlives that; closing
/// it ends the request. For net's own .cpp files.
void request_tunnel(
    AnyStream& stream, const Url& proxy, const Url& to, std::function<void(Result<> done)> done
);

}  // namespace aircheck::net
