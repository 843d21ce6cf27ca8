#include "streams/libav.hpp"

extern "C" {
#include <libavutil/error.h>
#include <libavutil/log.h>
}

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace aircheck::streams {
namespace {

thread_local std::string* captured = nullptr;

void capture(void*, int level, const char* format, va_list arguments) {
    // The first words are the innermost's: what went wrong, not what could not be for that.
    if (captured == nullptr || !captured->empty() || level > AV_LOG_ERROR) return;
    std::array<char, 512> text{};
    const int size = std::vsnprintf(text.data(), text.size(), format, arguments);
    if (size <= 0) return;
    std::string words(text.data());
    while (!words.empty() && (words.back() == '\n' || words.back() == '.')) words.pop_back();
    *captured = std::move(words);
}

void prepare_libav() {
    static std::once_flag once;
    std::call_once(once, [] {
        av_log_set_callback(capture);
        avformat_network_init();
    });
}

int is_due(void* interrupt) { return static_cast<const Interrupt*>(interrupt)->is_due() ? 1 : 0; }

}  // namespace

bool Interrupt::is_due() const {
    const std::int64_t now = monotonic_now().time_since_epoch().count();
    return is_abandoned_ || now >= deadline_ || now >= last_deadline_;
}

LogCapture::LogCapture() {
    prepare_libav();
    captured = &words_;
}

LogCapture::~LogCapture() { captured = nullptr; }

tl::unexpected<Error> LogCapture::fail_av(int code, const std::string& what) const {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(code, text.data(), text.size());
    std::string words = what + ": " + (words_.empty() ? "" : words_ + ": ") + text.data();
    return fail(code == AVERROR_EXIT ? Errc::Timeout : Errc::Unavailable, std::move(words));
}

Result<AvioHandle> open_for_writing(
    const std::string& url,
    const std::vector<std::pair<std::string, std::string>>& options,
    Interrupt& interrupt
) {
    const LogCapture log;
    AVDictionary* left = nullptr;
    for (const auto& [key, value] : options) av_dict_set(&left, key.c_str(), value.c_str(), 0);
    const AVIOInterruptCB callback{is_due, &interrupt};
    AVIOContext* opened = nullptr;
    const int code = avio_open2(&opened, url.c_str(), AVIO_FLAG_WRITE, &callback, &left);
    AvioHandle handle(opened);
    const AVDictionaryEntry* unknown = av_dict_get(left, "", nullptr, AV_DICT_IGNORE_SUFFIX);
    const std::string name = unknown != nullptr ? unknown->key : "";
    av_dict_free(&left);
    if (code < 0) return log.fail_av(code, "connect");
    if (!name.empty()) return fail(Errc::Failed, "libavformat does not know the option " + name);
    return handle;
}

}  // namespace aircheck::streams
