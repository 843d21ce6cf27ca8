#include "control/recording_links.hpp"

#include "control/secrets.hpp"

#include <gmock/gmock.h>

namespace aircheck::control {
namespace {

using Urls = RecordingLinks::Urls;
using ::testing::StartsWith;

const Bytes kKey(32, std::uint8_t{7});

records::PlayableMix mix_in_a_bucket() {
    storage::S3Destination s3;
    s3.bucket = "calls";
    s3.region = "eu-north-1";
    s3.access_key = "AK";
    s3.secret = "secret";
    KeptDestination kept = keep_destination(s3, kKey);
    records::PlayableMix mix;
    mix.egress_id = "EG_1";
    mix.link_key = "the+key";
    mix.file.key = "a.mp4";
    mix.file.location = "https://calls.s3.eu-north-1.amazonaws.com/a.mp4";
    mix.file.destination_json = std::move(kept.json);
    mix.file.sealed_destination = std::move(kept.sealed);
    return mix;
}

TEST(RecordingLinks, AreWrittenAsConfiguredAndGoneOnceRevoked) {
    const std::string location = mix_in_a_bucket().file.location;
    const std::pair<Urls, std::string> rows[] = {
        {Urls::Link, "https://rec.example/r/EG_1?k=the%2Bkey"},
        {Urls::Location, location},
        {Urls::Signed, location + "?X-Amz-Algorithm="},
    };
    for (const auto& [urls, expected] : rows) {
        const RecordingLinks links{urls, "https://rec.example", kKey};
        records::PlayableMix mix = mix_in_a_bucket();
        EXPECT_THAT(links.url_of(mix), StartsWith(expected));
        mix.link_revoked = true;
        EXPECT_EQ(links.url_of(mix), "") << expected;
    }
}

}  // namespace
}  // namespace aircheck::control
