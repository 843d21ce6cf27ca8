#pragma once

#include "core/bytes.hpp"
#include "core/c_handle.hpp"
#include "core/result.hpp"
#include "media/opus_packet.hpp"

#include <opus/opus.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::media {

/// Opus packets to float at 48 kHz, mono or stereo, whatever the packets are. All functions append
/// [samples × channels] interleaved to `out` and return the samples per channel.
class OpusDecoder {
public:
    static constexpr std::size_t kMaxSamples = 5760;  ///< 120 ms, per channel.
    static constexpr std::size_t kGranule = 120;      ///< 2.5 ms: what concealment is counted in.

    /// `channels`: 1 or 2.
    [[nodiscard]] static Result<OpusDecoder> create(std::uint16_t channels);

    /// 0: libopus refuses the packet, and nothing was appended.
    std::size_t decode(BytesView packet, std::vector<float>& out);
    /// The frame before `next`, from its in-band FEC; `samples` as opus_fec_samples says.
    std::size_t decode_fec(BytesView next, std::size_t samples, std::vector<float>& out);
    /// Goes on from what was decoded last: concealment, or comfort noise after DTX. `samples` is
    /// rounded up to whole granules, kMaxSamples at most.
    std::size_t conceal(std::size_t samples, std::vector<float>& out);

private:
    using Handle = CHandle<::OpusDecoder, opus_decoder_destroy>;

    OpusDecoder(Handle handle, std::uint16_t channels)
        : handle_(std::move(handle)), channels_(channels) {}
    std::size_t run(BytesView packet, std::size_t samples, int fec, std::vector<float>& out);

    Handle handle_;
    std::size_t channels_;
};

}  // namespace aircheck::media
