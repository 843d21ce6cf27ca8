#include "recorder/pipeline.hpp"
#include "recorder/source.hpp"

#include <charconv>

namespace aircheck::recorder {
namespace {

constexpr std::string_view kMixingNames[] = {
    "default", "dual_channel_agent", "dual_channel_alternate"};
constexpr std::string_view kContainerNames[] = {"mp4", "ogg", "mp3", "wav", "flac"};
constexpr std::string_view kCodecNames[] = {
    "aac", "opus", "opus_passthrough", "mp3", "pcm", "flac"};

template <typename Enum, std::size_t Count>
bool read_name(std::string_view text, const std::string_view (&names)[Count], Enum& value) {
    for (std::size_t i = 0; i < Count; ++i) {
        if (names[i] == text) {
            value = static_cast<Enum>(i);
            return true;
        }
    }
    return false;
}

template <typename Number>
bool read_number(std::string_view text, Number& value) {
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && at == end;
}

bool read_duration(std::string_view text, Nanoseconds& value) {
    std::int64_t milliseconds = 0;
    if (!read_number(text, milliseconds) || milliseconds < 0 || milliseconds > 600'000)
        return false;
    value = std::chrono::milliseconds(milliseconds);
    return true;
}

bool read_routes(std::string_view text, std::vector<AudioRoute>& routes) {
    auto read = routes_from_text(text);
    if (!read) return false;
    routes = *std::move(read);
    return true;
}

bool read_pair(std::string_view key, std::string_view value, PipelineSettings& settings) {
    Encoding& encoding = settings.encoding;
    if (key == "mixing") return read_name(value, kMixingNames, settings.mixing);
    if (key == "container") return read_name(value, kContainerNames, encoding.container);
    if (key == "codec") return read_name(value, kCodecNames, encoding.codec);
    if (key == "channels") return read_number(value, encoding.channels);
    if (key == "bitrate_bps") return read_number(value, encoding.bitrate_bps);
    if (key == "sample_rate_hz") return read_number(value, encoding.sample_rate_hz);
    if (key == "mix_delay_ms") return read_duration(value, settings.mix_delay);
    if (key == "jitter_wait_ms") return read_duration(value, settings.jitter_wait);
    if (key == "routes") return read_routes(value, settings.routes);
    return true;
}

}  // namespace

std::string PipelineSettings::to_string() const {
    const auto milliseconds = [](Nanoseconds duration) {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(
        ));
    };
    std::string text = "mixing=";
    text += kMixingNames[static_cast<std::size_t>(mixing)];
    text += " container=";
    text += kContainerNames[static_cast<std::size_t>(encoding.container)];
    text += " codec=";
    text += kCodecNames[static_cast<std::size_t>(encoding.codec)];
    text += " channels=" + std::to_string(encoding.channels);
    text += " bitrate_bps=" + std::to_string(encoding.bitrate_bps);
    text += " sample_rate_hz=" + std::to_string(encoding.sample_rate_hz);
    text += " mix_delay_ms=" + milliseconds(mix_delay);
    text += " jitter_wait_ms=" + milliseconds(jitter_wait);
    if (!routes.empty()) text += " routes=" + routes_to_text(routes);
    return text;
}

Result<PipelineSettings> PipelineSettings::parse(std::string_view text) {
    PipelineSettings settings;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto pair = text.substr(0, space);
        text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const bool ok = equals != std::string_view::npos &&
                        read_pair(pair.substr(0, equals), pair.substr(equals + 1), settings);
        if (!ok) return fail(Errc::Malformed, "journal settings: '" + std::string(pair) + "'");
    }
    return settings;
}

}  // namespace aircheck::recorder
