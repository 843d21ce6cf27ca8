#include "recorder/track_input.hpp"

#include "rtp/packet.hpp"

#include <span>
#include <utility>

namespace aircheck::recorder {
namespace {

/// Ticks of the timeline's 48 kHz for one of the codec's clock.
std::uint32_t ticks_of(media::TrackCodec codec) {
    return static_cast<std::uint32_t>(media::kTimelineRate) / media::clock_rate_of(codec);
}

}  // namespace

std::optional<media::TrackCodec> codec_of(
    const journal::TrackStart& start, std::uint8_t payload_type
) {
    constexpr std::uint8_t kLiveKitsOpus = 111;
    if (start.formats.empty() && payload_type == kLiveKitsOpus) return media::TrackCodec::Opus;
    for (const journal::PayloadFormat& format : start.formats) {
        if (format.payload_type == payload_type) return media::track_codec_of(format.mime);
    }
    return std::nullopt;
}

Result<std::unique_ptr<TrackInput>> TrackInput::create(
    const journal::TrackStart& start, std::uint16_t channels, Nanoseconds jitter_wait
) {
    media::TrackRenderer::Settings settings;
    settings.channels = channels;
    AC_TRY(auto renderer, media::TrackRenderer::create(settings));
    return std::unique_ptr<TrackInput>(new TrackInput(start, std::move(renderer), jitter_wait));
}

TrackInput::TrackInput(
    const journal::TrackStart& start,
    std::unique_ptr<media::TrackRenderer> renderer,
    Nanoseconds jitter_wait
)
    : start_(start), renderer_(std::move(renderer)) {
    limits_.max_wait = std::chrono::duration_cast<std::chrono::milliseconds>(jitter_wait);
    // A second holds 50 packets of 20 ms, 400 of 2.5 ms.
    limits_.max_packets = static_cast<std::size_t>(512 + jitter_wait / 2ms);
    jitter_ = rtp::JitterBuffer(limits_);
    apply_muted(start);
}

bool TrackInput::is_same_track(const journal::TrackStart& start) const {
    return start.track_sid == start_.track_sid &&
           start.participant_identity == start_.participant_identity;
}

void TrackInput::apply_muted(const journal::TrackStart& start) {
    set_muted(start.muted ? media::TrackRenderer::Muted::Yes : media::TrackRenderer::Muted::No);
}

void TrackInput::continue_as(const journal::TrackStart& start) {
    ended_at_.reset();
    if (start.ssrc != start_.ssrc) {
        flush();
        lost_before_ += jitter_.counters().lost;
        late_before_ += jitter_.counters().late;
        jitter_ = rtp::JitterBuffer(limits_);
    }
    start_ = start;
    apply_muted(start);
}

bool TrackInput::take(BytesView datagram, Instant arrival) {
    const auto packet = rtp::PacketView::parse(datagram);
    if (!packet || packet->ssrc != start_.ssrc) return false;
    if (!codec_of(start_, packet->payload_type)) return false;
    jitter_.insert(*packet, arrival);
    return !packet->payload.empty();
}

void TrackInput::report(const rtp::SenderReport& report, Instant arrival) {
    media::SenderReport measured;
    measured.ntp = report.ntp.value();
    // Multiplied modulo 2^32, it is still the low half of the multiplied, unwrapped time.
    measured.rtp_timestamp = report.rtp_timestamp.value() * ticks_of(codec_);
    measured.arrival = arrival;
    renderer_->report(measured);
}

void TrackInput::push(rtp::EncodedFrame frame) {
    codec_ = codec_of(start_, frame.payload_type).value_or(codec_);
    frame.rtp_timestamp *= ticks_of(codec_);
    if (!first_timestamp_) first_timestamp_ = frame.rtp_timestamp;
    if (kept_ == nullptr) return renderer_->push(std::move(frame), codec_);
    rtp::EncodedFrame copy = frame;
    renderer_->push(std::move(frame), codec_);
    kept_->push(std::move(copy), codec_, renderer_->timeline().resets());
}

void TrackInput::keep_in(KeptTrack& kept) {
    kept_ = &kept;
    renderer_->on_rendered([this](std::int64_t from, std::span<const float> samples) {
        kept_->hear(from, samples, renderer_->channels());
    });
}

Result<> TrackInput::write_kept(std::int64_t zero, std::int64_t until) {
    return kept_ == nullptr ? Result<>{} : kept_->write(renderer_->timeline(), zero, until);
}

Result<> TrackInput::finish_kept(std::int64_t zero) {
    return kept_ == nullptr ? Result<>{} : kept_->finish(renderer_->timeline(), zero);
}

void TrackInput::release(Instant now) {
    while (auto frame = jitter_.pop(now)) push(*std::move(frame));
    if (ended_at_ && now - *ended_at_ > limits_.max_wait) {
        flush();
        renderer_->end();
        closed_ = true;
    }
}

void TrackInput::flush() {
    while (auto frame = jitter_.flush()) push(*std::move(frame));
}

std::optional<std::int64_t> TrackInput::first_position() const {
    if (!first_timestamp_) return std::nullopt;
    const double position = renderer_->timeline().mapping(0).to_position(*first_timestamp_);
    return static_cast<std::int64_t>(position);
}

std::uint64_t TrackInput::late() const {
    return late_before_ + jitter_.counters().late + renderer_->counters().late;
}

}  // namespace aircheck::recorder
