#include "trainer/evaluation/list_change.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

using List = std::vector<std::string_view>;

TEST(ListChangeTest, TheSameListDidNotChange) {
  for (const List& list : {List{"a"}, List{"a", "b", "c"}}) {
    const auto change = CompareLists(list, list);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->overlap, 1);
    EXPECT_EQ(change->rank_change, 0);
    EXPECT_EQ(change->spearman, 1);
  }
}

TEST(ListChangeTest, PlacesMovedAndItemsThatLeft) {
  // a 1 → 2, b 2 → 1, c 3 → away, the fourth place.
  const auto change = CompareLists(List{"a", "b", "c"}, List{"b", "a", "d"});
  ASSERT_TRUE(change);
  EXPECT_DOUBLE_EQ(change->overlap, 2.0 / 3);
  EXPECT_DOUBLE_EQ(change->rank_change, 1);
  // Ranks (1, 2, 3, 4) against (2, 1, 4, 3) of a, b, c, d.
  EXPECT_DOUBLE_EQ(change->spearman, 0.6);
}

TEST(ListChangeTest, Reversed) {
  EXPECT_DOUBLE_EQ(CompareLists(List{"a", "b", "c"}, List{"c", "b", "a"})->spearman, -1);
}

TEST(ListChangeTest, EverythingLeft) {
  const auto change = CompareLists(List{"a", "b"}, List{});
  ASSERT_TRUE(change);
  EXPECT_EQ(change->overlap, 0);
  EXPECT_DOUBLE_EQ(change->rank_change, 1.5);  // to the third place from 1 and 2
  EXPECT_FALSE(CompareLists(List{}, List{"a"}));
}

TEST(ListChangeTest, MeansOverLists) {
  ListChangeMean mean;
  mean.Add({1, 0, 1});
  mean.Add({0.5, 3, -1});
  EXPECT_EQ(mean.lists(), 2);
  EXPECT_DOUBLE_EQ(mean.mean().overlap, 0.75);
  EXPECT_DOUBLE_EQ(mean.mean().rank_change, 1.5);
  EXPECT_DOUBLE_EQ(mean.mean().spearman, 0);
}

}  // namespace
}  // namespace kindred
