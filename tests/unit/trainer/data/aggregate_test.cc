#include "trainer/data/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

constexpr int64_t kDay = 86'400'000;

// User 0: item 1 three times, item 0 once; user 2: item 1 once. User 1 has nothing.
EventLog Log() {
  EventLog log;
  log.user_ids = {"a", "b", "c"};
  log.item_ids = {"x", "y"};
  log.action_ids = {"view", "buy"};
  log.user = {0, 2, 0, 0, 0};
  log.item = {1, 1, 0, 1, 1};
  log.value = {2, 7, 1, 5, 5.5};
  log.time_ms = {3 * kDay, 0, 3 * kDay, kDay, 2 * kDay};
  log.action = {0, 1, 1, 1, 0};
  return log;
}

std::vector<double> Values(const EventLog& log, Aggregation how) {
  AggregateOptions options;
  options.aggregation = how;
  return AggregateEvents(log, options).values.values;
}

TEST(AggregateEventsTest, CombinesRepeatedPairs) {
  EXPECT_THAT(Values(Log(), Aggregation::kSum), ElementsAre(1, 12.5, 7));
  EXPECT_THAT(Values(Log(), Aggregation::kMean), ElementsAre(1, DoubleEq(12.5 / 3), 7));
  EXPECT_THAT(Values(Log(), Aggregation::kCount), ElementsAre(1, 3, 1));
  EXPECT_THAT(Values(Log(), Aggregation::kMax), ElementsAre(1, 5.5, 7));
  EXPECT_THAT(Values(Log(), Aggregation::kLast), ElementsAre(1, 2, 7));
}

TEST(AggregateEventsTest, RowsAscendEmptyRowsStayAndIdsAreTheLogs) {
  const Interactions all = AggregateEvents(Log(), {});
  EXPECT_THAT(all.values.offsets, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(all.values.indices, ElementsAre(0, 1, 1));
  EXPECT_EQ(all.values.rows, 3u);
  EXPECT_EQ(all.values.cols, 2u);
  EXPECT_EQ(all.user_ids, Log().user_ids);
  EXPECT_EQ(all.item_ids, Log().item_ids);
}

TEST(AggregateEventsTest, LastWithoutTimesAndWithEqualTimesGoesByPosition) {
  EventLog log = Log();
  log.time_ms.clear();
  EXPECT_THAT(Values(log, Aggregation::kLast), ElementsAre(1, 5.5, 7));
  log.time_ms.assign(log.size(), 5);
  EXPECT_THAT(Values(log, Aggregation::kLast), ElementsAre(1, 5.5, 7));
}

TEST(AggregateEventsTest, WithoutValuesEveryRowCountsOne) {
  EventLog log = Log();
  log.value.clear();
  EXPECT_THAT(Values(log, Aggregation::kSum), ElementsAre(1, 3, 1));
}

TEST(AggregateEventsTest, ActionWeightsMultiplyAndZeroLeavesOut) {
  AggregateOptions options;
  options.action_weights = {{"buy", 3}, {"unheard of", 9}};
  EXPECT_THAT(AggregateEvents(Log(), options).values.values, ElementsAre(3, 2 + 15 + 5.5, 21));
  options.action_weights = {{"buy", 0}};
  const Interactions views = AggregateEvents(Log(), options);
  EXPECT_THAT(views.values.offsets, ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(views.values.values, ElementsAre(7.5));
}

TEST(AggregateEventsTest, WeightHalvesWithAgeToTheUsersOwnNewestRow) {
  AggregateOptions options;
  options.half_life_days = 1;
  // The user's newest is day 3: rows of days 3, 2, 1 count 1, 1/2, 1/4. User c's only row counts whole.
  EXPECT_THAT(AggregateEvents(Log(), options).values.values,
              ElementsAre(DoubleEq(1), DoubleEq(2 + 5.5 / 2 + 5.0 / 4), DoubleEq(7)));
  options.aggregation = Aggregation::kCount;
  EXPECT_THAT(AggregateEvents(Log(), options).values.values, ElementsAre(1, DoubleEq(1.75), 1));
  // A row that does not count is not the newest either.
  options.action_weights = {{"view", 0}};
  EXPECT_THAT(AggregateEvents(Log(), options).values.values, ElementsAre(1, DoubleEq(0.25), 1));
}

TEST(KeepCoreOfLogTest, CountsDistinctPairsToAFixedPoint) {
  EventLog log;
  log.user_ids = {"d", "a", "b", "c"};
  log.item_ids = {"z", "x", "y"};
  // d has z twice only; without d, z has c only; without z, c has one item only. a and b stay.
  log.user = {0, 0, 1, 1, 2, 2, 3, 3};
  log.item = {0, 0, 1, 2, 1, 2, 2, 0};
  const EventLog kept = KeepCore(log, 2, 2);
  EXPECT_THAT(kept.user_ids, ElementsAre("a", "b"));
  EXPECT_THAT(kept.item_ids, ElementsAre("x", "y"));
  EXPECT_THAT(kept.user, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(kept.item, ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(KeepCore(log, 4, 1).size(), 0u);
}

}  // namespace
}  // namespace kindred
