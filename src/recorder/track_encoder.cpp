#include "recorder/track_encoder.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::recorder {

Result<media::StreamFormat> TrackEncoder::open() {
    media::EncoderSettings settings;
    settings.codec = media::Codec::Opus;
    AC_TRY(encoder_, media::AudioEncoder::create(settings));
    return encoder_->format();
}

void TrackEncoder::hear(std::int64_t from, std::span<const float> samples, std::uint16_t channels) {
    Heard heard{from, {}};
    heard.samples.reserve(samples.size() / channels);
    for (std::size_t i = 0; i < samples.size(); i += channels) {
        const float last = samples[i + channels - 1U];
        heard.samples.push_back(0.5F * (samples[i] + last));
    }
    heard_.push_back(std::move(heard));
}

std::optional<std::int64_t> TrackEncoder::next_position() const {
    if (heard_.empty()) return std::nullopt;
    return heard_.front().from;
}

Result<> TrackEncoder::encode(std::int64_t first, std::vector<media::EncodedSample>& out) {
    static constexpr std::array<float, 4800> kSilence{};
    for (; !heard_.empty(); heard_.pop_front()) {
        const Heard& heard = heard_.front();
        const std::int64_t position = heard.from - first;
        while (written_ < position) {
            const auto hole = static_cast<std::size_t>(position - written_);
            AC_CHECK_OK(add(std::span(kSilence).first(std::min(hole, kSilence.size())), out));
        }
        const auto done = static_cast<std::size_t>(written_ - position);
        if (done >= heard.samples.size()) continue;
        AC_CHECK_OK(add(std::span(heard.samples).subspan(done), out));
    }
    return {};
}

Result<> TrackEncoder::add(std::span<const float> samples, std::vector<media::EncodedSample>& out) {
    written_ += static_cast<std::int64_t>(samples.size());
    return encoder_->encode(samples, out);
}

Result<> TrackEncoder::finish(std::vector<media::EncodedSample>& out) {
    return encoder_->finish(out);
}

}  // namespace aircheck::recorder
