#include "streams/stream_url.hpp"

#include <algorithm>
#include <charconv>

namespace aircheck::streams {
namespace {

constexpr std::string_view kMux = "mux://";
constexpr std::string_view kTwitch = "twitch://";
constexpr std::string_view kLive = " live=1";

tl::unexpected<Error> bad(std::string why) { return fail(Errc::InvalidArgument, std::move(why)); }

std::string scheme_of(std::string_view url) {
    std::string scheme(url.substr(0, std::min(url.find("://"), url.size())));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return scheme;
}

bool is_key(std::string_view text) {
    return !text.empty() && text.size() <= 512 && text.find_first_of("/ \t\r\n") == text.npos;
}

Result<net::Url> parse_url(std::string_view text) {
    auto url = net::Url::parse(text);
    if (url) return url;
    const std::string& why = url.error().context;  // "URL '…': why"
    const auto at = why.rfind("': ");
    return bad(at == why.npos ? "it cannot be read" : why.substr(at + 3));
}

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end || value < 0) return std::nullopt;
    return value;
}

Result<> take_parameter(const std::string& name, const std::string& value, SrtUrl& url) {
    if (name == "mode") {
        if (value == "caller") return {};
        return bad("mode is not caller: this recorder connects, and waits for nobody");
    }
    if (name == "streamid") {
        if (value.size() > 512) return bad("streamid is longer than 512 bytes");
        url.streamid = value;
    } else if (name == "passphrase") {
        if (value.size() < 10 || value.size() > 79) return bad("passphrase is not 10 to 79 bytes");
        url.passphrase = value;
    } else if (name == "pbkeylen") {
        const int bytes = number_of(value).value_or(-1);
        if (bytes != 0 && bytes != 16 && bytes != 24 && bytes != 32) {
            return bad("pbkeylen is none of 16, 24, 32");
        }
        url.key_bytes = bytes;
    } else if (name == "latency") {
        url.latency_ms = number_of(value);
        if (!url.latency_ms || *url.latency_ms > 60'000) {
            return bad("latency is not 0 to 60000 milliseconds");
        }
    } else {
        return bad("'" + name + "' is no parameter of an SRT URL that this recorder knows");
    }
    return {};
}

void hide(std::string& text, std::string_view secret) {
    if (secret.size() < 3) return;  // Words of one or two letters are in every text.
    constexpr std::string_view kHidden = "{...}";
    for (auto at = text.find(secret); at != text.npos;
         at = text.find(secret, at + kHidden.size())) {
        text.replace(at, secret.size(), kHidden);
    }
}

}  // namespace

std::optional<Protocol> protocol_of(std::string_view url) {
    const std::string scheme = scheme_of(url);
    if (scheme == "rtmp" || scheme == "rtmps" || scheme == "mux" || scheme == "twitch") {
        return Protocol::Rtmp;
    }
    if (scheme == "srt") return Protocol::Srt;
    if (scheme == "ws" || scheme == "wss") return Protocol::WebSocket;
    return std::nullopt;
}

Result<std::string> canonical_url(std::string_view url, Protocol protocol) {
    if (url.size() > 4096) return bad("it is longer than 4096 bytes");
    if (protocol_of(url) != protocol) return bad("invalid scheme");
    if (protocol == Protocol::Rtmp) {
        if (url.ends_with(kLive)) url.remove_suffix(kLive.size());
        if (url.starts_with(kMux) || url.starts_with(kTwitch)) {
            const std::string_view key = url.substr(url.find("://") + 3);
            if (!is_key(key)) return bad("there is no key after the scheme");
            if (url.starts_with(kTwitch)) return std::string(url);
            return "rtmps://global-live.mux.com:443/app/" + std::string(key);
        }
        AC_TRY([[maybe_unused]] const auto parsed, RtmpUrl::parse(url));
    } else if (protocol == Protocol::Srt) {
        AC_TRY([[maybe_unused]] const auto parsed, SrtUrl::parse(url));
    } else {
        AC_TRY(const auto parsed, parse_url(url));
        if (!parsed.user_info.empty()) return bad("a WebSocket's URL has no user name");
    }
    return std::string(url);
}

Result<RtmpUrl> RtmpUrl::parse(std::string_view text) {
    AC_TRY(const auto url, parse_url(text));
    const auto slash = url.path.rfind('/');
    const bool is_whole = slash != url.path.npos && slash > 1 && slash + 1 < url.path.size();
    if ((url.scheme != "rtmp" && url.scheme != "rtmps") || !is_whole) {
        return bad(
            "rtmp urls must be of format rtmp(s)://{host}(/{path})/{app}/{stream_key}( live=1)"
        );
    }
    RtmpUrl out;
    out.is_secure = url.scheme == "rtmps";
    out.user_info = url.user_info;
    out.host = url.host;
    out.port = url.port != 0 ? url.port : out.is_secure ? std::uint16_t{443} : std::uint16_t{1935};
    out.app = url.path.substr(1, slash - 1);
    out.playpath = url.path.substr(slash + 1) + (url.query.empty() ? "" : "?" + url.query);
    return out;
}

std::string RtmpUrl::tc_url() const {
    const std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
    return std::string(is_secure ? "rtmps://" : "rtmp://") + name + ":" + std::to_string(port) +
           "/" + app;
}

Result<SrtUrl> SrtUrl::parse(std::string_view text) {
    AC_TRY(const auto url, parse_url(text));
    if (url.scheme != "srt") return bad("invalid scheme");
    if (url.port == 0) return bad("srt urls must name a port: srt://{host}:{port}");
    SrtUrl out;
    out.host = url.host;
    out.port = url.port;
    for (const auto& [name, value] : net::parse_query(url.query)) {
        AC_CHECK_OK(take_parameter(name, value, out));
    }
    return out;
}

std::string without_secrets(std::string text, std::string_view url) {
    if (url.starts_with(kTwitch)) {
        hide(text, url.substr(kTwitch.size()));
        return text;
    }
    const auto parsed = net::Url::parse(url);
    if (!parsed) return text;
    const bool has_key = parsed->scheme == "rtmp" || parsed->scheme == "rtmps";
    if (has_key) hide(text, parsed->path.substr(parsed->path.rfind('/') + 1));
    for (const auto& [name, value] : net::parse_query(parsed->query)) hide(text, value);
    for (std::string_view query = parsed->query; !query.empty();) {  // As they stand there, too.
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        if (const auto equals = pair.find('='); equals != pair.npos) {
            hide(text, pair.substr(equals + 1));
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    hide(text, parsed->user_info.substr(parsed->user_info.find(':') + 1));
    return text;
}

}  // namespace aircheck::streams
