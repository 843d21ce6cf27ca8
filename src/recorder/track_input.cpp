#include "recorder/track_input.hpp"

#include "rtp/packet.hpp"

#include <utility>

namespace aircheck::recorder {
namespace {

/// Opus without a rtpmap in the journal (older journals, tests) is LiveKit's 111.
std::optional<std::uint8_t> opus_of(const journal::TrackStart& start) {
    for (const journal::PayloadFormat& format : start.formats) {
        if (format.mime == "audio/opus") return format.payload_type;
    }
    return std::nullopt;
}

}  // namespace

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
    take_payload_type(start);
    apply_muted(start);
}

void TrackInput::take_payload_type(const journal::TrackStart& start) {
    if (const auto opus = opus_of(start)) opus_payload_type_ = *opus;
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
    take_payload_type(start);
    apply_muted(start);
}

bool TrackInput::take(BytesView datagram, Instant arrival) {
    const auto packet = rtp::PacketView::parse(datagram);
    if (!packet || packet->ssrc != start_.ssrc) return false;
    if (packet->payload_type != opus_payload_type_) return false;
    jitter_.insert(*packet, arrival);
    return !packet->payload.empty();
}

void TrackInput::report(const rtp::SenderReport& report, Instant arrival) {
    media::SenderReport measured;
    measured.ntp = report.ntp.value();
    measured.rtp_timestamp = report.rtp_timestamp.value();
    measured.arrival = arrival;
    renderer_->report(measured);
}

void TrackInput::push(rtp::EncodedFrame frame) {
    if (!first_timestamp_) first_timestamp_ = frame.rtp_timestamp;
    renderer_->push(std::move(frame));
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
