#pragma once

#include "streams/connection.hpp"

#include "core/c_handle.hpp"
#include "core/result.hpp"

extern "C" {
#include <libavformat/avformat.h>
#include <libavformat/avio.h>
#include <libavutil/dict.h>
}

#include <string>
#include <utility>
#include <vector>

/// libavformat, for this layer's own .cpp files.
namespace aircheck::streams {

/// Keeps, for its life and on its thread alone, what libavformat writes to its log about errors:
/// the words that a code cannot have ("Server error: …").
class LogCapture {
public:
    LogCapture();
    ~LogCapture();
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;

    /// `what`, libav's first words, and what `code` means.
    [[nodiscard]] tl::unexpected<Error> fail_av(int code, const std::string& what) const;

private:
    std::string words_;
};

using AvioHandle = CHandle<AVIOContext, avio_closep>;

/// Opens `url` for writing. Options are libavformat's; one that it does not know is an error.
[[nodiscard]] Result<AvioHandle> open_for_writing(
    const std::string& url,
    const std::vector<std::pair<std::string, std::string>>& options,
    Interrupt& interrupt
);

}  // namespace aircheck::streams
