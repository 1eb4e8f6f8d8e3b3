#include "server/profiles/known_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/files.h"

namespace kindred {
namespace {

// What was synced, by name, and whether `watched` was there then; only on the thread of a test that wants to know.
struct Syncs {
  std::string watched;
  std::vector<std::string> names;
  std::vector<bool> there;
  std::string failing;  // the end of the names whose syncs fail
};
thread_local Syncs* syncs = nullptr;

std::string NameOf(int fd) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).filename().string();
}

std::string NameOfDirectory(const std::string& file) {
  return std::filesystem::path(file).parent_path().filename().string();
}

}  // namespace
}  // namespace kindred

// In place of the C library's.
extern "C" int fsync(int fd) {
  using kindred::syncs;
  if (syncs != nullptr) {
    syncs->names.push_back(kindred::NameOf(fd));
    syncs->there.push_back(std::filesystem::exists(syncs->watched));
    if (!syncs->failing.empty() && syncs->names.back().ends_with(syncs->failing)) {
      errno = EIO;
      return -1;
    }
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

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

TEST(KnownServers, IsOnTheDiskBeforeItTakesTheLastOnesPlace) {
  const testing::TempDir dir;
  Syncs seen;
  seen.watched = dir.File("servers");
  syncs = &seen;
  KnownServers servers(dir.File("servers"));
  servers.Remember("a:1", "r1");
  EXPECT_TRUE(servers.Save().ok());
  syncs = nullptr;
  EXPECT_THAT(seen.names, ::testing::ElementsAre("servers.new", NameOfDirectory(dir.File("servers"))));
  EXPECT_THAT(seen.there, ::testing::ElementsAre(false, true)) << "renamed between";
}

TEST(KnownServers, WhatCannotBeSyncedIsNotBelieved) {
  const testing::TempDir dir;
  KnownServers servers(dir.File("servers"));
  servers.Remember("a:1", "r1");
  ASSERT_TRUE(servers.Save().ok());
  servers.Remember("a:1", "r2");
  Syncs seen;
  seen.failing = "servers.new";
  syncs = &seen;
  EXPECT_EQ(servers.Save().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(KnownServers(dir.File("servers")).IsOld("a:1", "r1")) << "the last one stays";
  seen.failing = NameOfDirectory(dir.File("servers"));
  EXPECT_EQ(servers.Save().code(), absl::StatusCode::kUnavailable);
  syncs = nullptr;
  EXPECT_TRUE(servers.Save().ok());
  EXPECT_TRUE(KnownServers(dir.File("servers")).IsOld("a:1", "r2"));
}

}  // namespace
}  // namespace kindred
