#include "trainer/evaluation/concentration.h"

#include <gtest/gtest.h>

#include <vector>

namespace kindred {
namespace {

TEST(ConcentrationTest, Gini) {
  EXPECT_EQ(Gini({}), 0);
  EXPECT_EQ(Gini(std::vector<uint64_t>{0, 0, 0}), 0);
  EXPECT_DOUBLE_EQ(Gini(std::vector<uint64_t>{5, 5, 5, 5}), 0);
  EXPECT_DOUBLE_EQ(Gini(std::vector<uint64_t>{0, 0, 0, 9}), 0.75);
  // Mean absolute difference of 1, 2, 3: 8/9; over twice the mean, 4.
  EXPECT_DOUBLE_EQ(Gini(std::vector<uint64_t>{3, 1, 2}), 8.0 / 9 / 4);
}

TEST(ConcentrationTest, WorkedByHand) {
  // 20 items; item 0 and 1 are the most popular tenth. 10 recommendations: 4 of item 0, 5 of item 7, 1 of item 9.
  std::vector<uint64_t> recommended(20), popularity(20, 1);
  recommended[0] = 4;
  recommended[7] = 5;
  recommended[9] = 1;
  popularity[0] = 50;
  popularity[1] = 40;
  popularity[7] = 10;
  const Concentration found = Concentrate(recommended, popularity, 100);
  EXPECT_DOUBLE_EQ(found.coverage, 3.0 / 20);
  EXPECT_DOUBLE_EQ(found.top_share, 0.4);
  EXPECT_DOUBLE_EQ(found.mean_popularity, (4 * 0.5 + 5 * 0.1 + 0.01) / 10);
  EXPECT_DOUBLE_EQ(found.gini, Gini(recommended));
}

TEST(ConcentrationTest, NothingRecommended) {
  const std::vector<uint64_t> none(3);
  EXPECT_EQ(Concentrate(none, none, 0).coverage, 0);
  EXPECT_EQ(Concentrate(none, none, 0).mean_popularity, 0);
}

}  // namespace
}  // namespace kindred
