#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace aircheck::sim {

/// What a caller sends: Opus, or G.711 (8 kHz, mono).
enum class VoiceCodec : std::uint8_t { Opus, Pcmu, Pcma };

/// Audio encoded once as 20 ms frames and shared by all callers that play it, so that a load
/// generator's own CPU stays small. Immutable: any thread.
class Voice {
public:
    static constexpr Nanoseconds kFrame = 20ms;

    enum class Ending : std::uint8_t { Silence, Repeat };
    struct Options {
        VoiceCodec codec = VoiceCodec::Opus;  ///< With G.711 only `ending` has a meaning.
        int channels = 1;
        int bitrate = 32'000;  ///< bit/s
        bool dtx = false;      ///< Leave out what Opus calls silence.
        Ending ending = Ending::Silence;
    };

    /// `pcm`: [frames × channels] interleaved 16-bit, 48 kHz; the last frame is filled with
    /// silence.
    [[nodiscard]] static Result<std::shared_ptr<const Voice>> from_pcm(
        std::span<const std::int16_t> pcm, const Options& options
    );
    /// A WAV file of 16-bit PCM, mono or stereo, any rate of 8 to 48 kHz; channels as in the file.
    /// Errors name the file.
    [[nodiscard]] static Result<std::shared_ptr<const Voice>> from_wav(
        const std::string& path, Options options
    );
    /// A sine of `hz` (a whole number, so that it repeats without a seam) at `level` (0 to 1, the
    /// amplitude), going on for ever.
    [[nodiscard]] static Result<std::shared_ptr<const Voice>> tone(
        int hz, double level, VoiceCodec codec = VoiceCodec::Opus
    );

    [[nodiscard]] VoiceCodec codec() const { return codec_; }

    /// Frame `index`; empty where DTX sends nothing; silence past the end, or from the start
    /// again.
    [[nodiscard]] BytesView frame(std::uint64_t index) const;
    /// Without repetition.
    [[nodiscard]] Nanoseconds duration() const;

private:
    Voice() = default;
    [[nodiscard]] static Result<std::shared_ptr<const Voice>> from_narrow(
        std::span<const std::int16_t> pcm, const Options& options
    );

    VoiceCodec codec_ = VoiceCodec::Opus;
    Bytes bytes_;
    std::vector<std::uint32_t> ends_;  ///< Of each frame in bytes_.
    Ending ending_ = Ending::Silence;
};

/// One frame of silence as LiveKit's server sends it after a mute.
[[nodiscard]] BytesView silence(VoiceCodec codec);

}  // namespace aircheck::sim
