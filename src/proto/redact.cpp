#include "proto/redact.hpp"

#include "proto/walk.hpp"

#include <array>

namespace aircheck::proto {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Secret {
    std::string_view message;
    std::string_view field;
    std::string_view placeholder;
};
constexpr std::array kSecrets = {
    Secret{"S3Upload", "access_key", "{access_key}"},
    Secret{"S3Upload", "secret", "{secret}"},
    Secret{"S3Upload", "session_token", "{session_token}"},
    Secret{"S3Upload", "assume_role_external_id", "{external_id}"},
    Secret{"GCPUpload", "credentials", "{credentials}"},
    Secret{"AzureBlobUpload", "account_name", "{account_name}"},
    Secret{"AzureBlobUpload", "account_key", "{account_key}"},
    Secret{"AliOSSUpload", "access_key", "{access_key}"},
    Secret{"AliOSSUpload", "secret", "{secret}"},
    Secret{"ProxyConfig", "username", "{username}"},
    Secret{"ProxyConfig", "password", "{password}"},
};

enum class UrlKind { Stream, Web };
struct UrlField {
    std::string_view message;
    std::string_view field;
    UrlKind kind;
};
constexpr std::array kUrls = {
    UrlField{"StreamOutput", "urls", UrlKind::Stream},
    UrlField{"StreamDestination", "url", UrlKind::Stream},
    UrlField{"StreamInfo", "url", UrlKind::Stream},
    UrlField{"UpdateStreamRequest", "add_output_urls", UrlKind::Stream},
    UrlField{"UpdateStreamRequest", "remove_output_urls", UrlKind::Stream},
    UrlField{"TrackEgressRequest", "websocket_url", UrlKind::Web},
    UrlField{"WebEgressRequest", "url", UrlKind::Web},
    UrlField{"WebSource", "url", UrlKind::Web},
    UrlField{"RoomCompositeEgressRequest", "custom_base_url", UrlKind::Web},
    UrlField{"TemplateSource", "custom_base_url", UrlKind::Web},
    UrlField{"WebhookConfig", "url", UrlKind::Web},
    UrlField{"ProxyConfig", "url", UrlKind::Web},
    UrlField{"S3Upload", "endpoint", UrlKind::Web},
    UrlField{"AliOSSUpload", "endpoint", UrlKind::Web},
};

/// First and last characters of a stream key, so that its owner knows which one it is.
std::string masked_key(std::string_view key) {
    if (key.starts_with('{') && key.ends_with('}') && key.find("...") != key.npos) {
        return std::string(key);
    }
    if (key.empty()) return {};
    const std::size_t shown = key.size() >= 9 ? 3 : key.size() >= 6 ? 2 : key.size() >= 3 ? 1 : 0;
    return "{" + std::string(key.substr(0, shown)) + "..." +
           std::string(key.substr(key.size() - shown)) + "}";
}

std::string masked_query(std::string_view query) {
    std::string out;
    while (true) {
        const auto end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        const auto equals = pair.find('=');
        out += pair.substr(0, equals);
        if (equals != pair.npos) out += "={...}";
        if (end == query.npos) return out;
        out += '&';
        query.remove_prefix(end + 1);
    }
}

struct Parts {
    std::string_view scheme;  ///< With "://"; "" when there is none.
    std::string_view authority;
    std::string_view path;
    std::string_view query;  ///< With '?'.
};

Parts split(std::string_view url) {
    Parts parts;
    // A fragment may hold a token as well as a query may: it goes with it.
    const auto query = url.find_first_of("?#");
    if (query != url.npos) parts.query = url.substr(query);
    url = url.substr(0, query);
    const auto scheme = url.find("://");
    if (scheme != url.npos) {
        parts.scheme = url.substr(0, scheme + 3);
        url.remove_prefix(scheme + 3);
    }
    const auto path = url.find('/');
    parts.authority = url.substr(0, path);
    if (path != url.npos) parts.path = url.substr(path);
    return parts;
}

std::string masked_authority(std::string_view authority) {
    const auto at = authority.rfind('@');
    if (at == authority.npos) return std::string(authority);
    const auto user = authority.substr(0, at);
    const auto colon = user.find(':');
    // A name alone may be a token too.
    const std::string name = colon == user.npos ? "{...}" : std::string(user.substr(0, colon));
    return name + (colon == user.npos ? "" : ":{...}") + std::string(authority.substr(at));
}

std::string query_of(const Parts& parts) {
    if (parts.query.empty()) return {};
    return parts.query.front() + masked_query(parts.query.substr(1));
}

template <typename Change>
void change_text(Message& message, const FieldDescriptor& field, Change change) {
    const auto& r = *message.GetReflection();
    if (!field.is_repeated()) {
        const std::string text = r.GetString(message, &field);
        // Not set when empty: in a oneof, setting would choose the member.
        if (!text.empty()) r.SetString(&message, &field, change(text));
        return;
    }
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
        r.SetRepeatedString(&message, &field, i, change(r.GetRepeatedString(message, &field, i)));
    }
}

}  // namespace

std::string redact_url_secrets(std::string_view url) {
    const Parts parts = split(url);
    return std::string(parts.scheme) + masked_authority(parts.authority) + std::string(parts.path) +
           query_of(parts);
}

std::string redact_stream_url(std::string_view url) {
    const Parts parts = split(url);
    const std::string scheme(parts.scheme);
    if (scheme == "mux://" || scheme == "twitch://") {
        return scheme + masked_key(url.substr(scheme.size()));
    }
    if (scheme != "rtmp://" && scheme != "rtmps://") return redact_url_secrets(url);
    const auto slash = parts.path.rfind('/');
    std::string path(parts.path.substr(0, slash == parts.path.npos ? 0 : slash + 1));
    if (slash != parts.path.npos) path += masked_key(parts.path.substr(slash + 1));
    return scheme + masked_authority(parts.authority) + path + query_of(parts);
}

void redact(Message& message) {
    for_each_message(message, {}, [](Message& part, const std::string& /*path*/) {
        const auto& type = *part.GetDescriptor();
        for (const Secret& secret : kSecrets) {
            if (type.name() != secret.message) continue;
            const auto* field = type.FindFieldByName(std::string(secret.field));
            if (field == nullptr) continue;
            change_text(part, *field, [&](const std::string& /*clear*/) {
                return std::string(secret.placeholder);
            });
        }
        for (const UrlField& url : kUrls) {
            if (type.name() != url.message) continue;
            const auto* field = type.FindFieldByName(std::string(url.field));
            if (field == nullptr) continue;
            change_text(part, *field, [&](const std::string& clear) {
                return url.kind == UrlKind::Stream ? redact_stream_url(clear)
                                                   : redact_url_secrets(clear);
            });
        }
    });
}

}  // namespace aircheck::proto
