#include "mux/mp4_tags.hpp"

#include "mux/mp4_boxes.hpp"
#include "mux/tag_text.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace aircheck::mux {
namespace {

void write_item(Bytes& out, std::string_view type, std::string_view value) {
    if (value.empty()) return;
    const Box item(out, type);
    const Box data(out, "data", 0, 1);  // flags 1: UTF-8
    ByteWriter writer(out);
    writer.u32(0);
    writer.text(value);
}

void write_named_item(Bytes& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const Box item(out, "----");
    {
        const Box mean(out, "mean", 0, 0);
        ByteWriter(out).text("com.apple.iTunes");
    }
    {
        const Box box(out, "name", 0, 0);
        ByteWriter(out).text(name);
    }
    const Box data(out, "data", 0, 1);
    ByteWriter writer(out);
    writer.u32(0);
    writer.text(value);
}

/// Apple's gapless record: delay, padding and length, of which only the delay is known.
std::string gapless_text(std::uint32_t priming_samples) {
    char text[80];
    std::snprintf(text, sizeof text, " 00000000 %08X 00000000 0000000000000000", priming_samples);
    return text;
}

}  // namespace

void write_tags(Bytes& out, const Tags& tags, std::uint32_t gapless_priming) {
    const Box udta(out, "udta");
    const Box meta(out, "meta", 0, 0);
    {
        const Box hdlr(out, "hdlr", 0, 0);
        ByteWriter writer(out);
        writer.u32(0);
        writer.text("mdirappl");
        for (int i = 0; i < 9; ++i) writer.u8(0);
    }
    const Box ilst(out, "ilst");
    // Octal: Apple's names begin with a copyright sign of one byte.
    write_item(out, "\251nam", tag_text(tags.title));
    write_item(out, "\251day", created_text(tags));
    write_item(out, "\251cmt", tag_text(tags.comment));
    write_item(out, "\251too", "aircheck");
    if (gapless_priming > 0) write_named_item(out, "iTunSMPB", gapless_text(gapless_priming));
    write_named_item(out, "room", tag_text(tags.room));
    write_named_item(out, "egress_id", tag_text(tags.egress_id));
}

}  // namespace aircheck::mux
