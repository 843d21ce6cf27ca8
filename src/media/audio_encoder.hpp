#pragma once

#include "core/result.hpp"
#include "media/sample.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace aircheck::media {

/// What an encoder is asked for. Input is always 48 kHz; other rates are made by resampling.
struct EncoderSettings {
    Codec codec = Codec::Aac;
    std::uint16_t channels = 1;  ///< 1 or 2.
    /// Of the output. AAC: 8000, 16000, 22050, 24000, 32000, 44100, 48000; MP3, FLAC and PCM:
    /// these, 11025 and 12000; Opus: 48000.
    std::uint32_t sample_rate_hz = 48000;
    /// 6000 to 512000, all channels together. A codec that has no such rate takes the nearest it
    /// has, and says so in StreamFormat::bitrate_bps; FLAC and PCM have none at all.
    std::uint32_t bitrate_bps = 48000;
};

/// Turns samples into access units of one stream whose length is exact: after `finish`, durations
/// add up to the priming and the samples given (at the output's rate), to the sample. Lives on one
/// thread; deterministic on one machine.
class AudioEncoder {
public:
    /// Errc::InvalidArgument names the setting that is impossible; Errc::Failed: the codec's
    /// library is missing or refuses.
    [[nodiscard]] static Result<std::unique_ptr<AudioEncoder>> create(
        const EncoderSettings& settings
    );

    virtual ~AudioEncoder() = default;
    AudioEncoder(const AudioEncoder&) = delete;
    AudioEncoder& operator=(const AudioEncoder&) = delete;

    /// Complete from the start: a muxer may write its header before the first sample.
    [[nodiscard]] virtual const StreamFormat& format() const = 0;
    /// Takes [count × channels] interleaved float at 48 kHz, any count, and appends what has become
    /// ready to `out`.
    [[nodiscard]] virtual Result<> encode(
        std::span<const float> interleaved, std::vector<EncodedSample>& out
    ) = 0;
    /// Encodes the rest. No call to `encode` may follow.
    [[nodiscard]] virtual Result<> finish(std::vector<EncodedSample>& out) = 0;

protected:
    AudioEncoder() = default;
};

}  // namespace aircheck::media
