#include "bench/codecs.hpp"

#include "bench/child.hpp"
#include "bench/speech.hpp"

#include "core/c_handle.hpp"
#include "mux/muxer.hpp"
#include "mux/opus_head.hpp"
#include "transport/srtp.hpp"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
}
#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>

namespace aircheck::bench {
namespace {

constexpr Nanoseconds kLength = 60s;
constexpr int kMinutesOfFiles = 3;  // So that starting ffmpeg counts for little.
constexpr int kRuns = 4;
constexpr int kRate = 48'000;
constexpr std::size_t kOpusFrame = 960;
constexpr std::int64_t kFlushEvery = 24'000;  ///< Samples in a page: as recordings do.
constexpr std::size_t kAacFrame = 1024;

using Decoder = CHandle<OpusDecoder, opus_decoder_destroy>;
using Context = CHandle<AVCodecContext, avcodec_free_context>;
using Frame = CHandle<AVFrame, av_frame_free>;
using Packet = CHandle<AVPacket, av_packet_free>;

/// As little around the two libraries as there can be.
class BareCodecs {
public:
    [[nodiscard]] bool open() {
        int error = OPUS_OK;
        for (Decoder& decoder : decoders_) {
            decoder = Decoder(opus_decoder_create(kRate, 1, &error));
            if (error != OPUS_OK) return false;
        }
        context_ = Context(avcodec_alloc_context3(avcodec_find_encoder_by_name("aac")));
        context_->sample_fmt = AV_SAMPLE_FMT_FLTP;
        context_->sample_rate = kRate;
        context_->bit_rate = 48'000;
        context_->thread_count = 1;
        av_channel_layout_default(&context_->ch_layout, 1);
        av_opt_set(context_->priv_data, "aac_coder", "fast", 0);
        if (avcodec_open2(context_.get(), nullptr, nullptr) < 0) return false;
        frame_ = Frame(av_frame_alloc());
        frame_->format = AV_SAMPLE_FMT_FLTP;
        frame_->nb_samples = kAacFrame;
        frame_->sample_rate = kRate;
        av_channel_layout_default(&frame_->ch_layout, 1);
        packet_ = Packet(av_packet_alloc());
        return av_frame_get_buffer(frame_.get(), 0) >= 0;
    }

    void decode_and_add(std::size_t track, const Bytes& packet) {
        std::array<float, kOpusFrame> samples{};
        const int made = opus_decode_float(
            decoders_[track].get(),
            packet.data(),
            static_cast<opus_int32>(packet.size()),
            samples.data(),
            kOpusFrame,
            0
        );
        if (made != static_cast<int>(kOpusFrame)) return;
        if (track == 0) {
            mix_.insert(mix_.end(), samples.begin(), samples.end());
        } else {
            float* sum = mix_.data() + mix_.size() - kOpusFrame;
            for (std::size_t i = 0; i < kOpusFrame; ++i) sum[i] += samples[i];
        }
    }

