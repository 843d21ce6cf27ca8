#include "storage/http_date.hpp"

#include <gtest/gtest.h>

namespace aircheck::storage {
namespace {

TEST(HttpDate, Reads) {
    // RFC 9110 §5.6.7's example.
    const auto date = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    ASSERT_TRUE(date);
    EXPECT_EQ(to_iso8601(*date), "1994-11-06T08:49:37.000Z");
    for (const char* bad :
         {"", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT", "yesterday"}) {
        EXPECT_FALSE(parse_http_date(bad)) << bad;
    }
    for (const char* beyond : {"21 Oct 1007 07:28:00", "06 Nov 1994 99:49:37"}) {
        EXPECT_FALSE(parse_http_date("Sun, " + std::string(beyond) + " GMT")) << beyond;
    }
}

TEST(HttpDate, IsWritten) {
    for (const char* date : {"Sun, 06 Nov 1994 08:49:37 GMT", "Thu, 29 Feb 2024 00:00:00 GMT"}) {
        EXPECT_EQ(http_date(parse_http_date(date).value()), date);
    }
}

}  // namespace
}  // namespace aircheck::storage
