#pragma once

#include "core/bytes.hpp"

#include <cstddef>

namespace aircheck::media {

/// Samples per channel at 48 kHz that decoding `packet` gives (RFC 6716 §3.1); 0 when it is
/// malformed or longer than 120 ms.
[[nodiscard]] std::size_t opus_packet_samples(BytesView packet);

/// Samples of the frame before `packet` that can be recovered from it (in-band FEC, RFC 6716
/// §2.1.7); 0 when it carries none.
[[nodiscard]] std::size_t opus_fec_samples(BytesView packet);

/// A packet that says "nothing to hear for now" (RFC 6716 §2.1.9): no more than its table of
/// contents.
[[nodiscard]] bool is_opus_dtx(BytesView packet);

}  // namespace aircheck::media
