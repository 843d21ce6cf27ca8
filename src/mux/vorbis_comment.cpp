#include "mux/vorbis_comment.hpp"

#include "mux/little_endian.hpp"
#include "mux/tag_text.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace aircheck::mux {
namespace {

void put_text(Bytes& out, std::string_view text) {
    put_little_endian(out, text.size(), 4);
    ByteWriter(out).text(text);
}

}  // namespace

void write_vorbis_comment(Bytes& out, const Tags& tags) {
    const std::pair<std::string_view, std::string> fields[] = {
        {"TITLE", tag_text(tags.title)},
        {"DATE", created_text(tags)},
        {"ROOM", tag_text(tags.room)},
        {"EGRESS_ID", tag_text(tags.egress_id)},
        {"COMMENT", tag_text(tags.comment)},
        {"ENCODER", "aircheck"},
    };
    put_text(out, "aircheck");
    const auto used = std::count_if(std::begin(fields), std::end(fields), [](const auto& field) {
        return !field.second.empty();
    });
    put_little_endian(out, static_cast<std::uint64_t>(used), 4);
    for (const auto& [name, value] : fields) {
        if (!value.empty()) put_text(out, std::string(name) + "=" + value);
    }
}

}  // namespace aircheck::mux
