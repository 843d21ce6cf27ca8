#include "mux/encoded_audio_test.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numbers>

extern "C" {
#include <libavcodec/avcodec.h>
#include <opus.h>
}

#include "core/c_handle.hpp"

namespace aircheck::mux::testing {
namespace {

using Context = CHandle<AVCodecContext, avcodec_free_context>;
using Frame = CHandle<AVFrame, av_frame_free>;
using Packet = CHandle<AVPacket, av_packet_free>;
using OpusEncoderHandle = CHandle<OpusEncoder, opus_encoder_destroy>;

constexpr double kRate = 48000;

float tone(std::int64_t sample) {
    const double t = static_cast<double>(sample) / kRate;
    return static_cast<float>(
        0.3 *
        std::sin(2 * std::numbers::pi * (300 * t + 40 * std::sin(2 * std::numbers::pi * t / 3)))
    );
}

/// Gives the last sample the duration that ends the stream at `length`, and drops what lies behind.
void trim(EncodedAudio& audio) {
    while (!audio.samples.empty() && audio.samples.back().pts >= audio.length) {
        audio.samples.pop_back();
    }
    media::EncodedSample& last = audio.samples.back();
    last.duration =
        static_cast<std::uint32_t>(std::min<std::int64_t>(last.duration, audio.length - last.pts));
}

void drain(AVCodecContext* encoder, EncodedAudio& audio) {
    const Packet packet(av_packet_alloc());
    while (avcodec_receive_packet(encoder, packet.get()) == 0) {
        media::EncodedSample sample;
        sample.pts = packet->pts;
        sample.duration = 1024;
        sample.data.assign(packet->data, packet->data + packet->size);
        audio.samples.push_back(std::move(sample));
        av_packet_unref(packet.get());
    }
}

}  // namespace

EncodedAudio encode_aac(std::int64_t length, std::uint16_t channels) {
    const Context encoder(avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC)));
    encoder->sample_rate = 48000;
    encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    encoder->bit_rate = 48000;
    encoder->time_base = {1, 48000};
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&encoder->ch_layout, channels);
    if (avcodec_open2(encoder.get(), nullptr, nullptr) != 0)
        throw std::runtime_error("no AAC encoder");

    EncodedAudio audio;
    audio.length = length;
    audio.format.channels = channels;
    audio.format.bitrate_bps = 48000;
    audio.format.priming_samples = static_cast<std::uint32_t>(encoder->initial_padding);
    audio.format.codec_config.assign(
        encoder->extradata, encoder->extradata + encoder->extradata_size
    );
    for (std::int64_t pts = 0; pts < length; pts += 1024) {
        const Frame frame(av_frame_alloc());
        frame->nb_samples = 1024;
        frame->format = AV_SAMPLE_FMT_FLTP;
        frame->sample_rate = 48000;
        frame->pts = pts;
        av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout);
        if (av_frame_get_buffer(frame.get(), 0) != 0) throw std::bad_alloc();
        for (int channel = 0; channel < channels; ++channel) {
            for (std::int64_t i = 0; i < 1024; ++i) {
                reinterpret_cast<float*>(frame->extended_data[channel])[i] = tone(pts + i);
            }
        }
        avcodec_send_frame(encoder.get(), frame.get());
        drain(encoder.get(), audio);
    }
    avcodec_send_frame(encoder.get(), nullptr);
    drain(encoder.get(), audio);
    if (length > 0) trim(audio);
    return audio;
}

EncodedAudio encode_opus(std::int64_t length) {
    int error = 0;
    const OpusEncoderHandle encoder(opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &error));
    int lookahead = 0;
    opus_encoder_ctl(encoder.get(), OPUS_GET_LOOKAHEAD(&lookahead));
    EncodedAudio audio;
    audio.length = length;
    audio.format.codec = media::Codec::Opus;
    audio.format.priming_samples = static_cast<std::uint32_t>(lookahead);
    const auto skip = static_cast<std::uint8_t>(lookahead & 0xff);
    const auto skip_high = static_cast<std::uint8_t>(lookahead >> 8);
    audio.format.codec_config = {
        'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 1, skip, skip_high, 0x80, 0xbb, 0, 0, 0, 0, 0};
    std::vector<float> pcm(960);
    for (std::int64_t at = 0; at < length + lookahead; at += 960) {
        for (std::int64_t i = 0; i < 960; ++i) pcm[static_cast<std::size_t>(i)] = tone(at + i);
        media::EncodedSample sample;
        sample.data.resize(1500);
        const int size =
            opus_encode_float(encoder.get(), pcm.data(), 960, sample.data.data(), 1500);
        sample.data.resize(static_cast<std::size_t>(size));
        sample.pts = at - lookahead;
        sample.duration = 960;
        audio.samples.push_back(std::move(sample));
    }
    if (length > 0) trim(audio);
    return audio;
}

