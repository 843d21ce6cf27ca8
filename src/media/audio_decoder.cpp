#include "media/audio_decoder.hpp"

#include "media/g711.hpp"
#include "media/opus.hpp"

#include <utility>

namespace aircheck::media {
namespace {

template <typename Decoder>
Result<std::unique_ptr<AudioDecoder>> boxed(Result<Decoder> decoder) {
    if (!decoder) return tl::unexpected<Error>(std::move(decoder).error());
    return std::unique_ptr<AudioDecoder>(std::make_unique<Decoder>(*std::move(decoder)));
}

}  // namespace

std::optional<TrackCodec> track_codec_of(std::string_view mime) {
    if (mime == "audio/opus") return TrackCodec::Opus;
    if (mime == "audio/pcmu") return TrackCodec::Pcmu;
    if (mime == "audio/pcma") return TrackCodec::Pcma;
    return std::nullopt;
}

std::uint32_t clock_rate_of(TrackCodec codec) {
    return codec == TrackCodec::Opus ? 48'000 : G711Decoder::kRate;
}

std::size_t packet_samples(TrackCodec codec, BytesView packet) {
    return codec == TrackCodec::Opus ? opus_packet_samples(packet) : g711_packet_samples(packet);
}

Result<std::unique_ptr<AudioDecoder>> AudioDecoder::create(
    TrackCodec codec, std::uint16_t channels
) {
    switch (codec) {
        case TrackCodec::Opus:
            return boxed(OpusDecoder::create(channels));
        case TrackCodec::Pcmu:
            return boxed(G711Decoder::create(G711Decoder::Law::Mu, channels));
        case TrackCodec::Pcma:
            return boxed(G711Decoder::create(G711Decoder::Law::A, channels));
    }
    return fail(Errc::InvalidArgument, "unknown codec");
}

}  // namespace aircheck::media
