#include "recorder/file_name.hpp"

#include "net/http.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace aircheck::recorder {
namespace {

struct Stamps {
    std::string time;
    std::string utc;
};

Stamps stamps_of(WallTime when) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(when - seconds).count();
    const std::time_t unix_time = seconds.time_since_epoch().count();
    std::tm parts{};
    if (std::getenv("TZ") != nullptr)
        localtime_r(&unix_time, &parts);
    else
        gmtime_r(&unix_time, &parts);
    std::array<char, 32> text{};
    Stamps stamps;
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H%M%S", &parts);
    stamps.time = text.data();
    std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &parts);
    stamps.utc = text.data();
    std::snprintf(text.data(), text.size(), "%03d", static_cast<int>(milliseconds));
    stamps.utc += text.data();
    return stamps;
}

/// Replaces every placeholder in one pass, so that a room named "{time}" is taken as it is.
std::string substitute(std::string_view text, const NameParts& parts, const Stamps& stamps) {
    std::vector<std::pair<std::string_view, std::string_view>> replacements = {
        {"{room_name}", parts.room_name},
        {"{room_id}", parts.room_sid},
        {"{time}", stamps.time},
        {"{utc}", stamps.utc},
    };
    if (parts.publisher_identity) {
        replacements.emplace_back("{publisher_identity}", *parts.publisher_identity);
    }
    if (parts.track_sid) {
        replacements.emplace_back("{track_id}", *parts.track_sid);
        replacements.emplace_back("{track_type}", "audio");
    }
    if (parts.track_source) replacements.emplace_back("{track_source}", *parts.track_source);
    std::string out;
    while (!text.empty()) {
        const auto hit =
            std::find_if(replacements.begin(), replacements.end(), [&](const auto& replacement) {
                return text.starts_with(replacement.first);
            });
        if (hit != replacements.end()) {
            out += hit->second;
            text.remove_prefix(hit->first.size());
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace

bool has_extension(std::string_view name, std::string_view extension) {
    return name.size() >= extension.size() &&
           net::equal_ignoring_case(name.substr(name.size() - extension.size()), extension);
}

std::string_view without_extension(std::string_view name) {
    constexpr std::array<std::string_view, 10> kKnown = {
        ".mp4", ".ogg", ".mp3", ".wav", ".flac", ".webm", ".ivf", ".ts", ".raw", ".m3u8"};
    for (const std::string_view extension : kKnown) {
        if (!has_extension(name, extension)) continue;
        name.remove_suffix(extension.size());
        break;
    }
    return name;
}

bool can_expand(std::string_view filepath, const NameParts& parts) {
    const auto lacks = [&](std::string_view placeholder, const std::optional<std::string>& part) {
        return part && part->empty() && filepath.find(placeholder) != std::string_view::npos;
    };
    return !lacks("{room_id}", parts.room_sid) &&
           !lacks("{publisher_identity}", parts.publisher_identity) &&
           !lacks("{track_source}", parts.track_source);
}

std::string clean_path(std::string_view path) {
    std::vector<std::string_view> elements;
    const bool rooted = path.starts_with('/');
    while (!path.empty()) {
        const auto slash = path.find('/');
        const auto element = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (element.empty() || element == ".") continue;
        if (element == "..") {
            if (!elements.empty()) elements.pop_back();
        } else {
            elements.push_back(element);
        }
    }
    std::string clean = rooted ? "/" : "";
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (i > 0) clean += '/';
        clean += elements[i];
    }
    return clean;
}

std::string expand_placeholders(std::string_view text, const NameParts& parts) {
    return substitute(text, parts, stamps_of(parts.time));
}

std::string expand_file_name(
    std::string_view filepath, const NameParts& parts, std::string_view extension
) {
    const Stamps stamps = stamps_of(parts.time);
    std::string name = substitute(filepath, parts, stamps);
    if (name.empty() || name.ends_with('/')) {
        name += substitute(parts.default_name, parts, stamps);
        name += extension;
    } else if (!has_extension(name, extension)) {
        name.resize(without_extension(name).size());
        name += extension;
    }
    return clean_path(name);
}

}  // namespace aircheck::recorder
