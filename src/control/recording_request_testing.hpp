#pragma once

#include "control/recording_request.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace aircheck::control::testing {

using nlohmann::json;

inline livekit::RoomCompositeEgressRequest request_of(const json& fields) {
    livekit::RoomCompositeEgressRequest request;
    const auto read = proto::from_json(fields.dump(), request);
    EXPECT_TRUE(read) << read.error().to_string();
    return request;
}

/// What both guides send, with the fields of `more` on top.
inline json sent(const json& more = json::object()) {
    json fields = {
        {"room_name", "camille"},
        {"audio_only", true},
        {"file_outputs",
         json::array(
             {{{"file_type", "MP4"},
               {"filepath", "recordings/{room_name}-{time}.mp4"},
               {"s3",
                {{"access_key", "AKIA"},
                 {"secret", "hidden"},
                 {"region", "eu-west-1"},
                 {"bucket", "calls"}}}}}
         )}};
    fields.update(more);
    return fields;
}
inline json output(const json& more) {
    json file = sent()["file_outputs"][0];
    file.update(more);
    return {{"file_outputs", json::array({file})}};
}
inline json s3(const json& more) {
    json store = sent()["file_outputs"][0]["s3"];
    store.update(more);
    return output({{"s3", store}});
}
inline json advanced(const json& options) { return {{"advanced", options}}; }

inline RecordingRequest accepted(const json& fields, const RecordingDefaults& defaults = {}) {
    auto answer = check_request(request_of(fields), defaults);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *std::move(answer) : RecordingRequest{};
}

inline json with_options(json fields, const json& options) {
    fields.update(advanced(options));
    return fields;
}

}  // namespace aircheck::control::testing
