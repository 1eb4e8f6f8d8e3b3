#include "server/config_checks.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ConfigChecks, RangesNameTheFieldAndWhatItMayBe) {
  EXPECT_TRUE(CheckRange("kindred.v1.Some", "threads", 1, 1, 3).ok());
  EXPECT_TRUE(CheckRange("kindred.v1.Some", "threads", 3, 1, 3).ok());
  EXPECT_EQ(CheckRange("kindred.v1.Some", "threads", 4, 1, 3).message(), "Some.threads is 4; expected 1 to 3");
  EXPECT_EQ(CheckRange("Some", "threads", 0, 1, 3).message(), "Some.threads is 0; expected 1 to 3");
}

TEST(ConfigChecks, DurationsTooAndNoneOverflows) {
  EXPECT_TRUE(CheckDuration("x", ToDuration(seconds(1)), seconds(1), seconds(1)).ok());
  EXPECT_EQ(CheckDuration("x", ToDuration(milliseconds(1500)), seconds(0), seconds(1)).message(),
            "x is 1.5s; expected 0s to 1s");
  google::protobuf::Duration endless;
  endless.set_seconds(INT64_MAX);
  EXPECT_FALSE(CheckDuration("x", endless, seconds(0), seconds(1)).ok());
  endless.set_seconds(INT64_MIN);
  EXPECT_FALSE(CheckDuration("x", endless, seconds(0), seconds(1)).ok());
}

TEST(ConfigChecks, DurationsKeepTheirNanoseconds) {
  for (const nanoseconds value : {nanoseconds(0), nanoseconds(999'999'999), nanoseconds(seconds(7)) + nanoseconds(5)}) {
    EXPECT_EQ(FromDuration(ToDuration(value)), value);
  }
}

TEST(ConfigChecks, DurationsAreWrittenAsTheyAreRead) {
  EXPECT_EQ(DurationText(seconds(0)), "0s");
  EXPECT_EQ(DurationText(microseconds(500)), "500us");
  EXPECT_EQ(DurationText(milliseconds(5)), "5ms");
  EXPECT_EQ(DurationText(seconds(90)), "90s");
  EXPECT_EQ(DurationText(minutes(10)), "10m");
  EXPECT_EQ(DurationText(hours(24)), "24h");
  EXPECT_EQ(DurationText(hours(24 * 365)), "365d");
}

TEST(ConfigChecks, SplitsHostAndPort) {
  const auto split = [](std::string_view text, uint32_t min_port = 1) -> std::string {
    std::string host;
    uint16_t port = 0;
    if (!SplitHostPort(text, min_port, &host, &port)) return "no";
    return host + " " + std::to_string(port);
  };
  EXPECT_EQ(split("127.0.0.1:6379"), "127.0.0.1 6379");
  EXPECT_EQ(split("redis.internal:1"), "redis.internal 1");
  EXPECT_EQ(split("[::1]:6379"), "::1 6379");
  EXPECT_EQ(split("[fe80::1%eth0]:65535"), "fe80::1%eth0 65535");
  EXPECT_EQ(split("host:0", 0), "host 0");
  for (const char* wrong : {"", ":", "host", "host:", ":1", "host:0", "host:65536", "host:000001", "host:1x", "host:-1",
                            "host:+1", "host: 1", "::1:6379", "[::1]", "[::1:6379", "::1]:6379", "[]:1", "[[::1]]:1"}) {
    EXPECT_EQ(split(wrong), "no") << wrong;
  }
}

}  // namespace
}  // namespace kindred
