#include "proto/redact.hpp"

#include "proto/livekit_egress.pb.h"

#include <gtest/gtest.h>

namespace aircheck::proto {
namespace {

TEST(RedactStreamUrl, ShowsTheEndsOfTheKey) {
    struct Row {
        const char* clear;
        const char* redacted;
    };
    for (const Row& row : {
             Row{"rtmp://host/app/abcdefxyz", "rtmp://host/app/{abc...xyz}"},
             Row{"rtmps://host:443/a/b/abcdefgh", "rtmps://host:443/a/b/{ab...gh}"},
             Row{"rtmp://host/app/abcde", "rtmp://host/app/{a...e}"},
             Row{"rtmp://host/app/ab", "rtmp://host/app/{...}"},
             Row{"rtmp://host/app/", "rtmp://host/app/"},
             Row{"rtmp://host", "rtmp://host"},
             Row{"rtmp://u:pw@host/app/abcdefxyz?auth=1",
                 "rtmp://u:{...}@host/app/{abc...xyz}?auth={...}"},
             Row{"srt://host:7001?streamid=abc&mode=caller",
                 "srt://host:7001?streamid={...}&mode={...}"},
             Row{"mux://0123456789", "mux://{012...789}"},
             Row{"twitch://live_12", "twitch://{li...12}"},
             Row{"wss://host/in?token=abc", "wss://host/in?token={...}"},
             Row{"rtmp://host/app/{abc...xyz}", "rtmp://host/app/{abc...xyz}"},
             Row{"", ""},
         }) {
        EXPECT_EQ(redact_stream_url(row.clear), row.redacted);
        EXPECT_EQ(redact_stream_url(redact_stream_url(row.clear)), row.redacted);
    }
}

TEST(RedactUrl, HidesPasswordsQueriesAndFragments) {
    EXPECT_EQ(
        redact_url_secrets("https://u:p@h.example/x?a=1&b&c=#t=2"),
        "https://u:{...}@h.example/x?a={...}&b&c={...}"
    );
    EXPECT_EQ(redact_url_secrets("https://token@h.example/"), "https://{...}@h.example/");
    EXPECT_EQ(redact_url_secrets("https://h.example/#id=7"), "https://h.example/#id={...}");
    EXPECT_EQ(redact_url_secrets("https://h.example/x"), "https://h.example/x");
}

TEST(Redact, EveryEntryOfEveryListInAnInfo) {
    livekit::EgressInfo info;
    auto* request = info.mutable_room_composite();
    for (auto* file :
         {request->mutable_file(), request->add_file_outputs(), request->add_file_outputs()}) {
        auto* s3 = file->mutable_s3();
        s3->set_access_key("AKIA-clear");
        s3->set_secret("clear");
        s3->set_session_token("clear");
        s3->set_assume_role_external_id("clear");
        s3->set_region("eu-west-1");
        s3->mutable_proxy()->set_username("clear");
        s3->mutable_proxy()->set_password("clear");
        s3->mutable_proxy()->set_url("http://u:clear@proxy:3128");
    }
    request->add_segment_outputs()->mutable_gcp()->set_credentials("clear");
    request->add_segment_outputs()->mutable_azure()->set_account_name("clear");
    request->add_image_outputs()->mutable_azure()->set_account_key("clear");
    request->add_image_outputs()->mutable_alioss()->set_secret("clear");
    auto* stream = request->add_stream_outputs();
    stream->add_urls("rtmp://host/app/s-clear-key");
    stream->add_urls("srt://host?passphrase=clear");
    stream->add_destinations()->set_url("rtmp://host/app/s-clear-key");
    request->add_webhooks()->set_url("https://hook/x?key=clear");
    info.add_stream_results()->set_url("rtmp://host/app/s-clear-key");
    info.mutable_stream()->add_info()->set_url("rtmp://host/app/s-clear-key");

    redact(info);
    EXPECT_EQ(info.SerializeAsString().find("clear"), std::string::npos) << info.DebugString();
    for (const auto& file : {request->file(), request->file_outputs(0), request->file_outputs(1)}) {
        EXPECT_EQ(file.s3().access_key(), "{access_key}");
        EXPECT_EQ(file.s3().secret(), "{secret}");
        EXPECT_EQ(file.s3().session_token(), "{session_token}");
        EXPECT_EQ(file.s3().assume_role_external_id(), "{external_id}");
        EXPECT_EQ(file.s3().region(), "eu-west-1");
    }
    EXPECT_EQ(request->segment_outputs(0).gcp().credentials(), "{credentials}");
    EXPECT_EQ(request->segment_outputs(1).azure().account_name(), "{account_name}");
    EXPECT_EQ(request->image_outputs(0).azure().account_key(), "{account_key}");
    EXPECT_EQ(stream->urls(0), "rtmp://host/app/{s-c...key}");
}

TEST(Redact, V2RequestsAndEmptyFields) {
    livekit::StartEgressRequest request;
    request.mutable_storage()->mutable_s3()->set_secret("clear");
    request.add_outputs()->mutable_storage()->mutable_gcp()->set_credentials("clear");
    request.mutable_web()->set_url("https://h/?t=clear");
    redact(request);
    EXPECT_EQ(request.SerializeAsString().find("clear"), std::string::npos);
    EXPECT_EQ(request.storage().s3().access_key(), "");

    livekit::TrackEgressRequest track;
    track.set_websocket_url("wss://h/?t=clear");
    redact(track);
    EXPECT_EQ(track.websocket_url(), "wss://h/?t={...}");
    livekit::TrackEgressRequest untouched;
    redact(untouched);
    EXPECT_EQ(untouched.output_case(), livekit::TrackEgressRequest::OUTPUT_NOT_SET);
}

}  // namespace
}  // namespace aircheck::proto
