#include "sim/voice.hpp"

#include "core/c_handle.hpp"
#include "sim/g711.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numbers>
#include <utility>

namespace aircheck::sim {
namespace {

constexpr int kRate = 48'000;
constexpr std::size_t kFrameSamples = 960;
constexpr std::size_t kNarrowFrame = 160;  // Of 8 kHz.
constexpr std::size_t kMaxWavBytes = 512 * 1024 * 1024;
constexpr int kKeepAliveFrames = 20;  // A DTX stream says something each 400 ms.

using EncoderHandle = CHandle<OpusEncoder, opus_encoder_destroy>;

tl::unexpected<Error> bad_wav(const std::string& path, const char* what) {
    return fail(Errc::Malformed, path + ": " + what);
}

struct Wav {
    int channels = 0;
    int rate = 0;
    std::vector<std::int16_t> samples;
};

std::uint32_t little_endian(BytesView bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8) | bytes[i];
    return value;
}

Result<Wav> parse_wav(const std::string& path, BytesView bytes) {
    ByteReader reader(bytes);
    if (as_text(reader.bytes(4)) != "RIFF") return bad_wav(path, "not a WAV file");
    reader.skip(4);
    if (as_text(reader.bytes(4)) != "WAVE") return bad_wav(path, "not a WAV file");
    Wav wav;
    while (reader.ok() && reader.remaining() >= 8) {
        const auto id = as_text(reader.bytes(4));
        std::size_t size = little_endian(reader.bytes(4));
        // espeak-ng writing to a pipe leaves the data's size open.
        if (id == "data") size = std::min(size, reader.remaining());
        const auto body = reader.bytes(size);
        if (!reader.ok()) return bad_wav(path, "a chunk is longer than the file");
        if (id == "fmt ") {
            if (size < 16) return bad_wav(path, "short fmt chunk");
            const auto format = little_endian(body.subspan(0, 2));
            if ((format != 1 && format != 0xfffe) || little_endian(body.subspan(14, 2)) != 16) {
                return bad_wav(path, "only 16-bit PCM is understood");
            }
            wav.channels = static_cast<int>(little_endian(body.subspan(2, 2)));
            wav.rate = static_cast<int>(little_endian(body.subspan(4, 4)));
        } else if (id == "data") {
            for (std::size_t i = 0; i + 1 < size; i += 2) {
                wav.samples.push_back(static_cast<std::int16_t>(little_endian(body.subspan(i, 2))));
            }
        }
        if (size % 2 != 0) reader.skip(std::min<std::size_t>(1, reader.remaining()));
    }
    if (wav.channels < 1 || wav.channels > 2) return bad_wav(path, "neither mono nor stereo");
    if (wav.rate < 8'000 || wav.rate > kRate) return bad_wav(path, "rate not in 8 to 48 kHz");
    if (wav.samples.empty()) return bad_wav(path, "no audio");
    return wav;
}

/// Windowed-sinc interpolation to 48 kHz; fine for speech, and done once.
std::vector<std::int16_t> to_48k(const Wav& wav) {
    if (wav.rate == kRate) return wav.samples;
    constexpr int kHalf = 16;
    const auto channels = static_cast<std::size_t>(wav.channels);
    const auto frames = wav.samples.size() / channels;
    const double step = static_cast<double>(wav.rate) / kRate;
    std::vector<std::int16_t> out(
        static_cast<std::size_t>(static_cast<double>(frames) / step) * channels
    );
    for (std::size_t n = 0; n < out.size() / channels; ++n) {
        const double at = static_cast<double>(n) * step;
        const auto first = static_cast<std::int64_t>(at) - kHalf + 1;
        std::array<double, 2> sum{};
        for (std::int64_t k = first; k < first + 2 * kHalf; ++k) {
            if (k < 0 || k >= static_cast<std::int64_t>(frames)) continue;
            const double x = at - static_cast<double>(k);
            const double sinc =
                x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
            const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * x / kHalf);
            for (std::size_t c = 0; c < channels; ++c) {
                sum[c] += sinc * window * wav.samples[static_cast<std::size_t>(k) * channels + c];
            }
        }
        for (std::size_t c = 0; c < channels; ++c) {
            out[n * channels + c] =
                static_cast<std::int16_t>(std::lround(std::clamp(sum[c], -32768.0, 32767.0)));
        }
    }
    return out;
}

}  // namespace

BytesView silence(VoiceCodec codec) {
    static constexpr std::array<std::uint8_t, 3> kOpus{0xf8, 0xff, 0xfe};
    static const Bytes pcmu(kNarrowFrame, 0xff);
    static const Bytes pcma(kNarrowFrame, 0xd5);
    if (codec == VoiceCodec::Pcmu) return pcmu;
    if (codec == VoiceCodec::Pcma) return pcma;
    return kOpus;
}

