// layers: mux
// What is taken as an OpusHead is one: written again, it has the same fields.

#include "core/bytes.hpp"
#include "mux/opus_head.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView input(data, size);
    const auto head = mux::parse_opus_head(input);
    if (!head) return 0;
    if (head->channels < 1 || head->channels > 2) std::abort();
    const Bytes written = mux::write_opus_head(*head);
    if (written.size() > size) std::abort();
    // All but the minor version, which is ours, is as it was.
    if (!std::equal(written.begin(), written.begin() + 8, input.begin())) std::abort();
    if (!std::equal(written.begin() + 9, written.end(), input.begin() + 9)) std::abort();
    return 0;
}
