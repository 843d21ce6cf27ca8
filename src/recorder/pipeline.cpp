#include "recorder/pipeline.hpp"

#include "recorder/pipeline_time.hpp"
#include "recorder/source.hpp"
#include "rtp/rtcp.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

/// A fragment, too. Long, so that the codecs' working sets are fetched into the cache twice a
/// second and not ten times: that was a fifteenth of all work with twenty recordings. Packets are
/// released before mixing, so no tick decides anything that a shorter one would not.
constexpr Nanoseconds kTick = 500ms;
constexpr std::size_t kMixBlock = 4800;  ///< Samples a channel.
media::Mixing to_media(Mixing mixing) {
    switch (mixing) {
        case Mixing::Default:
            return media::Mixing::Default;
        case Mixing::DualChannelAgent:
            return media::Mixing::DualChannelAgent;
        case Mixing::DualChannelAlternate:
            return media::Mixing::DualChannelAlternate;
    }
    return media::Mixing::Default;
}

/// By livekit's numbers, which both have.
ParticipantKind kind_of(journal::ParticipantKind kind) {
    return static_cast<ParticipantKind>(kind);
}

mux::Tags tags_of(const journal::Header& header) {
    mux::Tags tags;
    tags.title = header.room_name;
    tags.room = header.room_name;
    tags.egress_id = header.egress_id;
    tags.comment = header.recorder_version;
    return tags;
}

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::create(
    const PipelineSettings& settings, const journal::Header& header
) {
    media::Mixer::Settings mixing;
    mixing.mixing = to_media(settings.mixing);
    mixing.channels = settings.encoding.channels;
    AC_TRY(auto mixer, media::Mixer::create(mixing));
    std::unique_ptr<Pipeline> pipeline(new Pipeline(settings, header, std::move(mixer)));
    if (settings.encoding.codec == AudioCodec::OpusPassthrough) {
        const Container container = settings.encoding.container;
        const bool can_hold = container == Container::Ogg || container == Container::Mp4;
        if (!can_hold || settings.segments || settings.stream) {
            return fail(Errc::InvalidArgument, "Opus is kept as it is in OGG and MP4 only");
        }
        if (settings.keeps_tracks) {
            return fail(Errc::InvalidArgument, "one track kept as it is has no files beside it");
        }
        pipeline->kept_.emplace(settings.jitter_wait);
        return pipeline;
    }

    const bool takes_two =
        std::any_of(settings.routes.begin(), settings.routes.end(), [](const AudioRoute& route) {
            return route.channel != AudioRoute::Channel::Both;
        });
    if (takes_two && settings.encoding.channels != 2) {
        return fail(Errc::InvalidArgument, "audio routes to left or right take two channels");
    }
    AC_CHECK_OK(pipeline->make_encoders());
    return pipeline;
}

Pipeline::Pipeline(
    const PipelineSettings& settings, const journal::Header& header, media::Mixer mixer
)
    : settings_(settings),
      tags_(tags_of(header)),
      wall_start_(header.wall_start),
      mixer_(std::move(mixer)) {}

Result<> Pipeline::feed(const journal::Record& record, Bytes& out) {
    AC_CHECK_OK(advance(record.at, out));
    if (kept_) return dispatch_kept(record);
    dispatch(record);
    return {};
}

Result<> Pipeline::advance(Nanoseconds to, Bytes& out) {
    now_ = std::max(now_, to);
    while (next_tick_ <= now_) {
        AC_CHECK_OK(tick(next_tick_, out));
        next_tick_ += kTick;
    }
    return {};
}

