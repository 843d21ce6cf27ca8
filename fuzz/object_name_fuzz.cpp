// layers: recorder
// A file name template, the room's name and the room's sid, one a line: whatever they hold, the
// key stays in its root, within S3's limits, and free of what would break a log or a shell.

#include "core/bytes.hpp"
#include "recorder/file_name.hpp"
#include "storage/object_name.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace aircheck;

namespace {

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

void check_key(std::string_view key) {
    if (key.empty() || key.size() > 1024) std::abort();
    for (std::string_view rest = key; !rest.empty();) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view segment = rest.substr(0, slash);
        if (segment.empty() || segment == "." || segment == "..") std::abort();
        if (segment.size() > 255) std::abort();
        rest.remove_prefix(slash);
        if (rest == "/") std::abort();
        if (!rest.empty()) rest.remove_prefix(1);
    }
    for (const char c : key) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = as_text(BytesView(data, size));
    const std::string_view filepath = take_line(text);
    recorder::NameParts parts;
    parts.room_name = take_line(text);
    parts.room_sid = take_line(text);
    parts.time = WallTime(std::chrono::seconds(1'700'000'000));

    const std::string name = recorder::expand_file_name(filepath, parts, ".mp4");
    if (recorder::clean_path(name) != name) std::abort();
    if (name.starts_with("../") || name.find("/../") != std::string::npos) std::abort();

    for (const std::string_view path : {std::string_view(name), filepath}) {
        const auto key = storage::safe_object_key(path);
        if (!key) continue;
        check_key(*key);
        if (storage::safe_object_key(*key).value_or("") != *key) std::abort();
        check_key(storage::with_suffix(*key, "EG_abcdefghijkl-10"));
    }
    return 0;
}
