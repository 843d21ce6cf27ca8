#include "app/config_keys.hpp"
#include "net/url.hpp"
#include "recorder/track_names.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace aircheck::app {
namespace {

const Names<WebhookFormat> kFormats = {
    {"livekit", WebhookFormat::LiveKit},
    {"simple", WebhookFormat::Simple},
    {"flat", WebhookFormat::Flat}};
const Names<Scope> kScopes = {
    {"record", Scope::Record}, {"read", Scope::Read}, {"admin", Scope::Admin}};
const Names<ParticipantKind> kKinds = {
    {"standard", ParticipantKind::Standard},
    {"ingress", ParticipantKind::Ingress},
    {"egress", ParticipantKind::Egress},
    {"sip", ParticipantKind::Sip},
    {"agent", ParticipantKind::Agent},
    {"connector", ParticipantKind::Connector},
    {"bridge", ParticipantKind::Bridge}};
const Names<StartOn> kStarts = {
    {"participant_joined", StartOn::ParticipantJoined}, {"room_started", StartOn::RoomStarted}};
const Names<FileType> kFileTypes = {
    {"mp4", FileType::Mp4},
    {"ogg", FileType::Ogg},
    {"mp3", FileType::Mp3},
    {"wav", FileType::Wav},
    {"flac", FileType::Flac}};
const Names<AudioMixing> kMixings = {
    {"default", AudioMixing::Default},
    {"dual_channel_agent", AudioMixing::DualChannelAgent},
    {"dual_channel_alternate", AudioMixing::DualChannelAlternate}};
const Names<EndWhen> kEnds = {
    {"room_finished", EndWhen::RoomFinished}, {"last_human_left", EndWhen::LastHumanLeft}};
const Names<int> kEvents = {{"egress_started", 0}, {"egress_updated", 1}, {"egress_ended", 2}};

template <typename Enum>
auto choice(const Names<Enum>& names) {
    return [&names](const Value& value) { return read_choice(value, names); };
}

Result<std::string> read_filled_text(const Value& value) {
    AC_TRY(auto text, read_text(value));
    if (text.empty()) return fail_at(value, "must not be empty");
    return text;
}

/// A list of names of one enum; one name alone is taken for a list of one.
template <typename Enum>
auto choices(const Names<Enum>& names) {
    return [&names](const Value& value) -> Result<std::vector<Enum>> {
        std::vector<Value> items{value};
        if (!value.node.IsScalar()) {
            AC_TRY(items, read_list(value));
        }
        std::vector<Enum> meanings;
        for (const auto& item : items) {
            AC_TRY(const auto meaning, read_choice(item, names));
            meanings.push_back(meaning);
        }
        return meanings;
    };
}

Result<std::vector<std::string>> read_events(const Value& value) {
    AC_CHECK_OK(choices(kEvents)(value));
    return read_text_list(value);
}

/// Header names are tokens and values have no control characters (RFC 9110 §5), so that none can
/// add a line to the request.
Result<std::vector<std::pair<std::string, Secret>>> read_headers(const Value& value) {
    AC_TRY(const auto texts, read_text_map(value));
    std::vector<std::pair<std::string, Secret>> headers;
    for (const auto& [name, text] : texts) {
        constexpr std::string_view kToken =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
        if (name.empty() || name.find_first_not_of(kToken) != std::string::npos) {
            return fail_at(value, "has a header name that HTTP does not allow: '" + name + "'");
        }
        const auto is_control = [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        };
        if (std::any_of(text.begin(), text.end(), is_control)) {
            return fail_at(value, "." + name + " holds a line break or another control character");
        }
        headers.emplace_back(name, Secret(text));
    }
    return headers;
}

Result<std::string> read_web_url(const Value& value) {
    static constexpr std::string_view kSchemes[] = {"http", "https"};
    return read_url(value, kSchemes);
}

/// Headers that are written for each delivery, or by HTTP itself: a configured one would be lost.
Result<> check_reserved(const Value& value, const WebhookConfig& webhook) {
    constexpr std::array<std::string_view, 6> kReserved = {
        "content-type", "content-length", "user-agent", "host", "transfer-encoding", "connection"};
    for (const auto& header : webhook.headers) {
        std::string name = header.first;
        for (char& c : name) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
        const bool signs = name == "authorization" && webhook.format == WebhookFormat::LiveKit;
        const bool ours = std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
        if (!ours && !signs && !name.starts_with("webhook-")) continue;
        return fail_at(
            value,
            "headers." + header.first + " cannot be set: " +
                (signs ? "format livekit signs in that header" : "aircheck writes it itself")
        );
    }
    return {};
}

Result<WebhookConfig> read_webhook(const Value& value) {
    WebhookConfig webhook;
    AC_TRY(
        const auto object,
        ObjectReader::open(value, {"url", "format", "events", "headers", "also_for_bus"})
    );
    AC_CHECK_OK(object.take("url", webhook.url, read_web_url));
    if (webhook.url.empty()) return fail_at(value, "has no url");
    AC_CHECK_OK(object.take("format", webhook.format, choice(kFormats)));
    AC_CHECK_OK(object.take("events", webhook.events, read_events));
    AC_CHECK_OK(object.take("headers", webhook.headers, read_headers));
    AC_CHECK_OK(object.take("also_for_bus", webhook.also_for_bus, read_bool));
    AC_CHECK_OK(check_reserved(value, webhook));
    return webhook;
}

Result<> check_glob(const Value& value, const std::string& pattern) {
    const auto open = pattern.find('[');
    if (open != std::string::npos && pattern.find(']', open + 2) == std::string::npos) {
        return fail_at(value, "has a '[' without its ']'");
    }
    return {};
}

Result<AutoRecordRule> read_rule(const Value& value) {
    AutoRecordRule rule;
    AC_TRY(
        const auto object,
        ObjectReader::open(
            value,
            {"rooms",
             "on",
             "skip_kinds",
             "audio_only",
             "file_type",
             "audio_mixing",
             "filepath",
             "disable_manifest",
             "track_files",
             "track_filepath",
             "end_when",
             "end_grace",
             "max_duration",
             "webhooks"}
        )
    );
    AC_CHECK_OK(object.take("rooms", rule.rooms, read_filled_text));
    if (const auto* rooms = object.find("rooms")) AC_CHECK_OK(check_glob(*rooms, rule.rooms));
    AC_CHECK_OK(object.take("on", rule.on, choice(kStarts)));
    AC_CHECK_OK(object.take("skip_kinds", rule.skip_kinds, choices(kKinds)));
    bool audio_only = true;
    AC_CHECK_OK(object.take("audio_only", audio_only, read_bool));
    if (!audio_only) {
        return fail_at(*object.find("audio_only"), "must be true: this build records no video yet");
    }
    AC_CHECK_OK(object.take("file_type", rule.file_type, choice(kFileTypes)));
    AC_CHECK_OK(object.take("audio_mixing", rule.audio_mixing, choice(kMixings)));
    AC_CHECK_OK(object.take("filepath", rule.filepath, read_filled_text));
    AC_CHECK_OK(object.take("disable_manifest", rule.disable_manifest, read_bool));
    AC_CHECK_OK(object.take("track_files", rule.track_files, read_bool));
    AC_CHECK_OK(object.take("track_filepath", rule.track_filepath, read_filled_text));
    if (const auto* filepath = object.find("track_filepath")) {
        if (!rule.track_files) return fail_at(*filepath, "names nothing without track_files: true");
        if (auto good = recorder::check_track_filepath(rule.track_filepath); !good) {
            return fail_at(*filepath, "has no {track_id}: all tracks would be one file");
        }
    }
    AC_CHECK_OK(object.take("end_when", rule.end_when, choice(kEnds)));
    AC_CHECK_OK(object.take("end_grace", rule.end_grace, read_duration));
    AC_CHECK_OK(object.take("max_duration", rule.max_duration, read_duration));
    AC_CHECK_OK(object.take("webhooks", rule.webhooks, read_webhooks));
    return rule;
}

Result<ApiToken> read_token(const Value& value) {
    ApiToken token;
    AC_TRY(const auto object, ObjectReader::open(value, {"name", "sha256", "scopes"}));
    AC_CHECK_OK(object.take("name", token.name, read_filled_text));
    AC_CHECK_OK(object.take("sha256", token.sha256, read_filled_text));
    AC_CHECK_OK(object.take("scopes", token.scopes, choices(kScopes)));
    if (token.name.empty()) return fail_at(value, "has no name");
    for (char& c : token.sha256) {
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    }
    const bool is_hex = token.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (token.sha256.size() != 64 || !is_hex) {
        return fail_at(
            value,
            "needs sha256: the token's SHA-256 in 64 hexadecimal digits (printf %s TOKEN | "
            "sha256sum)"
        );
    }
    if (token.scopes.empty()) return fail_at(value, "has no scopes (record, read, admin)");
    return token;
}

/// "10.0.0.0/8", "fd00::1", "minio.internal".
bool is_network(const std::string& text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    int most = 0;
    if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) most = 32;
    if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) most = 128;
    if (slash == std::string::npos) {
        constexpr std::string_view kName =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
        return most > 0 || (!text.empty() && text.find_first_not_of(kName) == std::string::npos);
    }
    int bits = -1;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, bits);
    return most > 0 && error == std::errc{} && rest == end && bits >= 0 && bits <= most;
}

