#include "media/opus_encoder.hpp"

#include "core/c_handle.hpp"
#include "media/frame_encoder.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace aircheck::media {
namespace {

using Handle = CHandle<::OpusEncoder, opus_encoder_destroy>;

constexpr std::size_t kFrame = 960;
constexpr std::size_t kMaxPacket = 1276 * 3;
constexpr std::uint32_t kMaxOpusBitrate = 510000;

class OpusFrameEncoder final : public FrameEncoder {
public:
    OpusFrameEncoder(StreamFormat format, Handle handle)
        : FrameEncoder(std::move(format), kFrame), handle_(std::move(handle)) {}

private:
    Result<Bytes> encode_frame(std::span<const float> frame) override {
        std::array<std::uint8_t, kMaxPacket> packet{};
        const opus_int32 size = opus_encode_float(
            handle_.get(), frame.data(), kFrame, packet.data(), static_cast<opus_int32>(kMaxPacket)
        );
        if (size <= 0)
            return fail(Errc::Failed, std::string("opus encoder: ") + opus_strerror(size));
        return Bytes(packet.begin(), packet.begin() + size);
    }

    Handle handle_;
};

/// RFC 7845 §5.1; its numbers are little-endian.
Bytes opus_head(std::uint16_t channels, std::uint16_t pre_skip, std::uint32_t input_rate_hz) {
    Bytes head = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1};
    const auto little_endian = [&head](std::uint32_t value, unsigned width) {
        for (unsigned i = 0; i < width; ++i) {
            head.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        }
    };
    little_endian(channels, 1);
    little_endian(pre_skip, 2);
    little_endian(input_rate_hz, 4);
    little_endian(0, 2);  // gain
    little_endian(0, 1);  // mapping family: mono or stereo
    return head;
}

}  // namespace

Result<std::unique_ptr<AudioEncoder>> make_opus_encoder(const EncoderSettings& settings) {
    if (settings.sample_rate_hz != 48000) {
        return fail(
            Errc::InvalidArgument,
            "audio sample rate of Opus must be 48000, not " +
                std::to_string(settings.sample_rate_hz)
        );
    }
    int error = OPUS_OK;
    Handle handle(opus_encoder_create(48000, settings.channels, OPUS_APPLICATION_AUDIO, &error));
    if (!handle) return fail(Errc::Failed, std::string("opus encoder: ") + opus_strerror(error));
    const std::uint32_t bitrate = std::min(settings.bitrate_bps, kMaxOpusBitrate);
    opus_int32 look_ahead = 0;
    const bool set =
        opus_encoder_ctl(handle.get(), OPUS_SET_BITRATE(static_cast<opus_int32>(bitrate))) ==
            OPUS_OK &&
        opus_encoder_ctl(handle.get(), OPUS_GET_LOOKAHEAD(&look_ahead)) == OPUS_OK;
    if (!set) return fail(Errc::Failed, "opus encoder: refuses its settings");

    StreamFormat format;
    format.codec = Codec::Opus;
    format.sample_rate_hz = 48000;
    format.channels = settings.channels;
    format.bitrate_bps = bitrate;
    format.priming_samples = static_cast<std::uint32_t>(look_ahead);
    format.codec_config =
        opus_head(settings.channels, static_cast<std::uint16_t>(look_ahead), 48000);
    return std::make_unique<OpusFrameEncoder>(std::move(format), std::move(handle));
}

}  // namespace aircheck::media