std::vector<float> decode_directly(const EncodedAudio& audio) {
    const bool aac = audio.format.codec == media::Codec::Aac;
    const Context decoder(avcodec_alloc_context3(
        aac ? avcodec_find_decoder(AV_CODEC_ID_AAC) : avcodec_find_decoder_by_name("libopus")
    ));
    const Bytes& config = audio.format.codec_config;
    if (aac) {
        decoder->extradata =
            static_cast<std::uint8_t*>(av_mallocz(config.size() + AV_INPUT_BUFFER_PADDING_SIZE));
        std::memcpy(decoder->extradata, config.data(), config.size());
        decoder->extradata_size = static_cast<int>(config.size());
    }
    decoder->sample_rate = 48000;
    av_channel_layout_default(&decoder->ch_layout, audio.format.channels);
    decoder->request_sample_fmt = AV_SAMPLE_FMT_FLT;
    if (avcodec_open2(decoder.get(), nullptr, nullptr) != 0) throw std::runtime_error("no decoder");
    std::vector<float> pcm;
    const Packet packet(av_packet_alloc());
    const Frame frame(av_frame_alloc());
    for (const media::EncodedSample& sample : audio.samples) {
        av_new_packet(packet.get(), static_cast<int>(sample.data.size()));
        std::memcpy(packet->data, sample.data.data(), sample.data.size());
        avcodec_send_packet(decoder.get(), packet.get());
        av_packet_unref(packet.get());
        while (avcodec_receive_frame(decoder.get(), frame.get()) == 0) {
            const auto* first = reinterpret_cast<const float*>(frame->extended_data[0]);
            pcm.insert(pcm.end(), first, first + frame->nb_samples);
        }
    }
    pcm.erase(pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(audio.format.priming_samples));
    if (pcm.size() > static_cast<std::size_t>(audio.length)) {
        pcm.resize(static_cast<std::size_t>(audio.length));
    }
    return pcm;
}

Bytes Muxed::growing() const {
    Bytes file = header;
    for (const Bytes& fragment : fragments)
        file.insert(file.end(), fragment.begin(), fragment.end());
    return file;
}

Bytes Muxed::whole() const {
    Muxed copy = *this;
    if (!finished.head_replacement.empty()) copy.header = finished.head_replacement;
    return copy.growing();
}

Muxed mux(Muxer& muxer, const EncodedAudio& audio) {
    Muxed muxed;
    muxed.header = muxer.header();
    std::int64_t begin = 0;
    for (const media::EncodedSample& sample : audio.samples) {
        muxer.add(sample);
        if (sample.pts - begin < static_cast<std::int64_t>(audio.format.sample_rate_hz)) continue;
        begin = sample.pts;
        muxer.flush(muxed.fragments.emplace_back());
    }
    muxed.finished = muxer.finish();
    muxed.fragments.push_back(muxed.finished.tail);
    muxed.duration = muxer.duration();
    return muxed;
}

TempFile::TempFile(BytesView bytes, const std::string& name) : path_(folder_ / name) {
    tests::write_file(path_, as_text(bytes));
}

std::string run(const std::string& command) {
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string output;
    char buffer[65536];
    while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
        output.append(buffer, count);
    }
    EXPECT_EQ(pclose(pipe), 0) << command;
    return output;
}

std::string probe(const std::string& path, const std::string& entry) {
    std::string out =
        run("ffprobe -v error -of default=nk=1:nw=1 -show_entries " + entry + " " + path);
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

std::vector<float> decode_file(const std::string& path, const std::string& options) {
    const std::string raw =
        run("ffmpeg -v error " + options + " -i " + path +
            " -map_channel 0.0.0 -f f32le -c:a pcm_f32le -");
    std::vector<float> pcm(raw.size() / sizeof(float));
    if (!pcm.empty()) std::memcpy(pcm.data(), raw.data(), pcm.size() * sizeof(float));
    return pcm;
}

double difference(const std::vector<float>& a, const std::vector<float>& b, std::size_t count) {
    if (a.size() < count || b.size() < count || count == 0) return 1e9;
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += d * d;
    }
    return std::sqrt(sum / static_cast<double>(count));
}

}  // namespace aircheck::mux::testing
