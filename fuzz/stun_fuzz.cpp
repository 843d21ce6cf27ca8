// layers: core net transport
// STUN messages, and the same bytes as a candidate line.
#include "core/bytes.hpp"
#include "transport/candidate.hpp"
#include "transport/stun.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace aircheck;
    const BytesView bytes(data, size);
    if (const auto message = transport::stun::MessageView::parse(bytes)) {
        static_cast<void>(message->verify("VOkJxbRl1RmTxUk/WvJxBt"));
    }
    if (const auto candidate = transport::parse_candidate(as_text(bytes))) {
        // What we write, we read.
        if (!transport::parse_candidate(transport::to_string(*candidate))) __builtin_trap();
    }
    return 0;
}
