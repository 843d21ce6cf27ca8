#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace aircheck::proto {

using google::protobuf::Message;

/// JSON as livekit-server's Twirp API answers it: snake_case names, all defaults written (unset
/// messages null, empty lists []; unset oneof members and `optional` fields left out), enums by
/// name, 64-bit integers as strings, bytes as base64 (livekit-wire.md 6.2).
[[nodiscard]] std::string to_twirp_json(const Message& message);

/// JSON as LiveKit's webhooks carry it: camelCase names, defaults left out, the rest as above
/// (livekit-wire.md 8.1).
[[nodiscard]] std::string to_webhook_json(const Message& message);

/// What from_json() met but could not keep.
struct JsonLeftovers {
    std::vector<std::string> unknown_fields;  ///< Paths: "file_outputs[0].colour". At most 64.
};

/// Reads protobuf's JSON into `message` (cleared first): names in either case, enums by name or
/// number, integers as numbers or strings, null as absent. Unknown fields are dropped, and named in
/// `leftovers` when given. Errc::Malformed names the path and what was expected; unknown enum names
/// are errors.
[[nodiscard]] Result<> from_json(
    std::string_view text, Message& message, JsonLeftovers* leftovers = nullptr
);

/// Fields on the wire that our .proto files do not know, as "path: field 17", at most 64.
[[nodiscard]] std::vector<std::string> unknown_fields(const Message& message);

/// Every enum field (recursively) whose number has no name, as "path: 42", at most 64: proto3 keeps
/// such numbers, and a request that holds one must be refused by name.
[[nodiscard]] std::vector<std::string> unknown_enum_values(const Message& message);

}  // namespace aircheck::proto
