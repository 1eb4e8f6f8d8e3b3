#include "trainer/reporting/split_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

TEST(SplitCheckTest, CountsWhatHasARow) {
  EventLog log;
  log.user_ids = {"a", "b", "unused"};
  log.item_ids = {"x", "y", "z", "unused"};
  log.user = {0, 0, 0, 1};
  log.item = {0, 0, 1, 2};
  log.value = {1, 3, 4, 4};
  log.time_ms = {400, 100, 200, 300};
  const SplitFigures f = CheckSplit("train", log, nullptr);
  EXPECT_EQ(f.name, "train");
  EXPECT_EQ(f.rows, 4);
  EXPECT_EQ(f.pairs, 3);
  EXPECT_EQ(f.users, 2);
  EXPECT_EQ(f.items, 3);
  EXPECT_DOUBLE_EQ(f.sparsity, 0.5);  // 1 − 3/(2·3)
  EXPECT_DOUBLE_EQ(f.mean, 3);
  EXPECT_DOUBLE_EQ(f.deviation, std::sqrt(1.5));  // (4 + 0 + 1 + 1)/4
  EXPECT_EQ(f.least, 1);
  EXPECT_EQ(f.most, 4);
  EXPECT_EQ(f.first_ms, 100);
  EXPECT_EQ(f.last_ms, 400);
  EXPECT_TRUE(std::isnan(f.known_users));

  EventLog test;
  test.user_ids = {"b", "c"};
  test.item_ids = {"z", "w", "y", "unused"};
  test.user = {0, 1, 1};
  test.item = {0, 1, 2};
  const SplitFigures g = CheckSplit("test", test, &log);
  EXPECT_DOUBLE_EQ(g.known_users, 0.5);
  EXPECT_DOUBLE_EQ(g.known_items, 2.0 / 3);
  EXPECT_FALSE(g.has_values);
  EXPECT_FALSE(g.has_times);
}

TEST(SplitCheckTest, EmptyLog) {
  const EventLog none;
  const SplitFigures f = CheckSplit("none", none, &none);
  EXPECT_EQ(f.rows, 0);
  EXPECT_EQ(f.sparsity, 0);
  EXPECT_TRUE(std::isnan(f.known_items));
}

}  // namespace
}  // namespace kindred
