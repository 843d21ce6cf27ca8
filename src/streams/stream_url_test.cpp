#include "streams/stream_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace aircheck::streams {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Row {
    std::string name, url;
    Protocol protocol = Protocol::Rtmp;
    std::string expected;  ///< The canonical URL; "" with `error`.
    std::string error;
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class StreamUrl : public testing::TestWithParam<Row> {};

TEST_P(StreamUrl, IsTakenOrNamesTheFault) {
    const Row& row = GetParam();
    const auto url = canonical_url(row.url, row.protocol);
    if (row.error.empty()) {
        ASSERT_TRUE(url) << url.error().context;
        EXPECT_EQ(*url, row.expected);
    } else {
        ASSERT_FALSE(url);
        EXPECT_THAT(url.error().context, HasSubstr(row.error));
        EXPECT_EQ(url.error().code, Errc::InvalidArgument);
    }
}

constexpr auto kRtmp = Protocol::Rtmp;
constexpr auto kSrt = Protocol::Srt;
INSTANTIATE_TEST_SUITE_P(
    Urls,
    StreamUrl,
    testing::Values(
        Row{"Rtmp", "rtmp://h/live/key", kRtmp, "rtmp://h/live/key", ""},
        Row{"Rtmps", "rtmps://h:443/a/b/key?x=1", kRtmp, "rtmps://h:443/a/b/key?x=1", ""},
        Row{"LibrtmpsLive", "rtmp://h/live/key live=1", kRtmp, "rtmp://h/live/key", ""},
        Row{"Mux", "mux://k3y", kRtmp, "rtmps://global-live.mux.com:443/app/k3y", ""},
        Row{"Twitch", "twitch://live_1_x", kRtmp, "twitch://live_1_x", ""},
        Row{"MuxWithoutKey", "mux://", kRtmp, "", "no key"},
        Row{"NoKey", "rtmp://h/live", kRtmp, "", "rtmp urls must be of format"},
        Row{"NoApp", "rtmp://h//key", kRtmp, "", "rtmp urls must be of format"},
        Row{"EndsWithASlash", "rtmp://h/live/", kRtmp, "", "rtmp urls must be of format"},
        Row{"OtherScheme", "srt://h:9000", kRtmp, "", "invalid scheme"},
        Row{"Http", "http://h/live/key", kRtmp, "", "invalid scheme"},
        Row{"NoScheme", "h/live/key", kRtmp, "", "invalid scheme"},
        Row{"BadPort", "rtmp://h:0/live/key", kRtmp, "", "the port is not 1 to 65535"},
        Row{"Space", "rtmp://h/live/a key", kRtmp, "", "a space"},
        Row{"Srt", "srt://h:9000?streamid=a%2Fb", kSrt, "srt://h:9000?streamid=a%2Fb", ""},
        Row{"SrtCaller", "srt://h:9000?mode=caller", kSrt, "srt://h:9000?mode=caller", ""},
        Row{"SrtWithoutPort", "srt://h", kSrt, "", "must name a port"},
        Row{"SrtListener", "srt://h:9000?mode=listener", kSrt, "", "mode is not caller"},
        Row{"SrtUnknown", "srt://h:9000?pkt_size=1", kSrt, "", "'pkt_size'"},
        Row{"SrtPassphrase", "srt://h:9000?passphrase=short", kSrt, "", "passphrase"},
        Row{"SrtKeyLength", "srt://h:9000?pbkeylen=8", kSrt, "", "pbkeylen"},
        Row{"SrtLatency", "srt://h:9000?latency=fast", kSrt, "", "latency"},
        Row{"SrtOfRtmp", "rtmp://h/live/key", kSrt, "", "invalid scheme"}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(StreamUrlParts, RtmpsAppIsAllButTheKey) {
    const auto url = RtmpUrl::parse("rtmps://u:p@H.example/a/b/c/key?token=t");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "h.example");
    EXPECT_EQ(url->port, 443);
    EXPECT_EQ(url->app, "a/b/c");
    EXPECT_EQ(url->playpath, "key?token=t");
    EXPECT_EQ(url->tc_url(), "rtmps://h.example:443/a/b/c");
    EXPECT_EQ(RtmpUrl::parse("rtmp://[::1]/live/k").value().tc_url(), "rtmp://[::1]:1935/live");
}

TEST(StreamUrlParts, SrtsParametersAreDecoded) {
    const auto url = SrtUrl::parse(
        "srt://"
        "h:9000?streamid=%23%21%3A%3Ar%3Dlive&passphrase=ten%20letters&pbkeylen=32&latency=250"
    );
    ASSERT_TRUE(url);
    EXPECT_EQ(url->streamid, "#!::r=live");
    EXPECT_EQ(url->passphrase, "ten letters");
    EXPECT_EQ(url->key_bytes, 32);
    EXPECT_EQ(url->latency_ms, 250);
}

TEST(StreamUrlParts, WordsOfServersLoseTheKey) {
    EXPECT_EQ(
        without_secrets("Already publishing abc-def at live", "rtmp://h/live/abc-def"),
        "Already publishing {...} at live"
    );
    EXPECT_THAT(
        without_secrets("bad id a/b, a%2Fb", "srt://h:1?streamid=a%2Fb"), Not(HasSubstr("a/b"))
    );
    EXPECT_EQ(without_secrets("no live_1_x", "twitch://live_1_x"), "no {...}");
}

}  // namespace
}  // namespace aircheck::streams
