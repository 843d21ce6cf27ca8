#include "mux/id3.hpp"

#include "mux/tag_text.hpp"

#include <string>
#include <string_view>

namespace aircheck::mux {
namespace {

constexpr std::uint8_t kUtf8 = 3;

/// 28 bits in four bytes of seven (ID3v2.4 structure §6.2).
void put_synchsafe(ByteWriter& writer, std::size_t value) {
    for (unsigned shift = 28; shift > 0;) {
        shift -= 7;
        writer.u8(static_cast<std::uint8_t>(value >> shift & 0x7f));
    }
}

void put_frame(Bytes& out, std::string_view id, const Bytes& body) {
    ByteWriter writer(out);
    writer.text(id);
    put_synchsafe(writer, body.size());
    writer.u16(0);
    writer.bytes(body);
}

void put_text(Bytes& out, std::string_view id, std::string_view text) {
    if (text.empty()) return;
    Bytes body{kUtf8};
    ByteWriter(body).text(text);
    put_frame(out, id, body);
}

void put_named_text(Bytes& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    put_text(out, "TXXX", std::string(name) + '\0' + std::string(text));
}

void put_comment(Bytes& out, std::string_view text) {
    if (text.empty()) return;
    Bytes body{kUtf8};
    ByteWriter writer(body);
    writer.text("und");
    writer.u8(0);  // no description
    writer.text(text);
    put_frame(out, "COMM", body);
}

}  // namespace

Bytes id3_tag(const Tags& tags) {
    constexpr std::size_t kTimestampChars = 19;  // "yyyy-MM-ddTHH:mm:ss", UTC
    Bytes frames;
    put_text(frames, "TIT2", tag_text(tags.title));
    put_text(frames, "TDRC", created_text(tags).substr(0, kTimestampChars));
    put_named_text(frames, "room", tag_text(tags.room));
    put_named_text(frames, "egress_id", tag_text(tags.egress_id));
    put_comment(frames, tag_text(tags.comment));
    put_text(frames, "TSSE", "aircheck");
    Bytes out;
    ByteWriter writer(out);
    writer.text("ID3");
    writer.u16(0x0400);
    writer.u8(0);
    put_synchsafe(writer, frames.size());
    writer.bytes(frames);
    return out;
}

}  // namespace aircheck::mux
