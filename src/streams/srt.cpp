// SRT by libavformat's libsrt; the transport stream is ours (mux/ts).
#include "streams/connection.hpp"
#include "streams/libav.hpp"

#include "mux/ts.hpp"

namespace aircheck::streams {
namespace {

class SrtConnection final : public Connection {
public:
    SrtConnection(AvioHandle io, mux::TsStream stream)
        : io_(std::move(io)), stream_(std::move(stream)) {}

    Result<> write(const media::EncodedSample& sample) override {
        bytes_.clear();
        stream_.add(sample, bytes_);
        return send();
    }
    Result<> close() override {
        bytes_.clear();
        stream_.flush(bytes_);
        return send();
    }

private:
    [[nodiscard]] Result<> send() {
        if (bytes_.empty()) return {};
        const LogCapture log;
        avio_write(io_.get(), bytes_.data(), static_cast<int>(bytes_.size()));
        avio_flush(io_.get());
        if (io_->error < 0) return log.fail_av(io_->error, "write");
        return {};
    }

    AvioHandle io_;
    mux::TsStream stream_;
    Bytes bytes_;
};

}  // namespace

Result<std::unique_ptr<Connection>> connect_srt(
    const SrtUrl& url,
    const std::string& address,
    const media::StreamFormat& format,
    Interrupt& interrupt
) {
    AC_TRY(auto stream, mux::TsStream::create(format));
    const std::string host = address.find(':') == address.npos ? address : "[" + address + "]";
    std::vector<std::pair<std::string, std::string>> options{
        {"mode", "caller"}, {"transtype", "live"}, {"payload_size", "1316"}, {"linger", "2"}};
    if (!url.streamid.empty()) options.emplace_back("streamid", url.streamid);
    if (!url.passphrase.empty()) options.emplace_back("passphrase", url.passphrase);
    if (url.key_bytes != 0) options.emplace_back("pbkeylen", std::to_string(url.key_bytes));
    if (url.latency_ms) {
        options.emplace_back("latency", std::to_string(std::int64_t{*url.latency_ms} * 1000));
    }
    const std::string where = "srt://" + host + ":" + std::to_string(url.port);
    AC_TRY(auto io, open_for_writing(where, options, interrupt));
    return std::make_unique<SrtConnection>(std::move(io), std::move(stream));
}

}  // namespace aircheck::streams
