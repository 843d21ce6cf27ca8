// layers: control
// Any text as what lies beside a journal's copies: what is taken is a job that can be begun, and is
// the same when it is written and read again.

#include "control/dossier.hpp"
#include "core/bytes.hpp"

#include <cstdint>
#include <cstdlib>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto dossier = control::read_dossier(as_text(BytesView(data, size)));
    if (!dossier) return 0;
    const recorder::Encoding& encoding = dossier->open_job.encoding;
    if (encoding.channels < 1 || encoding.channels > 2 || encoding.sample_rate_hz == 0)
        std::abort();
    static_cast<void>(recorder::extension_of(encoding.container));
    static_cast<void>(recorder::content_type_of(encoding.container));
    if (dossier->open_job.stream) std::abort();
    const std::string text = control::write_dossier(dossier->recording, dossier->open_job);
    const auto again = control::read_dossier(text);
    if (!again || control::write_dossier(again->recording, again->open_job) != text) std::abort();
    return 0;
}
