#include "recorder/opus_stream.hpp"

#include "media/opus_packet.hpp"
#include "mux/opus_head.hpp"

#include <array>
#include <span>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr std::uint8_t kStereo = 0x04;  // RFC 6716 §3.1

/// A table of contents and how long its frame of no bytes lasts.
struct Silence {
    std::uint8_t toc = 0;
    std::int64_t samples = 0;
};

/// The longest silence of at most `room` samples in the mode and bandwidth of `toc` (RFC 6716 table
/// 2), that of `toc` itself before all others; none when even the shortest is too long.
std::optional<Silence> silence_within(std::uint8_t toc, std::int64_t room) {
    static constexpr std::array<std::int64_t, 4> kSilk{480, 960, 1920, 2880};
    static constexpr std::array<std::int64_t, 2> kHybrid{480, 960};
    static constexpr std::array<std::int64_t, 4> kCelt{120, 240, 480, 960};
    const auto config = static_cast<std::uint8_t>(toc >> 3);
    std::span<const std::int64_t> sizes = kSilk;
    if (config >= 16) {
        sizes = kCelt;
    } else if (config >= 12) {
        sizes = kHybrid;
    }
    const std::size_t own = config % sizes.size();
    const std::size_t first_of_band = config - own;
    for (std::size_t i = own + 1; i-- > 0;) {
        if (sizes[i] > room) continue;
        // The code is 0, one frame, whatever the packet before had.
        const auto found = static_cast<std::uint8_t>((first_of_band + i) << 3 | (toc & kStereo));
        return Silence{found, sizes[i]};
    }
    return std::nullopt;
}

}  // namespace

bool OpusStream::place(Bytes packet, std::int64_t position) {
    const auto samples = static_cast<std::int64_t>(media::opus_packet_samples(packet));
    if (position + samples <= written_) {
        ++counters_.late;
        return false;
    }
    held_ = Placed{std::move(packet), position};
    return true;
}

bool OpusStream::next(media::EncodedSample& sample) {
    if (!held_) return false;
    if (fill(held_->position, sample)) return true;
    // What is too short to fill, or overlaps by less than a packet, is left to the next hole.
    sample.pts = written_;
    sample.duration = static_cast<std::uint32_t>(media::opus_packet_samples(held_->packet));
    sample.data = std::move(held_->packet);
    toc_ = sample.data[0];
    written_ += sample.duration;
    held_.reset();
    return true;
}

bool OpusStream::fill(std::int64_t until, media::EncodedSample& sample) {
    const auto silence = silence_within(toc_, until - written_);
    if (!silence) return false;
    sample.pts = written_;
    sample.duration = static_cast<std::uint32_t>(silence->samples);
    sample.data.assign(1, silence->toc);
    written_ += silence->samples;
    counters_.filled_samples += static_cast<std::uint64_t>(silence->samples);
    return true;
}

media::StreamFormat opus_format(const journal::TrackStart& start, BytesView first_packet) {
    const bool is_stereo = start.stereo || (first_packet[0] & kStereo) != 0;
    mux::OpusHead head;
    head.channels = is_stereo ? 2 : 1;
    media::StreamFormat format;
    format.codec = media::Codec::Opus;
    format.channels = head.channels;
    format.codec_config = mux::write_opus_head(head);
    return format;
}

}  // namespace aircheck::recorder
