#include "trainer/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <vector>

namespace kindred {
namespace {

TEST(ParallelForTest, CoversEveryIndexOnceWithTheSameBlocksAtAnyThreadCount) {
  for (const int64_t n : {0, 1, 7, 8, 9, 1000}) {
    std::set<std::pair<int64_t, int64_t>> expected;
    for (const int threads : {1, 2, 5}) {
      std::vector<std::atomic<int>> hits(n);
      std::set<std::pair<int64_t, int64_t>> blocks;
      std::mutex mutex;
      ParallelFor(n, 8, threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++hits[i];
        const std::lock_guard lock(mutex);
        blocks.emplace(begin, end);
      });
      for (const auto& count : hits) EXPECT_EQ(count, 1);
      if (threads == 1) expected = blocks;
      EXPECT_EQ(blocks, expected) << n << " indices, " << threads << " threads";
    }
  }
}

TEST(DefaultThreadsTest, IsAtLeastOne) { EXPECT_GE(DefaultThreads(), 1); }

}  // namespace
}  // namespace kindred
