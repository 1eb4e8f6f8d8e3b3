#include "server/profiles/time_to_live.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace kindred {
namespace {

TEST(TimeToLive, IsSpreadByTenPercent) {
  const std::chrono::milliseconds ttl(1'000'000);
  uint64_t state = 0;
  std::set<int64_t> tenths;
  for (int i = 0; i < 1000; ++i) {
    const auto spread = SpreadTimeToLive(ttl, &state);
    EXPECT_GE(spread.count(), 900'000);
    EXPECT_LE(spread.count(), 1'100'000);
    tenths.insert(spread.count() / 20'000);
  }
  EXPECT_GE(tenths.size(), 10u);
  EXPECT_GE(SpreadTimeToLive(std::chrono::milliseconds(1), &state).count(), 1);
}

TEST(ExtensionFilter, ExtendsWhatHasLessThanHalfLeftOnceInAWhile) {
  const std::chrono::milliseconds ttl(8000);
  ExtensionFilter filter;
  constexpr int64_t kNow = 1'000'000'000;
  EXPECT_FALSE(filter.ShouldExtend("u", kNow - 4000, kNow, ttl));
  EXPECT_TRUE(filter.ShouldExtend("u", kNow - 4001, kNow, ttl));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(filter.ShouldExtend("u", kNow - 4001, kNow + i, ttl));
  EXPECT_TRUE(filter.ShouldExtend("v", kNow - 5000, kNow, ttl));
  EXPECT_TRUE(filter.ShouldExtend("u", kNow - 5000, kNow + 1000, ttl));
}

}  // namespace
}  // namespace kindred
