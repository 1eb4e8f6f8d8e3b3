#include "core/topk/item_mask.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace kindred {
namespace {

ScanSpace SpaceOf(uint32_t n_items) {
  ScanSpace space;
  space.n_items = n_items;
  return space;
}

TEST(CountAllowedTest, CountsItemsAndTilesAndNothingPastTheEnd) {
  std::mt19937_64 rng(1);
  for (const uint32_t n : {0u, 1u, 63u, 64u, 65u, 1000u, 1024u, 5000u}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<uint64_t> allowed((n + 63) / 64);
      for (uint64_t& word : allowed) word = rng() % 3 == 0 ? 0 : rng() % 3 == 0 ? ~uint64_t{0} : rng() & rng();
      AllowedCount expected;
      for (uint32_t tile = 0; tile < allowed.size(); ++tile) {
        uint32_t items = 0;
        for (uint32_t i = tile * 64; i < n && i < tile * 64 + 64; ++i) items += allowed[tile] >> (i % 64) & 1;
        expected.items += items;
        expected.tiles += items > 0 ? 1 : 0;
      }
      const AllowedCount count = CountAllowed(SpaceOf(n), allowed, n + 1);
      ASSERT_EQ(count.items, expected.items) << n;
      ASSERT_EQ(count.tiles, expected.tiles) << n;
    }
  }
}

TEST(CountAllowedTest, StopsSoonAfterEnough) {
  const std::vector<uint64_t> all(10000, ~uint64_t{0});
  const AllowedCount count = CountAllowed(SpaceOf(640000), all, 5000);
  EXPECT_GE(count.items, 5000u);
  EXPECT_LT(count.items, 10000u);
}

TEST(ExclusionCursorTest, FindsExactlyTheListed) {
  const std::vector<uint32_t> excluded = {3, 4, 100, 0xffffffff};
  ExclusionCursor cursor(excluded);
  for (uint32_t item = 0; item < 200; ++item) {
    EXPECT_EQ(cursor.Contains(item), item == 3 || item == 4 || item == 100) << item;
  }
}

}  // namespace
}  // namespace kindred
