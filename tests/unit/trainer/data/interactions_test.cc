#include "trainer/data/interactions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::ElementsAre;

// User 0: item 1 three times, item 0 once; user 2: item 1 once. User 1 has nothing.
std::vector<Event> Events() { return {{0, 1, 2, 30}, {2, 1, 7, 0}, {0, 0, 1, 0}, {0, 1, 5, 10}, {0, 1, 5.5, 20}}; }

TEST(AggregateTest, CombinesRepeatedPairs) {
  EXPECT_THAT(Aggregate(Events(), 3, 2, Aggregation::kSum).values, ElementsAre(1, 12.5, 7));
  EXPECT_THAT(Aggregate(Events(), 3, 2, Aggregation::kMean).values, ElementsAre(1, 12.5 / 3, 7));
  EXPECT_THAT(Aggregate(Events(), 3, 2, Aggregation::kCount).values, ElementsAre(1, 3, 1));
  EXPECT_THAT(Aggregate(Events(), 3, 2, Aggregation::kLast).values, ElementsAre(1, 2, 7));
}

TEST(AggregateTest, LastWithoutTimesGoesByPosition) {
  EXPECT_THAT(Aggregate({{0, 0, 3, 0}, {0, 0, 4, 0}}, 1, 1, Aggregation::kLast).values, ElementsAre(4));
}

TEST(AggregateTest, RowsAscendAndEmptyRowsStay) {
  const SparseMatrix m = Aggregate(Events(), 3, 2, Aggregation::kSum);
  EXPECT_THAT(m.offsets, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(m.indices, ElementsAre(0, 1, 1));
}

TEST(AggregationNameTest, NamesReadBack) {
  for (const Aggregation value : {Aggregation::kSum, Aggregation::kMean, Aggregation::kLast, Aggregation::kCount}) {
    EXPECT_EQ(*AggregationFromName(AggregationName(value)), value);
  }
  EXPECT_EQ(AggregationFromName("total").status().message(), "aggregation 'total', expected sum, mean, last or count");
}

TEST(KeepCoreTest, DropsUntilEveryoneHasEnough) {
  // d has one item only; without d, item z has one user only; without z, c has one item only. a and b stay.
  Interactions all;
  all.user_ids = {"a", "b", "c", "d"};
  all.item_ids = {"x", "y", "z"};
  all.values = Aggregate({{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {3, 2}}, 4, 3, Aggregation::kSum);
  const Interactions kept = KeepCore(all, 2, 2);
  EXPECT_THAT(kept.user_ids, ElementsAre("a", "b"));
  EXPECT_THAT(kept.item_ids, ElementsAre("x", "y"));
  EXPECT_THAT(kept.values.offsets, ElementsAre(0, 2, 4));
  EXPECT_THAT(kept.values.indices, ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(kept.values.rows, 2u);
  EXPECT_EQ(kept.values.cols, 2u);
}

TEST(KeepCoreTest, NobodyMayBeLeft) {
  Interactions all;
  all.user_ids = {"a"};
  all.item_ids = {"x"};
  all.values = Aggregate({{0, 0}}, 1, 1, Aggregation::kSum);
  EXPECT_TRUE(KeepCore(all, 2, 1).user_ids.empty());
}

TEST(TransformedTest, ChangesValuesOnly) {
  const SparseMatrix m = Aggregate(Events(), 3, 2, Aggregation::kSum);
  EXPECT_THAT(Transformed(m, ValueTransform::kBinary).values, ElementsAre(1, 1, 1));
  EXPECT_THAT(Transformed(m, ValueTransform::kLog1p).values,
              ElementsAre(std::log1p(1), std::log1p(12.5), std::log1p(7)));
  EXPECT_EQ(Transformed(m, ValueTransform::kIdentity).values, m.values);
  EXPECT_EQ(Transformed(m, ValueTransform::kBinary).indices, m.indices);
}

}  // namespace
}  // namespace kindred
