#include "server/yaml_message.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(YamlMessage, Durations) {
  const auto parsed = [](const std::string& text) {
    int64_t nanoseconds = -1;
    return ParseDuration(text, &nanoseconds) ? nanoseconds : -1;
  };
  EXPECT_EQ(parsed("500us"), 500'000);
  EXPECT_EQ(parsed("5ms"), 5'000'000);
  EXPECT_EQ(parsed("0.5s"), 500'000'000);
  EXPECT_EQ(parsed("2 s"), 2'000'000'000);
  EXPECT_EQ(parsed("1m"), 60'000'000'000);
  EXPECT_EQ(parsed("2h"), 7'200'000'000'000);
  EXPECT_EQ(parsed("30d"), 2'592'000'000'000'000);
  for (const char* wrong : {"", "5", "ms", "-5ms", "5 parsecs", "1e9s", "5ms5", "..s", "99999999999999h"}) {
    EXPECT_EQ(parsed(wrong), -1) << wrong;
  }
}

TEST(YamlMessage, Sizes) {
  const auto parsed = [](const std::string& text) {
    uint64_t bytes = 0;
    return ParseBytes(text, &bytes) ? bytes : UINT64_MAX;
  };
  EXPECT_EQ(parsed("0"), 0u);
  EXPECT_EQ(parsed("65536"), 65536u);
  EXPECT_EQ(parsed("64KiB"), 65536u);
  EXPECT_EQ(parsed("1.5 MiB"), 1'572'864u);
  EXPECT_EQ(parsed("2GiB"), 2'147'483'648u);
  EXPECT_EQ(parsed("1TiB"), 1'099'511'627'776u);
  for (const char* wrong : {"", "4MB", "4mib", "-1", "0.3", "1.00001KiB", "9999999999TiB"}) {
    EXPECT_EQ(parsed(wrong), UINT64_MAX) << wrong;
  }
}

}  // namespace
}  // namespace kindred
