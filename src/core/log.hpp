#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace aircheck::log {

/// error: a human must act · warn: degraded but recording · info: state changes · debug:
/// conversations with remotes · trace: packets.
enum class Level { Trace, Debug, Info, Warn, Error, Off };
enum class Format { Text, Json };

/// One key and its value in a line. Secrets never become fields.
struct Field {
    std::string_view key;  ///< Must outlive the call; a literal.
    std::string value;
    bool quoted = true;  ///< JSON: false for numbers and booleans.

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(v) {}
    Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), quoted(false) {}
    template <typename T>
    requires(std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>)
        Field(std::string_view k, T v)
        : key(k), value(std::to_string(v)), quoted(false) {}
    Field(std::string_view k, double v);
};
using Fields = std::initializer_list<Field>;

/// Where lines go from now on: standard error, at `level` and above. Thread-safe; called by `app`.
void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level);

/// Writes one line: time, level, event ("recording.started"), fields. Thread-safe.
void write(Level level, std::string_view event, Fields fields, Fields more = {});

inline void trace(std::string_view event, Fields fields = {}) {
    write(Level::Trace, event, fields);
}
inline void debug(std::string_view event, Fields fields = {}) {
    write(Level::Debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::Info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::Warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) {
    write(Level::Error, event, fields);
}

/// A logger that puts the egress id and the room's name on every line of one recording.
class RecordingLog {
public:
    RecordingLog() = default;
    RecordingLog(std::string egress_id, std::string room)
        : egress_id_(std::move(egress_id)), room_(std::move(room)) {}

    void debug(std::string_view event, Fields fields = {}) const {
        put(Level::Debug, event, fields);
    }
    void info(std::string_view event, Fields fields = {}) const { put(Level::Info, event, fields); }
    void warn(std::string_view event, Fields fields = {}) const { put(Level::Warn, event, fields); }
    void error(std::string_view event, Fields fields = {}) const {
        put(Level::Error, event, fields);
    }

private:
    void put(Level level, std::string_view event, Fields fields) const {
        if (enabled(level)) write(level, event, {{"egress", egress_id_}, {"room", room_}}, fields);
    }

    std::string egress_id_;
    std::string room_;
};

}  // namespace aircheck::log
