// layers: media
// What is asked of an Opus packet before it is decoded (RFC 6716 section 3): lengths that a packet
// can have, and recovered frames no longer than a packet.

#include "core/bytes.hpp"
#include "media/opus_packet.hpp"

#include <cstdint>
#include <cstdlib>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView packet(data, size);
    const std::size_t samples = media::opus_packet_samples(packet);
    // Of 2.5 ms steps, and 120 ms at most.
    if (samples % 120 != 0 || samples > 5760) std::abort();
    const std::size_t recovered = media::opus_fec_samples(packet);
    if (recovered > samples || (samples == 0 && recovered != 0)) std::abort();
    if (media::is_opus_dtx(packet) && size > 2) std::abort();
    return 0;
}
