#include "trainer/data/interactions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::ElementsAre;

// [users × items] with the pairs given, ascending, each worth 1.
SparseMatrix Pairs(uint32_t users, uint32_t items, const std::vector<std::pair<uint32_t, uint32_t>>& pairs) {
  SparseMatrix m;
  m.rows = users;
  m.cols = items;
  size_t next = 0;
  for (uint32_t user = 0; user < users; ++user) {
    for (; next < pairs.size() && pairs[next].first == user; ++next) {
      m.indices.push_back(pairs[next].second);
      m.values.push_back(1);
    }
    m.offsets.push_back(m.nnz());
  }
  return m;
}

TEST(AggregationNameTest, NamesReadBack) {
  for (const Aggregation value :
       {Aggregation::kSum, Aggregation::kMean, Aggregation::kLast, Aggregation::kMax, Aggregation::kCount}) {
    EXPECT_EQ(*AggregationFromName(AggregationName(value)), value);
  }
  EXPECT_EQ(AggregationFromName("total").status().message(),
            "aggregation 'total', expected sum, mean, last, max or count");
}

TEST(KeepCoreTest, DropsUntilEveryoneHasEnough) {
  // d has one item only; without d, item z has one user only; without z, c has one item only. a and b stay.
  Interactions all;
  all.user_ids = {"a", "b", "c", "d"};
  all.item_ids = {"x", "y", "z"};
  all.values = Pairs(4, 3, {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {3, 2}});
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
  all.values = Pairs(1, 1, {{0, 0}});
  EXPECT_TRUE(KeepCore(all, 2, 1).user_ids.empty());
}

TEST(TransformedTest, ChangesValuesOnly) {
  SparseMatrix m = Pairs(3, 2, {{0, 0}, {0, 1}, {2, 1}});
  m.values = {1, 12.5, 7};
  EXPECT_THAT(Transformed(m, ValueTransform::kBinary).values, ElementsAre(1, 1, 1));
  EXPECT_THAT(Transformed(m, ValueTransform::kLog1p).values,
              ElementsAre(std::log1p(1), std::log1p(12.5), std::log1p(7)));
  EXPECT_EQ(Transformed(m, ValueTransform::kIdentity).values, m.values);
  EXPECT_EQ(Transformed(m, ValueTransform::kBinary).indices, m.indices);
}

}  // namespace
}  // namespace kindred
