#pragma once

#include "media/audio_decoder.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aircheck::media {

/// One byte as ITU-T G.711 says, as 16-bit sound (its 13 or 14 bits moved up).
[[nodiscard]] std::int16_t expand_mu_law(std::uint8_t byte);
[[nodiscard]] std::int16_t expand_a_law(std::uint8_t byte);

/// Samples at 48 kHz that decoding `packet` gives; 0 when it is empty or longer than 200 ms (RFC
/// 3551 §4.2).
[[nodiscard]] std::size_t g711_packet_samples(BytesView packet);

/// G.711 at 8 kHz, brought to 48 kHz by a windowed sinc, which delays it by 2 ms.
///
/// What is lost is filled with the last pitch period over and over, fading out within 60 ms (after
/// ITU-T G.711 appendix I), and blended into what follows.
class G711Decoder final : public AudioDecoder {
public:
    enum class Law : std::uint8_t { Mu, A };
    static constexpr std::uint32_t kRate = 8000;
    static constexpr std::size_t kFactor = 6;         ///< 48 kHz by 8 kHz.
    static constexpr std::size_t kMaxPacket = 1600;   ///< 200 ms.
    static constexpr std::size_t kMaxSamples = 9600;  ///< 200 ms at 48 kHz, of one concealment.

    /// `channels`: 1 or 2; both get the same.
    [[nodiscard]] static Result<G711Decoder> create(Law law, std::uint16_t channels);

    void begin_run() override;
    std::size_t decode(BytesView packet, std::vector<float>& out) override;
    std::size_t conceal(std::size_t samples, std::vector<float>& out) override;

private:
    static constexpr std::size_t kHistory = 400;  ///< 50 ms: three of the longest pitch periods.
    static constexpr std::size_t kTaps = 32;      ///< Of each phase.

    G711Decoder(Law law, std::uint16_t channels) : law_(law), channels_(channels) {}
    void give(std::span<const float> sound, std::vector<float>& out);
    void begin_concealment();
    [[nodiscard]] float made_up();

    Law law_;
    std::size_t channels_;
    std::array<float, kTaps> window_{};      ///< The last samples that went into the filter.
    std::array<float, kHistory> history_{};  ///< What was heard last, made up or not.
    std::vector<float> sound_;               ///< At 8 kHz, of this call.
    std::vector<float> period_;              ///< What is repeated; empty: nothing is made up.
    std::size_t made_up_ = 0;                ///< Samples since the last true one.
};

}  // namespace aircheck::media
