#pragma once

#include "media/audio_encoder.hpp"
#include "media/resampler.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::media {

/// How a stream ends whose length is no multiple of its frame's.
enum class LastFrame {
    Padded,  ///< With silence; silence also pushes out what the codec holds back.
    Short,   ///< The last frame has fewer samples.
};

/// What the encoders share: the output's rate, whole frames, times, and the exact end.
class FrameEncoder : public AudioEncoder {
public:
    [[nodiscard]] const StreamFormat& format() const final { return format_; }
    [[nodiscard]] Result<> encode(
        std::span<const float> interleaved, std::vector<EncodedSample>& out
    ) final;
    [[nodiscard]] Result<> finish(std::vector<EncodedSample>& out) final;

protected:
    /// `frame_samples`: per channel at the output's rate; each frame becomes one packet at most.
    FrameEncoder(
        StreamFormat format, std::size_t frame_samples, LastFrame last_frame = LastFrame::Padded
    );

    /// Encodes one frame, [frame_samples × channels] interleaved, shorter only as the last of
    /// LastFrame::Short. Returns the packet that has become ready, the oldest first; empty when the
    /// codec holds it back.
    virtual Result<Bytes> encode_frame(std::span<const float> frame) = 0;

    /// The packet that a codec of LastFrame::Short still holds back after the last frame, and the
    /// stream's final configuration (EncodedSample::final_config).
    struct Rest {
        Bytes packet;
        Bytes final_config;
    };
    virtual Result<Rest> encode_rest() { return Rest{}; }

private:
    Result<> encode_pending(std::vector<EncodedSample>& out);
    Result<> encode_one(std::span<const float> frame, std::vector<EncodedSample>& out);
    void give(Bytes packet, Bytes final_config, std::vector<EncodedSample>& out);
    Result<> pad(std::vector<EncodedSample>& out);

    StreamFormat format_;
    std::size_t frame_samples_;
    LastFrame last_frame_;
    RateConverter converter_;
    std::vector<float> pending_;  ///< At the output's rate, less than a frame between calls.
    std::int64_t taken_ = 0;      ///< Samples per channel at the output's rate.
    std::int64_t next_pts_ = 0;
    std::int64_t end_pts_;  ///< Where the sound ends: known once `finish` is called.
};

}  // namespace aircheck::media
