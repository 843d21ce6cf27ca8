#include "media/opus.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace aircheck::media {
namespace {

constexpr int kRate = 48000;
constexpr std::size_t kMaxFramesPerPacket = 48;  // RFC 6716 §3.2.5
constexpr std::size_t kMaxPacketBytes = 48 * 1275 + 50;
constexpr std::uint8_t kCeltOnly = 0x80;  // configurations 16 to 31, RFC 6716 table 2

opus_int32 length_of(BytesView packet) { return static_cast<opus_int32>(packet.size()); }

bool has_plausible_size(BytesView packet) {
    return !packet.empty() && packet.size() <= kMaxPacketBytes;
}

}  // namespace

std::size_t opus_packet_samples(BytesView packet) {
    if (!has_plausible_size(packet)) return 0;
    const int samples = opus_packet_get_nb_samples(packet.data(), length_of(packet), kRate);
    return samples > 0 ? static_cast<std::size_t>(samples) : 0;
}

std::size_t opus_fec_samples(BytesView packet) {
    if (!has_plausible_size(packet) || (packet[0] & kCeltOnly) != 0) return 0;
    std::array<const unsigned char*, kMaxFramesPerPacket> frames{};
    std::array<opus_int16, kMaxFramesPerPacket> sizes{};
    const int count = opus_packet_parse(
        packet.data(), length_of(packet), nullptr, frames.data(), sizes.data(), nullptr
    );
    if (count <= 0 || sizes[0] == 0) return 0;
    // RFC 6716 §4.2.3: one VAD flag for each 20 ms of the first channel, then its LBRR flag, then
    // the same of the second channel.
    const int frame = opus_packet_get_samples_per_frame(packet.data(), kRate);
    const int vad_flags = std::max(1, frame / 960);
    unsigned flags = (unsigned{*frames[0]} >> (7 - vad_flags)) & 1U;
    if (opus_packet_get_nb_channels(packet.data()) == 2) {
        const int shift = 6 - 2 * vad_flags;
        flags |= (unsigned{*frames[0]} >> std::max(shift, 0)) & 1U;
    }
    return flags != 0 ? static_cast<std::size_t>(frame) : 0;
}

bool is_opus_dtx(BytesView packet) { return packet.size() <= 2; }

Result<OpusDecoder> OpusDecoder::create(std::uint16_t channels) {
    if (channels != 1 && channels != 2) {
        return fail(Errc::InvalidArgument, "opus decoder: channels must be 1 or 2");
    }
    int error = OPUS_OK;
    Handle handle(opus_decoder_create(kRate, channels, &error));
    if (!handle) {
        return fail(Errc::Failed, std::string("opus decoder: ") + opus_strerror(error));
    }
    return OpusDecoder(std::move(handle), channels);
}

std::size_t OpusDecoder::run(
    BytesView packet, std::size_t samples, int fec, std::vector<float>& out
) {
    const std::size_t before = out.size();
    out.resize(before + samples * channels_);
    const int made = opus_decode_float(
        handle_.get(),
        packet.empty() ? nullptr : packet.data(),
        length_of(packet),
        out.data() + before,
        static_cast<int>(samples),
        fec
    );
    const std::size_t count = made > 0 ? static_cast<std::size_t>(made) : 0;
    out.resize(before + count * channels_);
    return count;
}

std::size_t OpusDecoder::decode(BytesView packet, std::vector<float>& out) {
    const std::size_t samples = opus_packet_samples(packet);
    if (samples == 0) return 0;
    return run(packet, samples, 0, out);
}

std::size_t OpusDecoder::decode_fec(BytesView next, std::size_t samples, std::vector<float>& out) {
    if (samples == 0 || samples > kMaxSamples || next.empty()) return 0;
    return run(next, samples, 1, out);
}

std::size_t OpusDecoder::conceal(std::size_t samples, std::vector<float>& out) {
    const std::size_t granules = (samples + kGranule - 1) / kGranule;
    return run({}, std::min(granules * kGranule, kMaxSamples), 0, out);
}

}  // namespace aircheck::media
