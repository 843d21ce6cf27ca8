#include "media/mixer.hpp"

#include <algorithm>

namespace aircheck::media {
namespace {

constexpr auto kLookAhead = static_cast<std::int64_t>(Limiter::kLookAhead);
constexpr std::int64_t kAlignEvery = kTimelineRate;

}  // namespace

Result<Mixer> Mixer::create(const Settings& settings) {
    if (settings.channels != 1 && settings.channels != 2) {
        return fail(Errc::InvalidArgument, "mixer: channels must be 1 or 2");
    }
    return Mixer(settings);
}

Mixer::Mixer(const Settings& settings) : settings_(settings), limiter_(settings.channels) {}

std::uint16_t Mixer::track_channels() const {
    // The dual modes mix each source down to one channel; so does libopus, while decoding.
    return settings_.mixing == Mixing::Default ? settings_.channels : std::uint16_t{1};
}

Channel Mixer::add(TrackRenderer& track, ParticipantKind kind, std::string_view participant) {
    Channel channel = Channel::Both;
    if (settings_.channels == 2) {
        const bool agent = kind == ParticipantKind::Agent;
        const bool even = arrivals_ % 2 == 0;
        switch (settings_.mixing) {
            case Mixing::Default:
                break;
            case Mixing::DualChannelAgent:
                channel = agent ? Channel::Left : Channel::Right;
                break;
            case Mixing::DualChannelAlternate:
                channel = even ? Channel::Left : Channel::Right;
                break;
        }
    }
    ++arrivals_;
    add_on(track, channel, participant);
    return channel;
}

void Mixer::add_on(TrackRenderer& track, Channel channel, std::string_view participant) {
    tracks_.push_back({&track, channel, std::string(participant)});
}

void Mixer::remove(const TrackRenderer& track) {
    std::erase_if(tracks_, [&](const Member& member) { return member.track == &track; });
}

void Mixer::mix(std::int64_t from, std::span<float> out) {
    const std::size_t channels = settings_.channels;
    if (!started_ || from != next_) {
        started_ = true;
        limiter_.reset();
        input_.assign(Limiter::kLookAhead * channels, 0.0F);
        sum(from, input_);
        limiter_.process(input_, input_);
        next_alignment_ = from;
    }
    next_ = from + static_cast<std::int64_t>(out.size() / channels);
    if (from >= next_alignment_) {
        align_participants();
        next_alignment_ = from + kAlignEvery;
    }
    input_.assign(out.size(), 0.0F);
    sum(from + kLookAhead, input_);
    limiter_.process(input_, out);
}

void Mixer::sum(std::int64_t from, std::span<float> out) {
    const std::size_t count = out.size() / settings_.channels;
    for (const Member& member : tracks_) {
        const auto samples = member.track->render(from, count);
        if (samples.empty()) continue;
        if (member.track->channels() == 1)
            add_mono(samples, member.channel, out);
        else
            add_stereo(samples, member.channel, out);
    }
}

void Mixer::add_mono(std::span<const float> samples, Channel channel, std::span<float> out) const {
    if (settings_.channels == 1) {
        for (std::size_t i = 0; i < samples.size(); ++i) out[i] += samples[i];
        return;
    }
    const float left = channel == Channel::Right ? 0.0F : 1.0F;
    const float right = channel == Channel::Left ? 0.0F : 1.0F;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        out[2 * i] += left * samples[i];
        out[2 * i + 1] += right * samples[i];
    }
}

void Mixer::add_stereo(std::span<const float> samples, Channel channel, std::span<float> out)
    const {
    if (settings_.channels == 2 && channel == Channel::Both) {
        for (std::size_t i = 0; i < samples.size(); ++i) out[i] += samples[i];
        return;
    }
    const std::size_t step = settings_.channels;
    const std::size_t offset = channel == Channel::Right ? 1 : 0;
    for (std::size_t i = 0; 2 * i < samples.size(); ++i) {
        out[step * i + offset] += 0.5F * (samples[2 * i] + samples[2 * i + 1]);
    }
}

void Mixer::align_participants() {
    std::vector<Timeline*> timelines;
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const std::string& participant = tracks_[i].participant;
        const auto is_same = [&](const Member& other) { return other.participant == participant; };
        const auto first = std::find_if(tracks_.begin(), tracks_.end(), is_same);
        const bool done = first != tracks_.begin() + static_cast<std::ptrdiff_t>(i);
        if (participant.empty() || done) continue;
        timelines.clear();
        for (const Member& member : tracks_) {
            if (is_same(member)) timelines.push_back(&member.track->timeline());
        }
        if (timelines.size() > 1) align_participant(timelines);
    }
}

}  // namespace aircheck::media
