#include "media/aac_encoder.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
}

#include "core/c_handle.hpp"
#include "media/frame_encoder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

namespace aircheck::media {
namespace {

using Context = CHandle<AVCodecContext, avcodec_free_context>;
using Frame = CHandle<AVFrame, av_frame_free>;
using Packet = CHandle<AVPacket, av_packet_free>;

constexpr std::array<std::uint32_t, 7> kRates = {8000, 16000, 22050, 24000, 32000, 44100, 48000};
constexpr std::size_t kFrameSamples = 1024;     // AAC-LC
constexpr std::uint32_t kMaxBitsPerSample = 6;  // 6144 bits a frame and channel, ISO 14496-3 §4.5.3

/// libav's global log would write to standard error, whoever is at fault: results say all we need.
void silence_log() {
    static std::once_flag once;
    std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
}

tl::unexpected<Error> fail_av(int code, const char* what) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(code, text.data(), text.size());
    return fail(Errc::Failed, std::string("AAC encoder: ") + what + ": " + text.data());
}

class AacFrameEncoder final : public FrameEncoder {
public:
    AacFrameEncoder(StreamFormat format, Context context, Frame frame, Packet packet)
        : FrameEncoder(std::move(format), kFrameSamples),
          context_(std::move(context)),
          frame_(std::move(frame)),
          packet_(std::move(packet)) {}

private:
    Result<Bytes> encode_frame(std::span<const float> samples) override {
        const bool silent =
            std::all_of(samples.begin(), samples.end(), [](float sample) { return sample == 0; });
        silent_frames_ = silent ? silent_frames_ + 1 : 0;
        // Once everything that the codec remembers is silence, its packets are all alike.
        if (silent_frames_ > kSettled && !silent_packet_.empty()) return silent_packet_;
        AC_TRY(Bytes packet, encode_samples(samples));
        if (silent_frames_ >= kSettled) silent_packet_ = packet;
        return packet;
    }

    Result<Bytes> encode_samples(std::span<const float> samples) {
        if (const int error = av_frame_make_writable(frame_.get()); error < 0) {
            return fail_av(error, "frame");
        }
        const std::size_t channels = format().channels;
        for (std::size_t c = 0; c < channels; ++c) {
            auto* plane = reinterpret_cast<float*>(frame_->extended_data[c]);
            for (std::size_t i = 0; i < kFrameSamples; ++i) plane[i] = samples[i * channels + c];
        }
        frame_->pts = pts_;
        pts_ += static_cast<std::int64_t>(kFrameSamples);
        if (const int error = avcodec_send_frame(context_.get(), frame_.get()); error < 0) {
            return fail_av(error, "frame");
        }
        const int error = avcodec_receive_packet(context_.get(), packet_.get());
        if (error == AVERROR(EAGAIN)) return Bytes();
        if (error < 0) return fail_av(error, "packet");
        Bytes bytes(packet_->data, packet_->data + packet_->size);
        av_packet_unref(packet_.get());
        return bytes;
    }

    static constexpr std::size_t kSettled = 4;  // frames: window, look-ahead, and one to spare

    Context context_;
    Frame frame_;
    Packet packet_;
    std::int64_t pts_ = 0;
    std::size_t silent_frames_ = 0;
    Bytes silent_packet_;
};

Result<Context> open_context(const EncoderSettings& settings, std::uint32_t bitrate_bps) {
    const AVCodec* codec = avcodec_find_encoder_by_name("aac");
    if (codec == nullptr) return fail(Errc::Failed, "AAC encoder: libavcodec was built without it");
    Context context(avcodec_alloc_context3(codec));
    if (!context) return fail(Errc::Failed, "AAC encoder: out of memory");
    context->sample_fmt = AV_SAMPLE_FMT_FLTP;
    context->sample_rate = static_cast<int>(settings.sample_rate_hz);
    context->time_base = {1, context->sample_rate};
    context->bit_rate = bitrate_bps;
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    av_channel_layout_default(&context->ch_layout, settings.channels);
    // A third of the cost of the default coder, at speech's bit rates as good.
    av_opt_set(context->priv_data, "aac_coder", "fast", 0);
    if (const int error = avcodec_open2(context.get(), codec, nullptr); error < 0) {
        return fail_av(error, "open");
    }
    if (context->frame_size != static_cast<int>(kFrameSamples) || context->initial_padding < 0) {
        return fail(Errc::Failed, "AAC encoder: frames are not of 1024 samples");
    }
    return context;
}

Result<Frame> make_frame(const AVCodecContext& context) {
    Frame frame(av_frame_alloc());
    if (!frame) return fail(Errc::Failed, "AAC encoder: out of memory");
    frame->format = context.sample_fmt;
    frame->sample_rate = context.sample_rate;
    frame->nb_samples = static_cast<int>(kFrameSamples);
    if (const int error = av_channel_layout_copy(&frame->ch_layout, &context.ch_layout);
        error < 0) {
        return fail_av(error, "channel layout");
    }
    if (const int error = av_frame_get_buffer(frame.get(), 0); error < 0) {
        return fail_av(error, "frame");
    }
    return frame;
}

}  // namespace

Result<std::unique_ptr<AudioEncoder>> make_aac_encoder(const EncoderSettings& settings) {
    if (std::find(kRates.begin(), kRates.end(), settings.sample_rate_hz) == kRates.end()) {
        return fail(
            Errc::InvalidArgument,
            "audio sample rate of AAC must be 8000, 16000, 22050, 24000, 32000, 44100 or 48000, "
            "not " +
                std::to_string(settings.sample_rate_hz)
        );
    }
    silence_log();
    const std::uint32_t most = kMaxBitsPerSample * settings.sample_rate_hz * settings.channels;
    const std::uint32_t bitrate = std::min(settings.bitrate_bps, most);
    AC_TRY(Context context, open_context(settings, bitrate));
    AC_TRY(Frame frame, make_frame(*context));
    Packet packet(av_packet_alloc());
    if (!packet) return fail(Errc::Failed, "AAC encoder: out of memory");

    StreamFormat format;
    format.codec = Codec::Aac;
    format.sample_rate_hz = settings.sample_rate_hz;
    format.channels = settings.channels;
    format.bitrate_bps = bitrate;
    format.priming_samples = static_cast<std::uint32_t>(context->initial_padding);
    format.codec_config.assign(context->extradata, context->extradata + context->extradata_size);
    return std::make_unique<AacFrameEncoder>(
        std::move(format), std::move(context), std::move(frame), std::move(packet)
    );
}

}  // namespace aircheck::media
