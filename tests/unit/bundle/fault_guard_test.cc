#include "core/bundle/fault_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "core/bundle/mapped_file.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

size_t CountMaps() {
  std::ifstream maps("/proc/self/maps");
  return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n'));
}

// Reads one byte of every page, in the order that `descending` says.
uint64_t ReadPages(std::span<const std::byte> bytes, bool descending = false) {
  uint64_t sum = 0;
  const size_t pages = (bytes.size() + PageSize() - 1) / PageSize();
  for (size_t p = 0; p < pages; ++p) {
    sum += std::to_integer<uint64_t>(bytes[(descending ? pages - 1 - p : p) * PageSize()]);
  }
  return sum;
}

TEST(FaultGuardTest, AFileCutShortReadsAsZerosAndSaysSo) {
  InstallFaultGuard();
  const testing::TempDir dir;
  for (const bool descending : {false, true}) {
    testing::WriteFile(dir.File("a"), std::string(64 * PageSize() + 5, '\1'));
    const auto file = MappedFile::Open(dir.File("a"));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadPages((*file)->bytes()), 65u);
    EXPECT_FALSE((*file)->faulted());
    EXPECT_TRUE((*file)->CheckUnchanged().ok());
    ASSERT_EQ(truncate(dir.File("a").c_str(), 0), 0);
    EXPECT_EQ(ReadPages((*file)->bytes(), descending), 0u);
    EXPECT_TRUE((*file)->faulted());
    EXPECT_EQ((*file)->CheckUnchanged().code(), absl::StatusCode::kDataLoss);
  }
}

// The system allows a process 65,530 maps: one for each lost page would soon be too many.
TEST(FaultGuardTest, ManyLostPagesTakeOneMap) {
  InstallFaultGuard();
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), "x");
  ASSERT_EQ(truncate(dir.File("a").c_str(), static_cast<off_t>(100'000 * PageSize())), 0);
  const auto file = MappedFile::Open(dir.File("a"));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(truncate(dir.File("a").c_str(), static_cast<off_t>(PageSize())), 0);
  const size_t before = CountMaps();
  EXPECT_EQ(ReadPages((*file)->bytes(), /*descending=*/true), 0u);
  EXPECT_LE(CountMaps(), before + 2);
  EXPECT_TRUE((*file)->faulted());
}

TEST(FaultGuardTest, ThreadsThatFaultTogetherAllGoOn) {
  InstallFaultGuard();
  const testing::TempDir dir;
  for (int round = 0; round < 20; ++round) {
    testing::WriteFile(dir.File("a"), std::string(256 * PageSize(), '\1'));
    const auto file = MappedFile::Open(dir.File("a"));
    ASSERT_TRUE(file.ok());
    ASSERT_EQ(truncate(dir.File("a").c_str(), 0), 0);
    std::latch together(8);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        together.arrive_and_wait();
        EXPECT_EQ(ReadPages((*file)->bytes(), t % 2 == 0), 0u);
        EXPECT_TRUE((*file)->faulted());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(FaultGuardTest, OtherFilesAreNotTouchedAndRangesAreUsedAgain) {
  InstallFaultGuard();
  const testing::TempDir dir;
  testing::WriteFile(dir.File("whole"), std::string(3 * PageSize(), '\1'));
  const auto whole = MappedFile::Open(dir.File("whole"));
  ASSERT_TRUE(whole.ok());
  for (int round = 0; round < 50; ++round) {
    testing::WriteFile(dir.File("a"), std::string(3 * PageSize(), '\1'));
    const auto file = MappedFile::Open(dir.File("a"));
    ASSERT_TRUE(file.ok());
    EXPECT_FALSE((*file)->faulted()) << round;
    ASSERT_EQ(truncate(dir.File("a").c_str(), 0), 0);
    EXPECT_EQ(ReadPages((*file)->bytes()), 0u);
    EXPECT_TRUE((*file)->faulted());
    EXPECT_FALSE((*whole)->faulted());
    EXPECT_EQ(ReadPages((*whole)->bytes()), 3u);
  }
}

TEST(FaultGuardDeathTest, AFaultThatIsNotOursEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const testing::TempDir dir;
  testing::WriteFile(dir.File("a"), std::string(2 * PageSize(), '\1'));
  const auto die = [&] {
    InstallFaultGuard();
    const int fd = open(dir.File("a").c_str(), O_RDWR);
    const auto* map = static_cast<const volatile char*>(mmap(nullptr, 2 * PageSize(), PROT_READ, MAP_SHARED, fd, 0));
    if (ftruncate(fd, 0) != 0) _exit(0);
    _exit(map[PageSize()]);
  };
  EXPECT_DEATH(die(), "");
}

}  // namespace
}  // namespace kindred
