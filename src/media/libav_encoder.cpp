#include "media/libav_encoder.hpp"

#include "media/pcm16.hpp"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
}

#include <array>
#include <mutex>

namespace aircheck::media {
namespace {

/// libav's global log would write to standard error, whoever is at fault: results say all we need.
void silence_log() {
    static std::once_flag once;
    std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
}

}  // namespace

tl::unexpected<Error> LibavEncoder::fail_av(int code, const char* what) const {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(code, text.data(), text.size());
    return fail(Errc::Failed, name_ + ": " + what + ": " + text.data());
}

Result<LibavEncoder> LibavEncoder::open(Options options) {
    silence_log();
    LibavEncoder encoder;
    encoder.name_ = std::move(options.name);
    const AVCodec* codec = avcodec_find_encoder_by_name(options.codec);
    if (codec == nullptr) {
        return fail(Errc::Failed, encoder.name_ + ": libavcodec was built without it");
    }
    encoder.context_.reset(avcodec_alloc_context3(codec));
    encoder.packet_.reset(av_packet_alloc());
    if (!encoder.context_ || !encoder.packet_) {
        return fail(Errc::Failed, encoder.name_ + ": out of memory");
    }
    AVCodecContext& context = *encoder.context_;
    context.sample_fmt = options.sample_format;
    context.sample_rate = static_cast<int>(options.sample_rate_hz);
    context.time_base = {1, context.sample_rate};
    context.bit_rate = options.bitrate_bps;
    context.thread_count = 1;
    context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    av_channel_layout_default(&context.ch_layout, options.channels);
    for (const auto& [option, value] : options.options) {
        if (const int error = av_opt_set(context.priv_data, option, value, 0); error < 0) {
            return encoder.fail_av(error, option);
        }
    }
    if (const int error = avcodec_open2(&context, codec, nullptr); error < 0) {
        return encoder.fail_av(error, "open");
    }
    if (context.frame_size <= 0 || context.initial_padding < 0) {
        return fail(Errc::Failed, encoder.name_ + ": has no frames");
    }
    encoder.frame_samples_ = static_cast<std::size_t>(context.frame_size);
    encoder.config_.assign(context.extradata, context.extradata + context.extradata_size);
    AC_CHECK_OK(encoder.make_frame());
    return encoder;
}

Result<> LibavEncoder::make_frame() {
    frame_.reset(av_frame_alloc());
    if (!frame_) return fail(Errc::Failed, name_ + ": out of memory");
    frame_->format = context_->sample_fmt;
    frame_->sample_rate = context_->sample_rate;
    frame_->nb_samples = static_cast<int>(frame_samples_);
    if (const int error = av_channel_layout_copy(&frame_->ch_layout, &context_->ch_layout);
        error < 0) {
        return fail_av(error, "channel layout");
    }
    if (const int error = av_frame_get_buffer(frame_.get(), 0); error < 0) {
        return fail_av(error, "frame");
    }
    return {};
}

void LibavEncoder::fill(std::span<const float> interleaved) {
    if (context_->sample_fmt == AV_SAMPLE_FMT_S16) {
        auto* samples = reinterpret_cast<std::int16_t*>(frame_->extended_data[0]);
        for (std::size_t i = 0; i < interleaved.size(); ++i) samples[i] = to_pcm16(interleaved[i]);
        return;
    }
    const auto channels = static_cast<std::size_t>(context_->ch_layout.nb_channels);
    for (std::size_t c = 0; c < channels; ++c) {
        auto* plane = reinterpret_cast<float*>(frame_->extended_data[c]);
        for (std::size_t i = 0; i * channels < interleaved.size(); ++i) {
            plane[i] = interleaved[i * channels + c];
        }
    }
}

Result<Bytes> LibavEncoder::encode(std::span<const float> interleaved) {
    if (const int error = av_frame_make_writable(frame_.get()); error < 0) {
        return fail_av(error, "frame");
    }
    fill(interleaved);
    frame_->nb_samples = static_cast<int>(interleaved.size()) / context_->ch_layout.nb_channels;
    frame_->pts = pts_;
    pts_ += frame_->nb_samples;
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

Result<> LibavEncoder::finish() {
    if (const int error = avcodec_send_frame(context_.get(), nullptr); error < 0) {
        return fail_av(error, "end");
    }
    int error = 0;
    while ((error = avcodec_receive_packet(context_.get(), packet_.get())) == 0) {
        // Not the context's own extradata: the FLAC encoder spoils it when asked once more.
        std::size_t size = 0;
        const std::uint8_t* config =
            av_packet_get_side_data(packet_.get(), AV_PKT_DATA_NEW_EXTRADATA, &size);
        if (config != nullptr) config_.assign(config, config + size);
        av_packet_unref(packet_.get());
    }
    if (error != AVERROR_EOF) return fail_av(error, "end");
    return {};
}

std::uint32_t LibavEncoder::priming_samples() const {
    return static_cast<std::uint32_t>(context_->initial_padding);
}

}  // namespace aircheck::media
