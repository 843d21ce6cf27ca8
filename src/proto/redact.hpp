#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace aircheck::proto {

/// Replaces, anywhere inside an Egress request or EgressInfo, every store credential by its field's
/// name in braces ("{access_key}", "{secret}", "{session_token}", "{external_id}", "{credentials}",
/// "{account_name}", "{account_key}", proxies' "{username}" and "{password}"), and every stream,
/// web, webhook and proxy URL by redact_stream_url() or redact_url_secrets(). Empty fields stay
/// empty; what is redacted already stays as it is. All list entries (livekit-wire.md 6.3).
void redact(google::protobuf::Message& message);

/// "rtmp://host/app/abcdefxyz" → "rtmp://host/app/{abc...xyz}" (first and last 3 characters of the
/// key; 2 or 1 when it is shorter than 9 or 6; "{...}" below 3), and query values → "{...}". The
/// shorthands mux://KEY and twitch://KEY likewise.
[[nodiscard]] std::string redact_stream_url(std::string_view url);

/// A web URL: password and query values → "{...}".
[[nodiscard]] std::string redact_url_secrets(std::string_view url);

}  // namespace aircheck::proto
