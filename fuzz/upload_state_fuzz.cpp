// layers: storage
// Any text as an upload's checkpoint: what is taken is an upload that S3 would know, and it is
// written as it was read.

#include "core/bytes.hpp"
#include "storage/upload_state.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace aircheck;
using storage::UploadState;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto state = UploadState::from_text(std::string(as_text(BytesView(data, size))));
    if (!state) return 0;
    if (state->key.empty() || state->upload_id.empty()) std::abort();
    int number = 2;
    for (const UploadState::Sent& part : state->parts) {
        // S3 takes parts up to 5 GiB; a longer one would be read into memory to be compared.
        constexpr std::uint64_t kMaxPartBytes = 5ULL << 30;
        if (part.part.number != number++ || part.part.size == 0 || part.part.size > kMaxPartBytes) {
            std::abort();
        }
    }
    const std::string text = state->to_text();
    const auto again = UploadState::from_text(text);
    if (!again || again->to_text() != text || again->parts.size() != state->parts.size()) {
        std::abort();
    }
    return 0;
}