    void encode() {
        while (mix_.size() >= kAacFrame) {
            av_frame_make_writable(frame_.get());
            auto* plane = reinterpret_cast<float*>(frame_->extended_data[0]);
            std::copy_n(mix_.begin(), kAacFrame, plane);
            mix_.erase(mix_.begin(), mix_.begin() + kAacFrame);
            frame_->pts = pts_;
            pts_ += static_cast<std::int64_t>(kAacFrame);
            avcodec_send_frame(context_.get(), frame_.get());
            while (avcodec_receive_packet(context_.get(), packet_.get()) == 0) {
                bytes_ += static_cast<std::size_t>(packet_->size);
                av_packet_unref(packet_.get());
            }
        }
    }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    std::array<Decoder, 2> decoders_;
    Context context_;
    Frame frame_;
    Packet packet_;
    std::vector<float> mix_;
    std::int64_t pts_ = 0;
    std::size_t bytes_ = 0;
};

Result<double> run_libraries(const std::array<std::vector<Bytes>, 2>& tracks) {
    BareCodecs codecs;
    if (!codecs.open()) return fail(Errc::Failed, "libopus or libavcodec does not start");
    const double before = thread_cpu_seconds();
    const std::size_t count = std::min(tracks[0].size(), tracks[1].size());
    for (std::size_t i = 0; i < count; ++i) {
        codecs.decode_and_add(0, tracks[0][i]);
        codecs.decode_and_add(1, tracks[1][i]);
        codecs.encode();
    }
    const double spent = thread_cpu_seconds() - before;
    if (codecs.bytes() == 0) return fail(Errc::Failed, "libavcodec gave no AAC");
    return spent;
}

/// What is left of the work where Opus is kept as it is, but for the system's part: as a server
/// sends them, every packet is encrypted (AES-GCM, as livekit-server agrees to).
Result<double> run_srtp(const std::vector<SentPacket>& packets) {
    transport::SrtpKeys keys;
    const transport::SrtpProfileSizes sizes = transport::sizes_of(keys.profile);
    keys.inbound.assign(sizes.key + sizes.salt, 7);
    keys.outbound = keys.inbound;
    AC_TRY(const auto sender, transport::SrtpSession::create(keys));
    AC_TRY(const auto receiver, transport::SrtpSession::create(keys));
    std::vector<Bytes> encrypted;
    for (const SentPacket& packet : packets) {
        Bytes& bytes = encrypted.emplace_back(packet.bytes);
        std::size_t size = bytes.size();
        bytes.resize(size + transport::SrtpSession::kMaxTrailer);
        if (!sender->protect_rtp(bytes, size))
            return fail(Errc::Failed, "libsrtp does not encrypt");
        bytes.resize(size);
    }
    const double before = thread_cpu_seconds();
    for (Bytes& bytes : encrypted) {
        std::size_t size = bytes.size();
        if (receiver->unprotect_rtp(bytes, size) != transport::SrtpSession::Verdict::Ok) {
            return fail(Errc::Failed, "libsrtp does not decrypt");
        }
    }
    return thread_cpu_seconds() - before;
}

Result<> write_ogg(const std::vector<Bytes>& packets, const std::string& path) {
    media::StreamFormat format;
    format.codec = media::Codec::Opus;
    format.codec_config = mux::write_opus_head({});
    AC_TRY(auto muxer, mux::make_muxer(mux::Container::Ogg, format, {}));
    std::ofstream file(path, std::ios::binary);
    const auto write = [&](const Bytes& bytes) {
        file.write(
            reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())
        );
    };
    write(muxer->header());
    Bytes page;
    std::int64_t pts = 0;
    for (int minute = 0; minute < kMinutesOfFiles; ++minute) {
        for (const Bytes& packet : packets) {
            muxer->add({pts, kOpusFrame, packet});
            pts += static_cast<std::int64_t>(kOpusFrame);
            if (pts % kFlushEvery != 0) continue;
            muxer->flush(page);
            write(page);
            page.clear();
        }
    }
    write(muxer->finish().tail);
    if (!file) return fail(Errc::Failed, path + ": cannot be written");
    return {};
}

Result<double> run_ffmpeg(const std::string& folder, const std::string& decoder) {
    std::vector<std::string> words = {"ffmpeg", "-v", "error", "-nostdin", "-y"};
    for (const char* name : {"/0.ogg", "/1.ogg"}) {
        if (!decoder.empty()) words.insert(words.end(), {"-c:a", decoder});
        words.insert(words.end(), {"-i", folder + name});
    }
    words.insert(
        words.end(),
        {"-filter_complex",
         "amix=inputs=2:normalize=0",
         "-ac",
         "1",
         "-ar",
         "48000",
         "-c:a",
         "aac",
         "-aac_coder",
         "fast",
         "-b:a",
         "48k",
         folder + "/mix.mp4"}
    );
    AC_TRY(const double spent, run_measured(words));
    return spent / kMinutesOfFiles;
}

template <typename Run>
Result<> best_of(const Run& run, double& best) {
    best = std::numeric_limits<double>::max();
    for (int i = 0; i < kRuns; ++i) {
        AC_TRY(const double spent, run());
        best = std::min(best, spent);
    }
    return {};
}

}  // namespace

Result<CodecCost> measure_codecs(
    const std::vector<sim::Caller>& speakers, const std::string& folder
) {
    AC_CHECK_OK(transport::start_srtp());
    std::array<std::vector<Bytes>, 2> tracks;
    std::vector<SentPacket> sent;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
        sent = packets_of(speakers[i], kLength, i);
        tracks[i] = payloads_of(sent);
        AC_CHECK_OK(write_ogg(tracks[i], folder + "/" + std::to_string(i) + ".ogg"));
    }
    av_log_set_level(AV_LOG_ERROR);
    CodecCost cost;
    AC_CHECK_OK(best_of([&] { return run_libraries(tracks); }, cost.libraries));
    AC_CHECK_OK(best_of([&] { return run_ffmpeg(folder, ""); }, cost.ffmpeg));
    AC_CHECK_OK(best_of([&] { return run_ffmpeg(folder, "libopus"); }, cost.ffmpeg_opus));
    AC_CHECK_OK(best_of([&] { return run_srtp(sent); }, cost.kept));
    return cost;
}

}  // namespace aircheck::bench
