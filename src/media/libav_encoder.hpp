#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
}

#include "core/bytes.hpp"
#include "core/c_handle.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace aircheck::media {

/// One of libavcodec's audio encoders: frames of samples in, packets out. Private to the encoders
/// of this layer.
class LibavEncoder {
public:
    struct Options {
        const char* codec = "";  ///< libavcodec's name of the encoder.
        std::string name;        ///< What errors call it.
        std::uint32_t sample_rate_hz = 0;
        std::uint16_t channels = 0;
        std::uint32_t bitrate_bps = 0;  ///< 0: the codec has none.
        /// AV_SAMPLE_FMT_FLTP, or AV_SAMPLE_FMT_S16: rounded as to_pcm16 does.
        AVSampleFormat sample_format = AV_SAMPLE_FMT_FLTP;
        std::vector<std::pair<const char*, const char*>> options;  ///< The codec's own.
    };

    /// Errc::Failed: libavcodec was built without the encoder, or refuses.
    [[nodiscard]] static Result<LibavEncoder> open(Options options);

    /// Encodes [count × channels] interleaved, count = frame_samples(), or less as the last one
    /// where the codec takes that. Empty: the codec holds its packet back.
    [[nodiscard]] Result<Bytes> encode(std::span<const float> interleaved);
    /// Ends the stream, after which config() may say more than before. No call to `encode` may
    /// follow.
    [[nodiscard]] Result<> finish();

    [[nodiscard]] std::size_t frame_samples() const { return frame_samples_; }
    [[nodiscard]] std::uint32_t priming_samples() const;
    /// libavcodec's extradata.
    [[nodiscard]] const Bytes& config() const { return config_; }

private:
    using Context = CHandle<AVCodecContext, avcodec_free_context>;
    using Frame = CHandle<AVFrame, av_frame_free>;
    using Packet = CHandle<AVPacket, av_packet_free>;

    LibavEncoder() = default;
    [[nodiscard]] Result<> make_frame();
    [[nodiscard]] tl::unexpected<Error> fail_av(int code, const char* what) const;
    void fill(std::span<const float> interleaved);

    std::string name_;
    Context context_;
    Frame frame_;
    Packet packet_;
    Bytes config_;
    std::size_t frame_samples_ = 0;
    std::int64_t pts_ = 0;
};

}  // namespace aircheck::media
