#include "trainer/evaluation/value_error.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

TEST(ValueErrorTest, WorkedByHand) {
  ValueError error;
  error.Add(3.4, 3);  // rounds to 3
  error.Add(4.5, 5);  // halves away from zero: 5
  error.Add(1.0, 4);
  error.Add(-0.5, -1);
  EXPECT_EQ(error.count(), 4);
  EXPECT_NEAR(error.rmse(), std::sqrt((0.16 + 0.25 + 9 + 0.25) / 4), 1e-12);
  EXPECT_NEAR(error.mae(), (0.4 + 0.5 + 3 + 0.5) / 4, 1e-12);
  EXPECT_DOUBLE_EQ(error.accuracy(), 0.75);
}

TEST(ValueErrorTest, NothingIsZero) {
  EXPECT_EQ(ValueError().rmse(), 0);
  EXPECT_EQ(ValueError().accuracy(), 0);
}

TEST(MeanBaselinesTest, MeansAndFallback) {
  const std::vector<UserItemValue> known = {{0, 0, 5}, {0, 1, 3}, {1, 0, 1}};
  const MeanBaselines means(known, 3, 3);
  EXPECT_DOUBLE_EQ(means.global(), 3);
  EXPECT_DOUBLE_EQ(means.OfUser(0), 4);
  EXPECT_DOUBLE_EQ(means.OfUser(1), 1);
  EXPECT_DOUBLE_EQ(means.OfUser(2), 3);  // nothing known: the global mean
  EXPECT_DOUBLE_EQ(means.OfItem(0), 3);
  EXPECT_DOUBLE_EQ(means.OfItem(1), 3);
  EXPECT_DOUBLE_EQ(means.OfItem(2), 3);
}

}  // namespace
}  // namespace kindred
