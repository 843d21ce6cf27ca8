// layers: rtp
// PacketView::parse and the header extension's lists; what parses and is built again must parse the
// same.

#include "rtp/packet.hpp"

#include <cstdlib>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto packet = rtp::PacketView::parse(BytesView(data, size));
    if (!packet) return 0;
    for (unsigned id = 0; id < 256; ++id) {
        const auto value = packet->extension(static_cast<std::uint8_t>(id));
        if (value && (value->data() < data || value->data() + value->size() > data + size))
            std::abort();
    }
    rtp::PacketFields fields;
    fields.marker = packet->marker;
    fields.payload_type = packet->payload_type;
    fields.sequence_number = packet->sequence_number;
    fields.timestamp = packet->timestamp;
    fields.ssrc = packet->ssrc;
    fields.payload = packet->payload;
    fields.padding_bytes = packet->padding_bytes;
    Bytes built;
    rtp::build_packet(fields, built);
    const auto again = rtp::PacketView::parse(built);
    if (!again || again->sequence_number != packet->sequence_number ||
        again->payload.size() != packet->payload.size()) {
        std::abort();
    }
    return 0;
}
