#include "trainer/evaluation/rank_correlation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

using ::testing::ElementsAre;

TEST(RankCorrelationTest, TiesShareTheMeanOfTheirRanks) {
  EXPECT_THAT(AverageRanks(std::vector<double>{3, 1, 3, 2, 3}), ElementsAre(4, 1, 4, 2, 4));
  EXPECT_THAT(AverageRanks(std::vector<double>{}), ElementsAre());
}

struct Case {
  std::vector<double> x, y;
  double rho, p_value;
};

// scipy 1.14.1: scipy.stats.spearmanr(x, y).
TEST(RankCorrelationTest, AgreesWithScipy) {
  Case long_one{{}, {}, -0.020637898686679177, 0.8994153748586727};
  for (int i = 0; i < 40; ++i) {
    long_one.x.push_back(i);
    long_one.y.push_back(i * 17 % 40);
  }
  for (const Case& c :
       {Case{{1, 2, 3, 4, 5, 6, 7, 8}, {2, 1, 4, 3, 7, 8, 6, 5}, 0.7380952380952381, 0.03655276105286081},
        Case{{1, 2, 2, 3, 3, 3, 4, 5, 6, 7},
             {0.1, 0.3, 0.2, 0.2, 0.9, 0.5, 0.5, 0.5, 0.4, 1.0},
             0.715625,
             0.019957862362138066},
        Case{{1, 2, 3}, {1, 3, 2}, 0.5, 0.6666666666666667}, long_one}) {
    const RankCorrelation found = SpearmanCorrelation(c.x, c.y);
    EXPECT_EQ(found.pairs, c.x.size());
    EXPECT_NEAR(found.rho.value_or(NAN), c.rho, 1e-12);
    EXPECT_NEAR(found.p_value.value_or(NAN), c.p_value, 1e-10);
  }
}

TEST(RankCorrelationTest, PerfectOrders) {
  const std::vector<double> up = {1, 2, 3, 4, 5}, down = {50, 40, 30, 20, 10};
  EXPECT_DOUBLE_EQ(*SpearmanCorrelation(up, up).rho, 1);
  EXPECT_DOUBLE_EQ(*SpearmanCorrelation(up, down).rho, -1);
  EXPECT_NEAR(*SpearmanCorrelation(up, down).p_value, 0, 1e-12);
}

TEST(RankCorrelationTest, WhereNothingCanBeSaid) {
  EXPECT_FALSE(SpearmanCorrelation(std::vector<double>{1}, std::vector<double>{2}).rho);
  EXPECT_FALSE(SpearmanCorrelation(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 3}).rho);
  const RankCorrelation two = SpearmanCorrelation(std::vector<double>{1, 2}, std::vector<double>{3, 4});
  EXPECT_DOUBLE_EQ(*two.rho, 1);
  EXPECT_FALSE(two.p_value);
}

// Tables of Student's t: the two-sided 5 % points.
TEST(StudentTest, KnownQuantiles) {
  EXPECT_NEAR(StudentTwoSided(12.706204736174694, 1), 0.05, 1e-10);
  EXPECT_NEAR(StudentTwoSided(-2.2281388519649385, 10), 0.05, 1e-10);
  EXPECT_NEAR(StudentTwoSided(1.9623390808264078, 1000), 0.05, 1e-10);
  EXPECT_DOUBLE_EQ(StudentTwoSided(0, 5), 1);
}

}  // namespace
}  // namespace kindred