Result<> Pipeline::tick(Nanoseconds at, Bytes& out) {
    if (kept_) {
        media::EncodedSample sample;
        while (kept_->next(Instant(at), sample)) AC_CHECK_OK(add_kept(std::move(sample), out));
        if (muxer_) muxer_->flush(out);
        return {};
    }
    for (const auto& [index, input] : inputs_) input->release(Instant(at));
    if (!first_media_ || at < *first_media_ + settings_.mix_delay) return {};
    if (!has_begun_) AC_CHECK_OK(begin_output(out));
    AC_CHECK_OK(mix_up_to(position_of(at - settings_.mix_delay), out));
    AC_CHECK_OK(write_kept_tracks());
    return drop_finished_tracks();
}

Result<> Pipeline::mix_up_to(std::int64_t position, Bytes& out) {
    const std::size_t channels = settings_.encoding.channels;
    while (mixed_ < position) {
        const auto count = std::min<std::int64_t>(position - mixed_, kMixBlock);
        mixed_samples_.resize(static_cast<std::size_t>(count) * channels);
        mixer_.mix(mixed_, mixed_samples_);
        mixed_ += count;
        for (const Encoder& each : encoders_) {
            samples_.clear();
            AC_CHECK_OK(each.encoder->encode(mixed_samples_, samples_));
            pack(each);
        }
    }
    if (muxer_) muxer_->flush(out);
    return {};
}

Result<Pipeline::Finished> Pipeline::finish(Nanoseconds end) {
    if (!first_media_) return fail(Errc::NotFound, "no media was received");
    now_ = std::max(now_, end);
    if (kept_) return finish_kept(now_);
    Bytes out;
    for (const auto& [index, input] : inputs_) input->flush();
    if (!has_begun_) AC_CHECK_OK(begin_output(out));
    AC_CHECK_OK(mix_up_to(std::max(position_of(now_), mixed_), out));
    AC_CHECK_OK(finish_kept_tracks());
    for (const Encoder& each : encoders_) {
        samples_.clear();
        AC_CHECK_OK(each.encoder->finish(samples_));
        pack(each);
    }
    if (segmenter_) segmenter_->finish(segments_);
    if (!muxer_) return Finished{{}, {}, duration()};
    mux::Finished closed = muxer_->finish();
    out.insert(out.end(), closed.tail.begin(), closed.tail.end());
    return Finished{std::move(out), std::move(closed.head_replacement), muxer_->duration()};
}

void Pipeline::dispatch(const journal::Record& record) {
    if (settings_.stream) note_mute(record);
    const auto find = [this](journal::TrackIndex index) -> TrackInput* {
        const auto it = inputs_.find(index);
        return it == inputs_.end() ? nullptr : it->second.get();
    };
    if (const auto* packet = std::get_if<journal::RtpPacket>(&record.body)) {
        take_rtp(*packet, record.at);
    } else if (const auto* rtcp = std::get_if<journal::RtcpPacket>(&record.body)) {
        take_rtcp(rtcp->packet, record.at);
    } else if (const auto* start = std::get_if<journal::TrackStart>(&record.body)) {
        start_track(*start);
    } else if (const auto* end = std::get_if<journal::TrackEnd>(&record.body)) {
        if (TrackInput* input = find(end->track)) input->end(record.instant());
    } else if (const auto* mute = std::get_if<journal::TrackMute>(&record.body)) {
        if (TrackInput* input = find(mute->track)) {
            input->set_muted(media::TrackRenderer::Muted::Yes);
        }
    } else if (const auto* unmute = std::get_if<journal::TrackUnmute>(&record.body)) {
        if (TrackInput* input = find(unmute->track)) {
            input->set_muted(media::TrackRenderer::Muted::No);
        }
    }
}

void Pipeline::note_mute(const journal::Record& record) {
    const bool is_mute = std::holds_alternative<journal::TrackMute>(record.body);
    if (!is_mute && !std::holds_alternative<journal::TrackUnmute>(record.body)) return;
    mutes_.push_back({record.at, is_mute ? streams::Muted::Yes : streams::Muted::No});
}

