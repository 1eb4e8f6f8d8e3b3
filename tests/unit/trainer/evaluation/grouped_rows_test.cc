#include "trainer/evaluation/grouped_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::ElementsAre;

TEST(GroupedRowsTest, ByIdAndTime) {
  EventLog log;
  log.user_ids = {"b", "unused", "a"};
  log.item_ids = {"x", "y"};
  log.user = {0, 2, 0, 0};
  log.item = {0, 1, 1, 0};
  log.time_ms = {30, 5, 10, 30};
  const GroupedRows rows = GroupByUser(log);
  EXPECT_THAT(rows.users, ElementsAre(2, 0));
  EXPECT_THAT(rows.Rows(0), ElementsAre(1));
  EXPECT_THAT(rows.Rows(1), ElementsAre(2, 0, 3));  // equal times in input order
}

TEST(GroupedRowsTest, SampleIsSeededAndWhole) {
  EXPECT_THAT(SampleUsers(3, 0, 1), ElementsAre(0, 1, 2));
  EXPECT_THAT(SampleUsers(3, 7, 1), ElementsAre(0, 1, 2));
  EXPECT_TRUE(SampleUsers(0, 5, 1).empty());
  const auto sample = SampleUsers(1000, 100, 42);
  EXPECT_EQ(sample.size(), 100);
  EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
  EXPECT_EQ(std::adjacent_find(sample.begin(), sample.end()), sample.end());
  EXPECT_EQ(sample, SampleUsers(1000, 100, 42));
  EXPECT_NE(sample, SampleUsers(1000, 100, 43));
}

TEST(GroupedRowsTest, SampleTakesEachAlike) {
  std::vector<int> taken(10);
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    for (const uint32_t user : SampleUsers(10, 3, seed)) ++taken[user];
  }
  for (const int count : taken) EXPECT_NEAR(count, 1500, 200);  // six standard deviations
}

TEST(SplitMixTest, ReferenceValues) {
  // The first outputs for seed 1234567 (https://prng.di.unimi.it/splitmix64.c).
  SplitMix random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317U);
  EXPECT_EQ(random.Next(), 3203168211198807973U);
  EXPECT_EQ(random.Next(), 9817491932198370423U);
}

}  // namespace
}  // namespace kindred
