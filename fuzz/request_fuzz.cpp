// layers: control
// A recording's request as JSON: it is refused in words, or what was made of it can be done, and
// its echo, which goes into answers and rows, is a message without its secrets.

#include "control/recording_request.hpp"
#include "core/bytes.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    livekit::RoomCompositeEgressRequest request;
    if (!proto::from_json(as_text(BytesView(data, size)), request)) return 0;
    for (auto& file : *request.mutable_file_outputs()) {
        if (file.has_s3() && !file.s3().secret().empty()) {
            file.mutable_s3()->set_secret("Tell-Nobody-1");
        }
    }
    const auto checked = control::check_request(request, {});
    if (!checked) {
        if (checked.error().code.empty() || checked.error().message.empty()) std::abort();
        if (checked.error().message.find("Tell-Nobody-1") != std::string::npos) std::abort();
        return 0;
    }
    if (checked->room_name.empty()) std::abort();
    const recorder::Encoding& encoding = checked->encoding;
    if (encoding.channels < 1 || encoding.channels > 2) std::abort();
    for (const std::string& echo : {checked->echo, control::make_echo(*checked)}) {
        if (echo.find("Tell-Nobody-1") != std::string::npos) std::abort();
        livekit::EgressInfo read;
        if (!read.ParseFromString(echo) || !read.has_room_composite()) std::abort();
    }
    return 0;
}