Result<std::shared_ptr<const Voice>> Voice::from_narrow(
    std::span<const std::int16_t> pcm, const Options& options
) {
    auto narrow = to_8k(pcm);
    if (narrow.empty()) return fail(Errc::InvalidArgument, "voice: no audio");
    narrow.resize((narrow.size() + kNarrowFrame - 1) / kNarrowFrame * kNarrowFrame);
    std::shared_ptr<Voice> voice(new Voice);
    voice->codec_ = options.codec;
    voice->ending_ = options.ending;
    for (const std::int16_t sample : narrow) {
        voice->bytes_.push_back(
            options.codec == VoiceCodec::Pcmu ? to_mu_law(sample) : to_a_law(sample)
        );
        if (voice->bytes_.size() % kNarrowFrame != 0) continue;
        voice->ends_.push_back(static_cast<std::uint32_t>(voice->bytes_.size()));
    }
    return voice;
}

Result<std::shared_ptr<const Voice>> Voice::from_pcm(
    std::span<const std::int16_t> pcm, const Options& options
) {
    if (options.codec != VoiceCodec::Opus) return from_narrow(pcm, options);
    int error = OPUS_OK;
    const EncoderHandle encoder(
        opus_encoder_create(kRate, options.channels, OPUS_APPLICATION_VOIP, &error)
    );
    if (error != OPUS_OK) {
        return fail(Errc::InvalidArgument, std::string("voice: Opus: ") + opus_strerror(error));
    }
    opus_encoder_ctl(encoder.get(), OPUS_SET_BITRATE(options.bitrate));
    opus_encoder_ctl(encoder.get(), OPUS_SET_INBAND_FEC(1));
    opus_encoder_ctl(encoder.get(), OPUS_SET_PACKET_LOSS_PERC(5));
    opus_encoder_ctl(encoder.get(), OPUS_SET_DTX(options.dtx ? 1 : 0));

    const auto frame_size = kFrameSamples * static_cast<std::size_t>(options.channels);
    // A repeated voice is encoded twice and the second turn kept: its first frame then follows its
    // last.
    const int turns = options.ending == Ending::Repeat ? 2 : 1;
    std::shared_ptr<Voice> voice(new Voice);
    voice->ending_ = options.ending;
    std::vector<std::int16_t> frame(frame_size);
    std::array<std::uint8_t, 1500> packet;
    for (int turn = 0; turn < turns; ++turn) {
        voice->bytes_.clear();
        voice->ends_.clear();
        int silent = 0;
        for (std::size_t at = 0; at < pcm.size(); at += frame_size) {
            const auto part = pcm.subspan(at, std::min(frame_size, pcm.size() - at));
            std::fill(std::copy(part.begin(), part.end(), frame.begin()), frame.end(), 0);
            const auto size = opus_encode(
                encoder.get(),
                frame.data(),
                static_cast<int>(kFrameSamples),
                packet.data(),
                static_cast<opus_int32>(packet.size())
            );
            if (size < 0) {
                return fail(Errc::Failed, std::string("voice: Opus: ") + opus_strerror(size));
            }
            silent = size <= 2 ? silent + 1 : 0;
            const bool is_sent = silent % kKeepAliveFrames < 2;
            if (is_sent) {
                voice->bytes_.insert(voice->bytes_.end(), packet.begin(), packet.begin() + size);
            }
            voice->ends_.push_back(static_cast<std::uint32_t>(voice->bytes_.size()));
        }
    }
    if (voice->ends_.empty()) return fail(Errc::InvalidArgument, "voice: no audio");
    return voice;
}

Result<std::shared_ptr<const Voice>> Voice::from_wav(const std::string& path, Options options) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(Errc::NotFound, path + ": cannot be opened");
    const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.size() > kMaxWavBytes) return bad_wav(path, "too long");
    AC_TRY(const auto wav, parse_wav(path, bytes));
    options.channels = wav.channels;
    const auto pcm = to_48k(wav);
    return from_pcm(pcm, options);
}

Result<std::shared_ptr<const Voice>> Voice::tone(int hz, double level, VoiceCodec codec) {
    if (hz < 1 || hz > 20'000 || level < 0 || level > 1) {
        return fail(Errc::InvalidArgument, "tone: 1 to 20000 Hz, level 0 to 1");
    }
    std::vector<std::int16_t> pcm(kRate);
    for (std::size_t n = 0; n < pcm.size(); ++n) {
        // Whole periods in a second, counted without losing bits.
        const auto phase = static_cast<double>(n * static_cast<std::size_t>(hz) % kRate) / kRate;
        pcm[n] = static_cast<std::int16_t>(
            std::lround(32767 * level * std::sin(2 * std::numbers::pi * phase))
        );
    }
    Options options;
    options.codec = codec;
    options.ending = Ending::Repeat;
    return from_pcm(pcm, options);
}

BytesView Voice::frame(std::uint64_t index) const {
    if (index >= ends_.size()) {
        if (ending_ == Ending::Silence) return silence(codec_);
        index %= ends_.size();
    }
    const auto i = static_cast<std::size_t>(index);
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return BytesView(bytes_).subspan(begin, ends_[i] - begin);
}

Nanoseconds Voice::duration() const { return kFrame * static_cast<std::int64_t>(ends_.size()); }

}  // namespace aircheck::sim
