#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace aircheck::media {

/// What the packets of a track may hold.
enum class TrackCodec : std::uint8_t {
    Opus,
    Pcmu,  ///< G.711 mu-law (RFC 3551 §4.5.14).
    Pcma,  ///< G.711 A-law.
};

/// By the type of a rtpmap, in small letters ("audio/opus", "audio/pcmu"); empty for all others.
[[nodiscard]] std::optional<TrackCodec> track_codec_of(std::string_view mime);
/// Of the RTP clock.
[[nodiscard]] std::uint32_t clock_rate_of(TrackCodec codec);
/// Samples per channel at 48 kHz that decoding `packet` gives; 0 when it is malformed or too long.
[[nodiscard]] std::size_t packet_samples(TrackCodec codec, BytesView packet);

/// One track's packets to float at 48 kHz, mono or stereo, whatever the packets are. All functions
/// that make samples append [samples × channels] interleaved to `out` and return the samples per
/// channel. Not thread-safe; a packet that cannot be read gives nothing and changes nothing.
class AudioDecoder {
public:
    static constexpr std::size_t kGranule = 120;  ///< 2.5 ms: what concealment is counted in.

    /// `channels`: 1 or 2.
    [[nodiscard]] static Result<std::unique_ptr<AudioDecoder>> create(
        TrackCodec codec, std::uint16_t channels
    );
    virtual ~AudioDecoder() = default;

    /// What was decoded before does not lead up to the next packet.
    virtual void begin_run() {}
    /// As packet_samples says; 0: the packet is refused.
    virtual std::size_t decode(BytesView packet, std::vector<float>& out) = 0;
    /// Samples of the frame before `packet` that can be recovered from it; 0 when it carries none.
    [[nodiscard]] virtual std::size_t fec_samples(BytesView /*packet*/) const { return 0; }
    /// The frame before `next`, from its in-band FEC; `samples` as fec_samples says.
    virtual std::size_t decode_fec(
        BytesView /*next*/, std::size_t /*samples*/, std::vector<float>& /*out*/
    ) {
        return 0;
    }
    /// Goes on from what was decoded last: concealment, or comfort noise. `samples` is rounded up
    /// to whole granules, and cut where the codec gives no more at once.
    virtual std::size_t conceal(std::size_t samples, std::vector<float>& out) = 0;
    /// `packet` says "nothing to hear for now".
    [[nodiscard]] virtual bool is_dtx(BytesView /*packet*/) const { return false; }
};

}  // namespace aircheck::media
