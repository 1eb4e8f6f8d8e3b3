#include "core/bundle/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<BundleInfo> Read(std::map<std::string, std::string, std::less<>> metadata) {
  BundleInfo info;
  info.header.metadata = std::move(metadata);
  if (absl::Status status = ReadMetadata(&info); !status.ok()) return status;
  return info;
}

TEST(MetadataTest, ARawBundleMaySayNothing) {
  const auto info = Read({});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_FALSE(info->sealed);
  EXPECT_EQ(info->model, "");
}

TEST(MetadataTest, ARawBundleMaySayWhatItIs) {
  const auto info = Read({{"kindred.model", "m"}, {"kindred.version", "7"}, {"format", "pt"}, {"kindre", "x"}});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_FALSE(info->sealed);
  EXPECT_EQ(info->model, "m");
  EXPECT_EQ(info->version, "7");
}

TEST(MetadataTest, ASealedBundleSaysEverything) {
  const auto info = Read({{"kindred.format", "1"},
                          {"kindred.model", "m"},
                          {"kindred.version", "v"},
                          {"kindred.source", "s"},
                          {"kindred.created_at", "2026-01-31T23:59:59.5Z"},
                          {"kindred.counts", "{}"},
                          {"kindred.spaces", "{}"},
                          {"kindred.default_space", "d"},
                          {"kindred.training", "{\"rank\":[1,2,{\"a\":null}]}"},
                          {"kindred.checksums", "{}"},
                          {"kindred.digest", "xxh128:0"}});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_TRUE(info->sealed);
  EXPECT_EQ(info->format_version, "1");
  EXPECT_EQ(info->source, "s");
  EXPECT_EQ(info->created_at, "2026-01-31T23:59:59.5Z");
  EXPECT_EQ(info->default_space, "d");
  EXPECT_EQ(info->digest, "xxh128:0");
}

TEST(MetadataTest, RejectsEachBadValueNamingTheKey) {
  struct Bad {
    const char *key, *value, *says;
  };
  const std::string long_text(257, 'x');
  const Bad bad[] = {
      {"kindred.formt", "1", "found an unknown key, expected one of kindred.format, "},
      {"kindred.", "1", "unknown key"},
      {"kindred.format", "2", "found \"2\", expected \"1\", the format this build reads"},
      {"kindred.format", "", "found \"\", expected \"1\""},
      {"kindred.format", "1 ", "found \"1 \""},
      {"kindred.model", long_text.c_str(), "found 257 bytes, expected at most 256"},
      {"kindred.version", long_text.c_str(), "found 257 bytes"},
      {"kindred.source", long_text.c_str(), "found 257 bytes"},
      {"kindred.created_at", "", "expected RFC 3339 in UTC"},
      {"kindred.created_at", "yesterday", "expected RFC 3339 in UTC"},
      {"kindred.created_at", "2026-13-01T00:00:00Z", "expected RFC 3339 in UTC"},
      {"kindred.created_at", "2026-01-31T12:00:00+01:00", "expected RFC 3339 in UTC"},
      {"kindred.training", "", "expected JSON"},
      {"kindred.training", "{", "expected JSON"},
      {"kindred.digest", "xxh128:", "expected this key in a sealed bundle"},
      {"kindred.checksums", "{}", "expected this key in a sealed bundle"},
  };
  for (const Bad& entry : bad) {
    const auto info = Read({{entry.key, entry.value}});
    ASSERT_FALSE(info.ok()) << entry.key;
    EXPECT_EQ(info.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(info.status().message()), HasSubstr(entry.says));
    EXPECT_THAT(std::string(info.status().message()), HasSubstr("metadata key \"kindred."));
  }
}

TEST(MetadataTest, DeepTrainingJsonDoesNoHarm) {
  EXPECT_FALSE(Read({{"kindred.training", std::string(1'000'000, '[')}}).ok());
  EXPECT_TRUE(Read({{"kindred.training", std::string(100'000, '[') + std::string(100'000, ']')}}).ok());
}

}  // namespace
}  // namespace kindred