template <typename Item, typename Read>
Result<std::vector<Item>> read_each(const Value& value, Read read) {
    AC_TRY(const auto items, read_list(value));
    std::vector<Item> made;
    for (const auto& item : items) {
        AC_TRY(auto one, read(item));
        made.push_back(std::move(one));
    }
    return made;
}

template <typename Items, typename Show>
std::string show_each(const Items& items, Show show) {
    std::string text;
    for (const auto& item : items) text += (text.empty() ? "" : ", ") + show(item);
    return "[" + text + "]";
}

}  // namespace

Result<std::vector<AutoRecordRule>> read_auto_record(const Value& value) {
    return read_each<AutoRecordRule>(value, read_rule);
}

Result<std::vector<WebhookConfig>> read_webhooks(const Value& value) {
    return read_each<WebhookConfig>(value, read_webhook);
}

Result<std::vector<ApiToken>> read_tokens(const Value& value) {
    AC_TRY(auto tokens, read_each<ApiToken>(value, read_token));
    for (std::size_t i = 1; i < tokens.size(); ++i) {
        const auto same = [&](const ApiToken& other) { return other.name == tokens[i].name; };
        const auto here = tokens.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::any_of(tokens.begin(), here, same)) {
            return fail_at(value, "has two tokens named '" + tokens[i].name + "'");
        }
    }
    return tokens;
}

