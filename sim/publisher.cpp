#include "sim/publisher.hpp"

#include "rtp/packet.hpp"
#include "rtp/rtcp.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace aircheck::sim {
namespace {

/// LiveKit's, or RFC 3551's.
std::uint8_t payload_type_of(VoiceCodec codec) {
    switch (codec) {
        case VoiceCodec::Opus:
            return 111;
        case VoiceCodec::Pcmu:
            return 0;
        case VoiceCodec::Pcma:
            return 8;
    }
    return 111;
}

std::uint32_t ticks_per_millisecond(VoiceCodec codec) { return codec == VoiceCodec::Opus ? 48 : 8; }

constexpr std::uint64_t kSilenceAfterMute = 50;  // LiveKit's second of silence.

Nanoseconds scaled(Nanoseconds time, double by) {
    return Nanoseconds(static_cast<std::int64_t>(static_cast<double>(time.count()) * by));
}

}  // namespace

Publisher::Publisher(const Caller& caller, std::uint64_t seed) : caller_(caller) {
    if (!caller_.utterances.empty()) codec_ = caller_.utterances.front().voice->codec();
    std::mt19937_64 random(seed);
    ssrc_ = static_cast<std::uint32_t>(random()) | 1;
    first_timestamp_ = static_cast<std::uint32_t>(random());
    next_sequence_ = static_cast<std::uint16_t>(random());
    // Somewhere in 2001 to 2032: publishers' clocks have nothing to do with each other.
    epoch_ =
        WallTime(std::chrono::seconds(1'000'000'000 + static_cast<std::int64_t>(random() >> 34)));
}

Nanoseconds Publisher::own_time(Nanoseconds room_time) const {
    return scaled(room_time - caller_.start, 1 + caller_.drift_ppm * 1e-6);
}

Nanoseconds Publisher::room_time_of(std::uint64_t frame) const {
    const auto own = Voice::kFrame * static_cast<std::int64_t>(frame);
    return caller_.start + scaled(own, 1 / (1 + caller_.drift_ppm * 1e-6));
}

Publisher::Presence Publisher::presence(Nanoseconds room_time) const {
    if (room_time < caller_.start) return Presence::Away;
    if (caller_.stop && room_time >= *caller_.stop) return Presence::Gone;
    return Presence::Here;
}

bool Publisher::is_muted(Nanoseconds room_time) const {
    return std::any_of(caller_.muted.begin(), caller_.muted.end(), [&](const Span& span) {
        return room_time >= span.from && room_time < span.to;
    });
}

BytesView Publisher::payload_of(std::uint64_t frame) {
    const auto own = Voice::kFrame * static_cast<std::int64_t>(frame);
    auto& list = caller_.utterances;
    while (utterance_ + 1 < list.size() && list[utterance_ + 1].at <= own) ++utterance_;
    if (list.empty() || list[utterance_].at > own) return silence(codec_);
    const auto since = own - list[utterance_].at;
    return list[utterance_].voice->frame(static_cast<std::uint64_t>(since / Voice::kFrame));
}

void Publisher::run(Nanoseconds room_time, Output& output) {
    while (true) {
        const auto due = room_time_of(next_frame_);
        if (due > room_time || presence(due) != Presence::Here) return;
        const auto frame = next_frame_++;
        Sent sent;
        sent.frame = frame;
        sent.payload = payload_of(frame);
        if (is_muted(due)) {
            if (muted_frames_++ >= kSilenceAfterMute)
                sent.payload = {};
            else
                sent.payload = silence(codec_);
        } else {
            muted_frames_ = 0;
        }
        if (sent.payload.empty()) {
            after_silence_ = true;
            continue;
        }
        sent.sequence_number = next_sequence_++;
        sent.marker = std::exchange(after_silence_, false);
        sent.known = true;
        history_[sent.sequence_number % history_.size()] = sent;
        ++packets_;
        octets_ += sent.payload.size();
        scratch_.clear();
        build(sent, scratch_);
        output.publish(scratch_);
    }
}

void Publisher::build(const Sent& sent, Bytes& out) const {
    rtp::PacketFields fields;
    fields.marker = sent.marker;
    fields.payload_type = payload_type_of(codec_);
    fields.sequence_number = rtp::SequenceNumber(sent.sequence_number);
    fields.timestamp = rtp::RtpTimestamp(
        first_timestamp_ +
        static_cast<std::uint32_t>(sent.frame) * 20 * ticks_per_millisecond(codec_)
    );
    fields.ssrc = ssrc_;
    fields.payload = sent.payload;
    rtp::build_packet(fields, out);
}

bool Publisher::repeat(std::uint16_t sequence_number, Bytes& out) const {
    // 200 does not divide 65536: around the wrap a slot may hold another number, which is then
    // unknown.
    const auto& sent = history_[sequence_number % history_.size()];
    if (!sent.known || sent.sequence_number != sequence_number) return false;
    out.clear();
    build(sent, out);
    return true;
}

void Publisher::append_report(Nanoseconds room_time, std::string_view cname, Bytes& out) const {
    const auto own = own_time(room_time);
    rtp::SenderReport report;
    report.ssrc = ssrc_;
    report.ntp = rtp::NtpTime::from_wall(epoch_ + own);
    // In integers: no drift of our own over a long call.
    const std::int64_t ticks = own.count() * ticks_per_millisecond(codec_) / 1'000'000;
    report.rtp_timestamp = rtp::RtpTimestamp(first_timestamp_ + static_cast<std::uint32_t>(ticks));
    report.packet_count = static_cast<std::uint32_t>(packets_);
    report.octet_count = static_cast<std::uint32_t>(octets_);
    rtp::append_rtcp(report, out);
    rtp::SourceDescription description;
    description.ssrc = ssrc_;
    description.cname = std::string(cname);
    rtp::append_rtcp(description, out);
}

}  // namespace aircheck::sim
