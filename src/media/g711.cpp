#include "media/g711.hpp"

#include "media/windowed_sinc.hpp"

#include <algorithm>

namespace aircheck::media {
namespace {

// Concealment, in samples at 8 kHz.
constexpr std::size_t kShortestPitch = 40;   // 200 Hz
constexpr std::size_t kLongestPitch = 120;   // 66 Hz
constexpr std::size_t kCompared = 160;       // 20 ms
constexpr std::size_t kFullUntil = 80;       // 10 ms
constexpr std::size_t kSilentFrom = 480;     // 60 ms
constexpr std::size_t kBlendIntoTruth = 32;  // 4 ms

constexpr std::size_t kPhases = G711Decoder::kFactor;
template <std::size_t Taps>
using Filter = std::array<std::array<float, Taps>, kPhases>;

/// A low pass at 3.85 kHz: what lies above 4.3 kHz is an image.
template <std::size_t Taps>
Filter<Taps> make_filter() {
    constexpr double kCutoff = 3850.0 / 4000.0;
    constexpr double kHalf = Taps / 2.0;
    Filter<Taps> filter{};
    for (std::size_t phase = 0; phase < kPhases; ++phase) {
        double sum = 0;
        std::array<double, Taps> taps{};
        for (std::size_t tap = 0; tap < Taps; ++tap) {
            // From the tap's sample to where this phase's output lies, in samples.
            const double x =
                static_cast<double>(tap) - (kHalf - 1) - static_cast<double>(phase) / kPhases;
            taps[tap] = windowed_sinc(x, kCutoff, kHalf);
            sum += taps[tap];
        }
        // No phase is louder than another: that would be a tone of 8 kHz.
        for (std::size_t tap = 0; tap < Taps; ++tap) {
            filter[phase][tap] = static_cast<float>(taps[tap] / sum);
        }
    }
    return filter;
}

float to_float(std::int16_t sample) { return static_cast<float>(sample) / 32768.0F; }

}  // namespace

std::int16_t expand_mu_law(std::uint8_t byte) {
    const auto bits = static_cast<unsigned>(~byte) & 0xffU;
    const int magnitude = static_cast<int>(((bits & 0x0fU) * 2 + 33) << (bits >> 4 & 7U)) - 33;
    return static_cast<std::int16_t>((bits & 0x80U) != 0 ? -4 * magnitude : 4 * magnitude);
}

std::int16_t expand_a_law(std::uint8_t byte) {
    const unsigned bits = byte ^ 0x55U;
    const unsigned chord = bits >> 4 & 7U;
    unsigned magnitude = (bits & 0x0fU) * 2 + 1;
    if (chord > 0) magnitude = (magnitude + 32) << (chord - 1);
    const int sample = 8 * static_cast<int>(magnitude);
    return static_cast<std::int16_t>((bits & 0x80U) != 0 ? sample : -sample);
}

std::size_t g711_packet_samples(BytesView packet) {
    if (packet.size() > G711Decoder::kMaxPacket) return 0;
    return packet.size() * G711Decoder::kFactor;
}

Result<G711Decoder> G711Decoder::create(Law law, std::uint16_t channels) {
    if (channels != 1 && channels != 2) {
        return fail(Errc::InvalidArgument, "G.711 decoder: channels must be 1 or 2");
    }
    return G711Decoder(law, channels);
}

void G711Decoder::begin_run() {
    window_.fill(0);
    history_.fill(0);
    period_.clear();
    made_up_ = 0;
}

std::size_t G711Decoder::decode(BytesView packet, std::vector<float>& out) {
    const std::size_t made = g711_packet_samples(packet);
    if (made == 0) return 0;
    sound_.clear();
    for (const std::uint8_t byte : packet) {
        sound_.push_back(to_float(law_ == Law::Mu ? expand_mu_law(byte) : expand_a_law(byte)));
    }
    if (made_up_ > 0) {
        const std::size_t blended = std::min(sound_.size(), kBlendIntoTruth);
        for (std::size_t i = 0; i < blended; ++i) {
            const float truth = static_cast<float>(i + 1) / static_cast<float>(blended + 1);
            sound_[i] = truth * sound_[i] + (1 - truth) * made_up();
        }
        made_up_ = 0;
    }
    give(sound_, out);
    return made;
}

std::size_t G711Decoder::conceal(std::size_t samples, std::vector<float>& out) {
    if (samples == 0) return 0;
    const std::size_t granules = (samples + kGranule - 1) / kGranule;
    const std::size_t made = std::min(granules * kGranule, kMaxSamples);
    if (made_up_ == 0) begin_concealment();
    sound_.clear();
    for (std::size_t i = 0; i < made / kFactor; ++i) sound_.push_back(made_up());
    give(sound_, out);
    return made;
}

/// The pitch is where the last 20 ms are most like what came before.
void G711Decoder::begin_concealment() {
    const float* end = history_.data() + history_.size();
    std::size_t pitch = kLongestPitch;
    float best = 0;
    for (std::size_t lag = kShortestPitch; lag <= kLongestPitch; ++lag) {
        float product = 0;
        float energy = 1e-9F;
        for (const float* at = end - kCompared; at != end; ++at) {
            const float before = *(at - lag);
            product += *at * before;
            energy += before * before;
        }
        const float likeness = product > 0 ? product * product / energy : 0;
        if (likeness > best) {
            best = likeness;
            pitch = lag;
        }
    }
    period_.assign(end - pitch, end);
    // The period's end leads into its beginning without a click.
    const std::size_t seam = pitch / 4;
    for (std::size_t i = 0; i < seam; ++i) {
        const float weight = static_cast<float>(i + 1) / static_cast<float>(seam + 1);
        float& sample = period_[pitch - seam + i];
        sample = (1 - weight) * sample + weight * *(end - pitch - seam + i);
    }
}

float G711Decoder::made_up() {
    const std::size_t at = made_up_++;
    if (at >= kSilentFrom) return 0;
    float gain = 1;
    if (at > kFullUntil) {
        gain = static_cast<float>(kSilentFrom - at) / static_cast<float>(kSilentFrom - kFullUntil);
    }
    return gain * period_[at % period_.size()];
}

void G711Decoder::give(std::span<const float> sound, std::vector<float>& out) {
    static const Filter<kTaps> kFilter = make_filter<kTaps>();
    for (const float sample : sound) {
        std::copy(window_.begin() + 1, window_.end(), window_.begin());
        window_.back() = sample;
        for (const auto& phase : kFilter) {
            float sum = 0;
            for (std::size_t tap = 0; tap < kTaps; ++tap) sum += phase[tap] * window_[tap];
            out.insert(out.end(), channels_, sum);
        }
    }
    const std::size_t kept = std::min(sound.size(), kHistory);
    std::copy(
        history_.begin() + static_cast<std::ptrdiff_t>(kept), history_.end(), history_.begin()
    );
    std::copy(
        sound.end() - static_cast<std::ptrdiff_t>(kept),
        sound.end(),
        history_.end() - static_cast<std::ptrdiff_t>(kept)
    );
}

}  // namespace aircheck::media
