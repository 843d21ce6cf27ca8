// RTMP and RTMPS by libavformat: its FLV muxer, its protocol, its TLS.
#include "streams/connection.hpp"
#include "streams/libav.hpp"

#include <cstring>

namespace aircheck::streams {
namespace {

constexpr AVRational kMilliseconds{1, 1000};  // FLV's.

/// Small, so that a server which takes nothing is noticed while little waits in the kernel.
constexpr const char* kSendBufferBytes = "16384";

using FormatHandle = CHandle<AVFormatContext, avformat_free_context>;
using PacketHandle = CHandle<AVPacket, av_packet_free>;

class RtmpConnection final : public Connection {
public:
    RtmpConnection(AvioHandle io, FormatHandle muxer, PacketHandle packet, std::int64_t priming)
        : io_(std::move(io)),
          muxer_(std::move(muxer)),
          packet_(std::move(packet)),
          priming_(priming) {}

    Result<> write(const media::EncodedSample& sample) override;
    Result<> close() override;

private:
    AvioHandle io_;
    FormatHandle muxer_;
    PacketHandle packet_;
    std::int64_t priming_;
};

Result<> describe(AVStream& stream, const media::StreamFormat& format) {
    AVCodecParameters& parameters = *stream.codecpar;
    parameters.codec_type = AVMEDIA_TYPE_AUDIO;
    parameters.codec_id = AV_CODEC_ID_AAC;
    parameters.sample_rate = static_cast<int>(format.sample_rate_hz);
    parameters.bit_rate = format.bitrate_bps;
    parameters.frame_size = 1024;
    av_channel_layout_default(&parameters.ch_layout, format.channels);
    const std::size_t size = format.codec_config.size();
    auto* config = static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
    if (config == nullptr) return fail(Errc::Failed, "out of memory");
    std::memcpy(config, format.codec_config.data(), size);
    parameters.extradata = config;
    parameters.extradata_size = static_cast<int>(size);
    stream.time_base = kMilliseconds;
    return {};
}

/// Writes the header, which is metadata and the AAC's configuration.
Result<FormatHandle> open_muxer(AVIOContext* io, const media::StreamFormat& format) {
    const LogCapture log;
    AVFormatContext* made = nullptr;
    const int code = avformat_alloc_output_context2(&made, nullptr, "flv", nullptr);
    FormatHandle muxer(made);
    if (code < 0) return log.fail_av(code, "flv");
    AVStream* stream = avformat_new_stream(muxer.get(), nullptr);
    if (stream == nullptr) return fail(Errc::Failed, "out of memory");
    AC_CHECK_OK(describe(*stream, format));
    muxer->pb = io;
    muxer->flush_packets = 1;
    AVDictionary* options = nullptr;
    av_dict_set(&options, "flvflags", "no_duration_filesize", 0);
    const int written = avformat_write_header(muxer.get(), &options);
    av_dict_free(&options);
    if (written < 0) return log.fail_av(written, "header");
    return muxer;
}

Result<> RtmpConnection::write(const media::EncodedSample& sample) {
    const LogCapture log;
    const std::int64_t rate = muxer_->streams[0]->codecpar->sample_rate;
    const AVRational samples{1, static_cast<int>(rate)};
    const AVRational base = muxer_->streams[0]->time_base;
    packet_->data = const_cast<std::uint8_t*>(sample.data.data());  // Is not written to.
    packet_->size = static_cast<int>(sample.data.size());
    packet_->pts = packet_->dts = av_rescale_q(sample.pts + priming_, samples, base);
    packet_->duration = av_rescale_q(sample.duration, samples, base);
    packet_->flags = AV_PKT_FLAG_KEY;
    packet_->stream_index = 0;
    const int code = av_write_frame(muxer_.get(), packet_.get());
    packet_->data = nullptr;
    packet_->size = 0;
    if (code < 0) return log.fail_av(code, "write");
    if (io_->error < 0) return log.fail_av(io_->error, "write");
    return {};
}

Result<> RtmpConnection::close() {
    const LogCapture log;
    if (const int code = av_write_trailer(muxer_.get()); code < 0) return log.fail_av(code, "end");
    avio_flush(io_.get());
    return {};
}

}  // namespace

Result<std::unique_ptr<Connection>> connect_rtmp(
    const RtmpUrl& url,
    const std::string& address,
    const media::StreamFormat& format,
    Interrupt& interrupt
) {
    // TLS needs the name, for SNI as for the certificate, which no other address can show.
    std::string host = url.is_secure ? url.host : address;
    if (host.find(':') != host.npos) host = "[" + host + "]";
    const std::string where = (url.is_secure ? "rtmps://" : "rtmp://") +
                              (url.user_info.empty() ? "" : url.user_info + "@") + host + ":" +
                              std::to_string(url.port) + "/" + url.app;
    std::vector<std::pair<std::string, std::string>> options{
        {"rtmp_app", url.app},
        {"rtmp_playpath", url.playpath},
        {"rtmp_tcurl", url.tc_url()},
        {"tcp_nodelay", "1"},
        {"send_buffer_size", kSendBufferBytes}};
    if (url.is_secure) options.emplace_back("tls_verify", "1");
    AC_TRY(auto io, open_for_writing(where, options, interrupt));
    AC_TRY(auto muxer, open_muxer(io.get(), format));
    PacketHandle packet(av_packet_alloc());
    if (!packet) return fail(Errc::Failed, "out of memory");
    return std::make_unique<RtmpConnection>(
        std::move(io), std::move(muxer), std::move(packet), format.priming_samples
    );
}

}  // namespace aircheck::streams