Result<std::vector<std::string>> read_network_allow(const Value& value) {
    AC_TRY(auto texts, read_text_list(value));
    for (const auto& text : texts) {
        if (!is_network(text)) {
            return fail_at(
                value,
                "must list addresses, networks (10.0.0.0/8) or host names, not '" + text + "'"
            );
        }
    }
    return texts;
}

std::string show_texts(const std::vector<std::string>& texts) {
    return show_each(texts, [](const std::string& text) { return quote(text); });
}

std::string show_webhooks(const std::vector<WebhookConfig>& webhooks) {
    return show_each(webhooks, [](const WebhookConfig& webhook) {
        auto text = "{url: " + quote(net::redact_url(webhook.url)) +
                    ", format: " + name_of(webhook.format, kFormats);
        if (!webhook.events.empty()) text += ", events: " + show_texts(webhook.events);
        std::string headers;
        for (const auto& header : webhook.headers) {
            headers += (headers.empty() ? "" : ", ") + quote(header.first) + ": \"***\"";
        }
        if (!headers.empty()) text += ", headers: {" + headers + "}";
        if (webhook.also_for_bus) text += ", also_for_bus: true";
        return text + "}";
    });
}

std::string show_auto_record(const std::vector<AutoRecordRule>& rules) {
    return show_each(rules, [](const AutoRecordRule& rule) {
        const auto kinds =
            show_each(rule.skip_kinds, [](ParticipantKind kind) { return name_of(kind, kKinds); });
        auto text = "{rooms: " + quote(rule.rooms) + ", on: " + name_of(rule.on, kStarts) +
                    ", skip_kinds: " + kinds +
                    ", audio_only: true, file_type: " + name_of(rule.file_type, kFileTypes) +
                    ", audio_mixing: " + name_of(rule.audio_mixing, kMixings);
        if (!rule.filepath.empty()) text += ", filepath: " + quote(rule.filepath);
        if (rule.disable_manifest) text += ", disable_manifest: true";
        if (rule.track_files) text += ", track_files: true";
        if (!rule.track_filepath.empty()) text += ", track_filepath: " + quote(rule.track_filepath);
        text += ", end_when: " + name_of(rule.end_when, kEnds) +
                ", end_grace: " + show_duration(rule.end_grace);
        if (rule.max_duration.count() > 0)
            text += ", max_duration: " + show_duration(rule.max_duration);
        if (!rule.webhooks.empty()) text += ", webhooks: " + show_webhooks(rule.webhooks);
        return text + "}";
    });
}

std::string show_tokens(const std::vector<ApiToken>& tokens) {
    return show_each(tokens, [](const ApiToken& token) {
        const auto scopes =
            show_each(token.scopes, [](Scope scope) { return name_of(scope, kScopes); });
        return "{name: " + quote(token.name) + ", sha256: " + token.sha256 + ", scopes: " + scopes +
               "}";
    });
}

}  // namespace aircheck::app
