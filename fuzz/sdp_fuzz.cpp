// layers: signal
#include "core/bytes.hpp"
#include "signal/sdp.hpp"

#include <cstdint>
#include <cstdlib>

using namespace aircheck;
using namespace aircheck::signal;

// Any text: it is refused, or its answer is a description that can be read again, with the same
// sections.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text({data, size});
    static_cast<void>(parse_candidate(text));
    const auto offer = Sdp::parse(text);
    if (!offer) return 0;
    LocalParameters local;
    local.ice_ufrag = "ours";
    local.ice_pwd = "0123456789abcdefghijkl";
    for (int i = 0; i < 32; ++i) local.fingerprint += i == 0 ? "AB" : ":AB";
    const Sdp answer = make_answer(*offer, local);
    if (answer.bundle.empty())
        return 0;  // Every section refused: no ICE parameters are left to read.
    const auto read_back = Sdp::parse(answer.to_string());
    if (!read_back || read_back->media.size() != offer->media.size()) std::abort();
    for (std::size_t i = 0; i < offer->media.size(); ++i) {
        if (read_back->media[i].mid != offer->media[i].mid) std::abort();
    }
    return 0;
}