void Pipeline::start_track(const journal::TrackStart& start) {
    if (start.kind != journal::TrackKind::Audio) return;
    if (start.encryption != journal::Encryption::None) return;
    for (const auto& [index, input] : inputs_) {
        if (!input->is_same_track(start) || input->is_closed()) continue;
        const auto same = input;  // `inputs_` changes below.
        same->continue_as(start);
        inputs_[start.track] = same;
        return;
    }
    auto input = TrackInput::create(start, mixer_.track_channels(), settings_.jitter_wait);
    if (!input) return;
    media::TrackRenderer& renderer = (*input)->renderer();
    const auto heard = channels_.find(start.track_sid);
    if (heard != channels_.end()) {  // Back after longer than its input was kept.
        mixer_.add_on(renderer, heard->second, start.participant_sid);
    } else if (const auto routed = channel_of(
                   settings_.routes,
                   {start.track_sid, start.participant_identity, kind_of(start.participant_kind)}
               )) {
        channels_[start.track_sid] = *routed;
        mixer_.add_on(renderer, *routed, start.participant_sid);
    } else {
        const bool agent = start.participant_kind == journal::ParticipantKind::Agent;
        const auto kind = agent ? media::ParticipantKind::Agent : media::ParticipantKind::Other;
        channels_[start.track_sid] = mixer_.add(renderer, kind, start.participant_sid);
    }
    if (settings_.keeps_tracks) keep_track(**input);
    inputs_[start.track] = std::move(*input);
}

void Pipeline::take_rtp(const journal::RtpPacket& packet, Nanoseconds at) {
    const auto it = inputs_.find(packet.track);
    if (it == inputs_.end()) return;
    // Time never steps back: what a tick has decided stays decided, live and when rendered.
    if (it->second->take(packet.packet, Instant(at)) && !first_media_) first_media_ = now_;
}

void Pipeline::take_rtcp(BytesView packet, Nanoseconds at) {
    const auto parsed = rtp::parse_rtcp(packet);
    if (!parsed) return;
    for (const rtp::Rtcp& element : *parsed) {
        const auto* report = std::get_if<rtp::SenderReport>(&element);
        if (report == nullptr) continue;
        for (const auto& [index, input] : inputs_) {
            if (input->ssrc() == report->ssrc) input->report(*report, Instant(at));
        }
    }
}

Result<> Pipeline::drop_finished_tracks() {
    for (auto it = inputs_.begin(); it != inputs_.end();) {
        TrackInput& input = *it->second;
        if (!input.renderer().is_finished()) {
            ++it;
            continue;
        }
        if (it->second.use_count() == 1) {
            AC_CHECK_OK(input.finish_kept(zero_));
            mixer_.remove(input.renderer());
            finished_tracks_.push_back(
                {input.start().track_sid,
                 input.start().participant_identity,
                 input.lost(),
                 input.late(),
                 input.renderer().counters().concealed_samples}
            );
        }
        it = inputs_.erase(it);
    }
    return {};
}

std::optional<Nanoseconds> Pipeline::start() const {
    if (!has_begun_) return std::nullopt;
    return time_of(zero_);
}

Nanoseconds Pipeline::duration() const {
    return has_begun_ ? time_of(mixed_ - zero_) : Nanoseconds(0);
}

std::vector<Pipeline::TrackCounters> Pipeline::track_counters() const {
    std::vector<TrackCounters> all = finished_tracks_;
    if (kept_ && kept_->track()) {
        all.push_back(
            {kept_->track()->track_sid,
             kept_->track()->participant_identity,
             kept_->lost(),
             kept_->late(),
             kept_->counters().filled_samples}
        );
    }
    std::vector<const TrackInput*> seen;
    for (const auto& [index, input] : inputs_) {
        if (std::find(seen.begin(), seen.end(), input.get()) != seen.end()) continue;
        seen.push_back(input.get());
        all.push_back(
            {input->start().track_sid,
             input->start().participant_identity,
             input->lost(),
             input->late(),
             input->renderer().counters().concealed_samples}
        );
    }
    return all;
}

}  // namespace aircheck::recorder
