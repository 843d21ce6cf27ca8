// layers: recorder
// Any text as a journal's settings: refused in words, or read as it is written.

#include "core/bytes.hpp"
#include "recorder/pipeline.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace aircheck;
using recorder::PipelineSettings;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto settings = PipelineSettings::parse(as_text(BytesView(data, size)));
    if (!settings) {
        if (settings.error().context.empty()) std::abort();
        return 0;
    }
    if (settings->mix_delay < Nanoseconds{0} || settings->jitter_wait < Nanoseconds{0}) {
        std::abort();
    }
    const std::string text = settings->to_string();
    const auto again = PipelineSettings::parse(text);
    if (!again || again->to_string() != text) std::abort();
    return 0;
}
