// layers: rtp
// parse_rtcp; each packet that we can also build must come back as it was.

#include "rtp/rtcp.hpp"

#include <cstdlib>
#include <type_traits>

using namespace aircheck;

namespace {

template <typename T>
void check_round_trip(const T& packet) {
    if constexpr (!std::is_same_v<T, rtp::OtherRtcp>) {
        Bytes built;
        append_rtcp(packet, built);
        if constexpr (std::is_same_v<T, rtp::Nack>) {
            if (packet.lost.empty()) return;
        }
        const auto again = rtp::parse_rtcp(built);
        if (!again || again->size() != 1) std::abort();
        // A NACK may repeat numbers; what is built from it says each once per word.
        if constexpr (!std::is_same_v<T, rtp::Nack>) {
            if (again->front() != rtp::Rtcp(packet)) std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 1500) return 0;
    const auto packets = rtp::parse_rtcp(BytesView(data, size));
    if (!packets) return 0;
    for (const rtp::Rtcp& packet : *packets) {
        std::visit([](const auto& one) { check_round_trip(one); }, packet);
    }
    return 0;
}
