#include "core/log.hpp"

#include "core/time.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>

namespace aircheck::log {
namespace {

std::atomic<Level> g_level{Level::Info};
std::atomic<Format> g_format{Format::Text};

constexpr std::string_view kNames[] = {"trace", "debug", "info", "warn", "error", "off"};

spdlog::logger& sink() {
    static const auto logger = [] {
        auto made = std::make_shared<spdlog::logger>(
            "aircheck", std::make_shared<spdlog::sinks::stderr_sink_mt>()
        );
        made->set_pattern("%v");
        made->set_level(spdlog::level::trace);
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *logger;
}

/// Escapes what would break a line or a JSON string: quotes, backslashes, control characters.
void append_escaped(std::string& line, std::string_view text) {
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
            line += code;
        } else {
            line += c;
        }
    }
}

void append_text(std::string& line, const Field& field) {
    line += ' ';
    line += field.key;
    line += '=';
    const bool plain =
        !field.value.empty() && field.value.find_first_of(" \"\\=\n\r\t") == std::string::npos;
    if (plain) {
        append_escaped(line, field.value);
        return;
    }
    line += '"';
    append_escaped(line, field.value);
    line += '"';
}

void append_json(std::string& line, const Field& field) {
    line += ",\"";
    line += field.key;
    line += "\":";
    if (field.quoted) line += '"';
    append_escaped(line, field.value);
    if (field.quoted) line += '"';
}

}  // namespace

Field::Field(std::string_view k, double v) : key(k), quoted(false) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", v);
    value = text;
    if (value.find_first_not_of("0123456789.+-e") != std::string::npos) quoted = true;
}

void configure(Level level, Format format) {
    g_level = level;
    g_format = format;
}

bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields, Fields more) {
    if (!enabled(level)) return;
    const auto name = kNames[static_cast<std::size_t>(level)];
    std::string line;
    if (g_format.load(std::memory_order_relaxed) == Format::Json) {
        line = "{\"time\":\"" + to_iso8601(wall_now()) + "\",\"level\":\"";
        line += name;
        line += "\",\"event\":\"";
        append_escaped(line, event);
        line += '"';
        for (const Field& field : fields) append_json(line, field);
        for (const Field& field : more) append_json(line, field);
        line += '}';
    } else {
        line = to_iso8601(wall_now()) + ' ';
        line += name;
        line.append(6 - name.size(), ' ');
        line += event;
        for (const Field& field : fields) append_text(line, field);
        for (const Field& field : more) append_text(line, field);
    }
    sink().log(spdlog::level::critical, line);
}

}  // namespace aircheck::log
