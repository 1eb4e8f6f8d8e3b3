#include "server/profiles/known_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

TEST(KnownServers, KnowsThoseOfTheLastProcessOnce) {
  const testing::TempDir dir;
  {
    KnownServers servers(dir.File("servers"));
    EXPECT_TRUE(servers.empty());
    EXPECT_FALSE(servers.IsOld("a:1", "r1"));
    servers.Remember("a:1", "r1");
    servers.Remember("b:2", "r2");
    EXPECT_FALSE(servers.IsOld("a:1", "r1"));  // of this process
    ASSERT_TRUE(servers.Save().ok());
  }
  KnownServers servers(dir.File("servers"));
  EXPECT_FALSE(servers.empty());
  EXPECT_FALSE(servers.IsOld("c:3", "r1"));
  EXPECT_TRUE(servers.IsOld("a:1", "r1"));
  EXPECT_FALSE(servers.IsOld("a:1", "r1"));
  EXPECT_FALSE(servers.IsOld("b:2", "another"));
  EXPECT_FALSE(servers.IsOld("b:2", "r2"));
}

TEST(KnownServers, KnowsNothingWithoutAFile) {
  KnownServers servers("");
  EXPECT_TRUE(servers.empty());
  EXPECT_TRUE(servers.Save().ok());
  KnownServers lost("/nowhere/at/all");
  EXPECT_TRUE(lost.empty());
  const absl::Status status = lost.Save();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace kindred
