#include "storage/sigv4.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

constexpr const char* kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Vector {
    const char* name;
    SigV4Request request;
    const char* signed_headers;
    const char* signature;
};

// AWS's Signature Version 4 test suite: AKIDEXAMPLE, us-east-1, "service", 2015-08-30T12:36:00Z.
TEST(SigV4, TestSuite) {
    const SigV4Keys keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
    const NamesAndValues headers = {
        {"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
    const Vector vectors[] = {
        {"get-vanilla",
         {"GET", "/", {}, headers, kEmptyHash},
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"post-vanilla",
         {"POST", "/", {}, headers, kEmptyHash},
         "host;x-amz-date",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"get-vanilla-query-order-key-case",
         {"GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}, headers, kEmptyHash},
         "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"get-vanilla-query-order-value",
         {"GET", "/", {{"Param1", "value2"}, {"Param1", "value1"}}, headers, kEmptyHash},
         "host;x-amz-date",
         "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    };
    const WallTime time = parse_iso8601("2015-08-30T12:36:00Z").value();
    for (const Vector& vector : vectors) {
        EXPECT_EQ(
            authorization_header(vector.request, keys, {"us-east-1", "service"}, time),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=" +
                std::string(vector.signed_headers) + ", Signature=" + vector.signature
        ) << vector.name;
    }
}

const SigV4Keys kDocumentationKeys{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};

// "Examples: Signature Calculations", Amazon S3 API Reference: 2013-05-24, us-east-1,
// examplebucket.
TEST(SigV4, S3Documentation) {
    const auto headers = [](const char* hash, NamesAndValues more = {}) {
        more.insert(
            more.end(),
            {{"x-amz-content-sha256", hash},
             {"host", "examplebucket.s3.amazonaws.com"},
             {"x-amz-date", "20130524T000000Z"}}
        );
        return more;
    };
    constexpr const char* kBodyHash =
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const Vector vectors[] = {
        {"get object",
         {"GET", "/test.txt", {}, headers(kEmptyHash, {{"Range", "bytes=0-9"}}), kEmptyHash},
         "host;range;x-amz-content-sha256;x-amz-date",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"put object",
         {"PUT",
          "/test%24file.text",
          {},
          headers(
              kBodyHash,
              {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
               {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}
          ),
          kBodyHash},
         "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"get bucket lifecycle",
         {"GET", "/", {{"lifecycle", ""}}, headers(kEmptyHash), kEmptyHash},
         "host;x-amz-content-sha256;x-amz-date",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"list objects",
         {"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, headers(kEmptyHash), kEmptyHash},
         "host;x-amz-content-sha256;x-amz-date",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    const WallTime time = parse_iso8601("2013-05-24T00:00:00Z").value();
    for (const Vector& vector : vectors) {
        EXPECT_EQ(
            authorization_header(vector.request, kDocumentationKeys, {"us-east-1", "s3"}, time),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=" +
                std::string(vector.signed_headers) + ", Signature=" + vector.signature
        ) << vector.name;
    }
}

// "Authenticating Requests: Using Query Parameters", the same reference.
TEST(SigV4, PresignedDocumentation) {
    SigV4Request request;
    request.path = "/test.txt";
    request.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
    const WallTime time = parse_iso8601("2013-05-24T00:00:00Z").value();
    EXPECT_EQ(
        presigned_query(
            request, kDocumentationKeys, {"us-east-1", "s3"}, time, std::chrono::seconds(86400)
        ),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

TEST(SigV4, HeaderValuesAreTrimmedAndJoined) {
    const SigV4Keys keys{"A", "s", ""};
    SigV4Request plain{"GET", "/", {}, {{"a", "1 2"}, {"b", "3,4"}}, kEmptyHash};
    SigV4Request loose{"GET", "/", {}, {{"B", "3"}, {"A", "  1 \t 2 "}, {"b", "4"}}, kEmptyHash};
    EXPECT_EQ(
        authorization_header(plain, keys, {"r", "s"}, WallTime{}),
        authorization_header(loose, keys, {"r", "s"}, WallTime{})
    );
}

TEST(SigV4, QueryIsEncodedThenSorted) {
    EXPECT_EQ(
        canonical_query({{"b", ""}, {"a b", "x/y~"}, {"a", "2"}, {"a", "1"}, {"\xc3\xbc", "+"}}),
        "%C3%BC=%2B&a=1&a=2&a%20b=x%2Fy~&b="
    );
}

TEST(SigV4, TemporaryKeysArePartOfALink) {
    SigV4Request request;
    request.headers = {{"host", "h"}};
    const std::string query = presigned_query(
        request, {"A", "s", "to/ken"}, {"r", "s3"}, WallTime{}, std::chrono::seconds(1)
    );
    EXPECT_THAT(query, ::testing::HasSubstr("&X-Amz-Security-Token=to%2Fken&"));
}

}  // namespace
}  // namespace aircheck::storage
