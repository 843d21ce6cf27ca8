#pragma once

#include "core/bytes.hpp"
#include "core/c_handle.hpp"
#include "core/result.hpp"
#include "media/audio_decoder.hpp"
#include "media/opus_packet.hpp"

#include <opus/opus.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::media {

/// libopus; concealment is at most kMaxSamples at once.
class OpusDecoder final : public AudioDecoder {
public:
    static constexpr std::size_t kMaxSamples = 5760;  ///< 120 ms, per channel.

    /// `channels`: 1 or 2.
    [[nodiscard]] static Result<OpusDecoder> create(std::uint16_t channels);

    std::size_t decode(BytesView packet, std::vector<float>& out) override;
    [[nodiscard]] std::size_t fec_samples(BytesView packet) const override {
        return opus_fec_samples(packet);
    }
    std::size_t decode_fec(BytesView next, std::size_t samples, std::vector<float>& out) override;
    std::size_t conceal(std::size_t samples, std::vector<float>& out) override;
    [[nodiscard]] bool is_dtx(BytesView packet) const override { return is_opus_dtx(packet); }

private:
    using Handle = CHandle<::OpusDecoder, opus_decoder_destroy>;

    OpusDecoder(Handle handle, std::uint16_t channels)
        : handle_(std::move(handle)), channels_(channels) {}
    std::size_t run(BytesView packet, std::size_t samples, int fec, std::vector<float>& out);

    Handle handle_;
    std::size_t channels_;
};

}  // namespace aircheck::media
