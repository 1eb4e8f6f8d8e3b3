#include "core/lifecycle/memory_room.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/engine/index_copies.h"
#include "core/engine/model.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// Files below a root in the place of the machine's.
class MemoryRoomTest : public ::testing::Test {
 protected:
  MemoryRoomTest() {
    Put("proc/meminfo", "MemTotal:       16384000 kB\nMemAvailable:    2048000 kB\n");
    Put("proc/self/status", "Name:\tkindred\nRssAnon:\t   10240 kB\nRssFile:\t   20480 kB\nRssShmem:\t    1024 kB\n");
  }
  void Put(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(root_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    testing::WriteFile(path.string(), text);
  }
  MemoryRoom Read() const { return ReadMemoryRoom(root_.path()); }

  const testing::TempDir root_;
};

TEST_F(MemoryRoomTest, WithoutCgroupsTheMachineIsTheBound) {
  const MemoryRoom room = Read();
  EXPECT_EQ(room.available, 2000 * kMiB);
  EXPECT_EQ(room.bound, "machine");
  EXPECT_EQ(room.resident, 11 * kMiB);
  EXPECT_EQ(room.mapped, 20 * kMiB);
}

TEST_F(MemoryRoomTest, TheTightestCgroupOfVersion2IsTheBoundAndFileCacheIsFree) {
  Put("proc/self/cgroup", "0::/kindred/server\n");
  Put("sys/fs/cgroup/kindred/server/memory.max", "max\n");
  Put("sys/fs/cgroup/kindred/server/memory.current", "0\n");
  Put("sys/fs/cgroup/kindred/memory.max", "536870912\n");
  Put("sys/fs/cgroup/kindred/memory.current", "314572800\n");
  Put("sys/fs/cgroup/kindred/memory.stat",
      "anon 1\nfile 5\ninactive_file_x 9\ninactive_file 104857600\nactive_file 52428800\nslab_reclaimable 1048576\n");
  const MemoryRoom room = Read();
  EXPECT_EQ(room.available, (512 - (300 - 100 - 50 - 1)) * kMiB);
  EXPECT_EQ(room.bound, "cgroup limit /kindred");
}

TEST_F(MemoryRoomTest, AThrottleBoundsAsALimitDoes) {
  Put("proc/self/cgroup", "0::/a\n");
  Put("sys/fs/cgroup/a/memory.max", "1073741824\n");
  Put("sys/fs/cgroup/a/memory.high", "104857600\n");
  Put("sys/fs/cgroup/a/memory.current", "209715200\n");
  EXPECT_EQ(Read().available, 0u);  // used beyond it
  EXPECT_EQ(Read().bound, "cgroup limit /a");
}

TEST_F(MemoryRoomTest, AContainerSeesItsCgroupAtTheMount) {
  Put("proc/self/cgroup", "7:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n");
  Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
  Put("sys/fs/cgroup/memory/memory.usage_in_bytes", "134217728\n");
  Put("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 33554432\ntotal_active_file 0\n");
  const MemoryRoom room = Read();
  EXPECT_EQ(room.available, (256 - 96) * kMiB);
  EXPECT_EQ(room.bound, "cgroup limit /");
}

TEST_F(MemoryRoomTest, BesideVersion1TheUnifiedHierarchyIsReadToo) {
  Put("proc/self/cgroup", "4:memory:/v1\n0::/v2\n");
  Put("sys/fs/cgroup/memory/v1/memory.limit_in_bytes", "9223372036854771712\n");
  Put("sys/fs/cgroup/memory/v1/memory.usage_in_bytes", "1\n");
  Put("sys/fs/cgroup/unified/v2/memory.max", "1048576\n");
  Put("sys/fs/cgroup/unified/v2/memory.current", "0\n");
  EXPECT_EQ(Read().available, kMiB);
  EXPECT_EQ(Read().bound, "cgroup limit /v2");
}

TEST_F(MemoryRoomTest, WhatMakesNoSenseBoundsNothing) {
  Put("proc/meminfo", "MemAvailable: lots\nMemAvailable\n");
  Put("proc/self/status", "RssAnon:\nRssFile: -1 kB\n");
  Put("proc/self/cgroup", "x\n::\n0::/a/../../b\n4:memory:\n\n");
  Put("sys/fs/cgroup/memory.max", "");
  Put("sys/fs/cgroup/memory.current", "99999999999999999999999999\n");
  Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "-5");
  const MemoryRoom room = Read();
  EXPECT_EQ(room.available, UINT64_MAX);
  EXPECT_EQ(room.bound, "nothing");
  EXPECT_EQ(room.resident, 0u);
  const testing::TempDir empty;
  EXPECT_EQ(ReadMemoryRoom(empty.path()).available, UINT64_MAX);
}

TEST_F(MemoryRoomTest, ThisMachineHasSomeRoom) {
  const MemoryRoom room = ReadMemoryRoom();
  EXPECT_GT(room.available, kMiB);
  EXPECT_LT(room.available, UINT64_MAX);
  EXPECT_GT(room.resident, 100'000u);
  EXPECT_GT(room.mapped, 100'000u);
}

// What is made at load is about what the estimate says.
void ExpectEstimate(const testing::BundleBuilder& builder) {
  const testing::TempDir folder;
  const std::string path = folder.File("bundle.safetensors");
  ASSERT_TRUE(builder.WriteSealed(path).ok());
  const auto model = Model::Load(path);
  ASSERT_TRUE(model.ok()) << model.status();
  uint64_t derived = 0;
  for (const std::string& name : (*model)->cost().derived)
    derived += FindTensor((*model)->tensors(), name)->bytes.size();
  const uint64_t estimate = BytesMadeAtLoad((*model)->info(), LoadMode::kMap);
  uint64_t copied = 0;
  for (const TensorEntry& tensor : (*model)->info().header.tensors) {
    if (IsCopiedIndex(tensor.name)) copied += tensor.end - tensor.begin;
  }
  EXPECT_GE(estimate, derived + copied);
  EXPECT_LE(estimate, 2 * derived + copied + 16 * 1024);
  EXPECT_EQ(BytesMadeAtLoad((*model)->info(), LoadMode::kCopy), estimate + (*model)->info().file_size);
}

TEST(BytesMadeAtLoadTest, PartsThatABundleLacksAreCounted) {
  ExpectEstimate(testing::BundleBuilder({.n_items = 5000, .n_users = 900, .dim = 33}));
  ExpectEstimate(testing::BundleBuilder({.n_items = 70, .n_users = 0, .n_categories = 0, .dim = 100}));
}

TEST(BytesMadeAtLoadTest, CopiesOfIndicesAreCounted) {
  const testing::TempDir folder;
  const std::string path = folder.File("bundle.safetensors");
  testing::BundleBuilder builder;
  builder.AddEveryTensor();
  ASSERT_TRUE(builder.WriteSealed(path).ok());
  absl::StatusOr<BundleInfo> info = InspectBundle(path);
  ASSERT_TRUE(info.ok()) << info.status();
  uint64_t copied = 0;
  const uint64_t whole = BytesMadeAtLoad(*info, LoadMode::kMap);
  for (TensorEntry& tensor : info->header.tensors) {
    if (!IsCopiedIndex(tensor.name)) continue;
    copied += tensor.end - tensor.begin;
    tensor.end = tensor.begin;
  }
  EXPECT_GE(copied, 8 * 71 + 4 * 70u);  // offsets of categories and the popularity order alone
  EXPECT_EQ(whole - BytesMadeAtLoad(*info, LoadMode::kMap), copied);
}

}  // namespace
}  // namespace kindred
