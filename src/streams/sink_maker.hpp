#pragma once

#include "streams/sink.hpp"
#include "streams/threads.hpp"

#include "net/http_client.hpp"
#include "net/loop.hpp"

#include <string>
#include <vector>

namespace aircheck::streams {

struct SinkSettings {
    Protocol protocol = Protocol::Rtmp;
    /// What addresses may be connected to beside public ones (`network.allow`).
    std::vector<std::string> allow;
    std::string ca_file{};  ///< Extra trust anchors (PEM) of WebSockets, or none.
};

/// Makes sinks of real connections whose listeners are called on `loop`. All references outlive the
/// sinks; `threads` is finished while `loop` still is.
[[nodiscard]] MakeSink sink_maker(
    net::Loop& loop, Threads& threads, net::HttpClient& http, SinkSettings settings
);

}  // namespace aircheck::streams
