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

TEST(KnownServers, KeepsThoseThatThisProcessMet) {
  const testing::TempDir dir;
  KnownServers first(dir.File("servers"));
  for (const char* node : {"a:1", "b:2", "c:3"}) first.Remember(node, "r");
  ASSERT_TRUE(first.Save().ok());
  KnownServers second(dir.File("servers"));
  EXPECT_TRUE(second.IsOld("a:1", "r"));
  EXPECT_TRUE(second.IsOld("b:2", "r"));
  ASSERT_TRUE(second.Save().ok());
  KnownServers third(dir.File("servers"));
  EXPECT_FALSE(third.IsOld("c:3", "r"));
  third.ForgetOthers("a:1");
  EXPECT_FALSE(third.IsOld("b:2", "r"));
  EXPECT_TRUE(third.IsOld("a:1", "r"));
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
