#include "trainer/families/item_cosine.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

class ItemCosineTest : public ::testing::Test {
 protected:
  Eigen::MatrixXd Run(const SparseMatrix& values, const ItemCosineOptions& options) {
    return Dense(ItemCosine(values, options, &silent_));
  }
  Progress silent_{Progress::Mode::kSilent};
};

TEST_F(ItemCosineTest, MatchesTheDefinition) {
  const SparseMatrix values = RandomSparse(50, 20, 0.2, 1);
  Eigen::MatrixXd r = Dense(values);
  for (int64_t u = 0; u < r.rows(); ++u) {
    const auto n = static_cast<double>((r.row(u).array() != 0).count());
    if (n > 0) r.row(u) *= std::pow(n, -0.7);
  }
  const Eigen::MatrixXd s =
      Run(values, {.neighbors = 0, .shrinkage = 2, .asymmetry = 0.7, .user_damping = 0.7, .threads = 2});
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < 20; ++j) {
      const double ni = r.col(i).norm(), nj = r.col(j).norm();
      const double expected = i == j ? 0 : r.col(i).dot(r.col(j)) / (std::pow(ni, 1.4) * std::pow(nj, 0.6) + 2);
      EXPECT_NEAR(s(i, j), expected, 1e-12) << i << " " << j;
    }
  }
}

TEST_F(ItemCosineTest, HeavyUsersAreCapped) {
  // One user of everything, whose first two items are worth most; two users of a pair.
  Eigen::MatrixXd r = Eigen::MatrixXd::Zero(3, 5);
  r.row(0) << 5, 4, 1, 1, 1;
  r(1, 2) = r(1, 3) = 1;
  r(2, 2) = r(2, 3) = 1;
  const Eigen::MatrixXd all = Run(Sparse(r), {}), capped = Run(Sparse(r), {.max_user_items = 2});
  EXPECT_GT(all(3, 4), 0);
  EXPECT_EQ(capped(3, 4), 0);
  EXPECT_NEAR(capped(0, 1), 1, 1e-15);
  EXPECT_NEAR(capped(2, 3), 1, 1e-15);
}

TEST_F(ItemCosineTest, KeepsSoManyNeighbours) {
  const SparseMatrix top = ItemCosine(RandomSparse(60, 30, 0.3, 2), {.neighbors = 4}, &silent_);
  for (uint32_t i = 0; i < top.rows; ++i) EXPECT_EQ(top.RowIndices(i).size(), 4u);
}

TEST_F(ItemCosineTest, ShrinkageDoubtsRarePairs) {
  // Items 0 and 1 have one user in common, 2 and 3 have ten; both pairs are always together.
  Eigen::MatrixXd r = Eigen::MatrixXd::Zero(11, 4);
  r(0, 0) = r(0, 1) = 1;
  for (int u = 1; u < 11; ++u) r(u, 2) = r(u, 3) = 1;
  EXPECT_NEAR(Run(Sparse(r), {})(0, 1), Run(Sparse(r), {})(2, 3), 1e-15);
  const Eigen::MatrixXd shrunk = Run(Sparse(r), {.shrinkage = 5});
  EXPECT_NEAR(shrunk(0, 1), 1.0 / 6, 1e-15);
  EXPECT_NEAR(shrunk(2, 3), 10.0 / 15, 1e-15);
}

TEST_F(ItemCosineTest, OneItemOneUserAndItemsThatNobodyTouched) {
  EXPECT_TRUE(Run(Sparse(Eigen::MatrixXd::Ones(3, 1)), {}).isZero(0));
  EXPECT_NEAR(Run(Sparse(Eigen::MatrixXd::Ones(1, 2)), {})(0, 1), 1, 1e-15);
  Eigen::MatrixXd r = Eigen::MatrixXd::Zero(2, 3);
  r.leftCols(2).setOnes();
  const Eigen::MatrixXd s = Run(Sparse(r), {.shrinkage = 1, .asymmetry = 1, .user_damping = 1});
  EXPECT_TRUE(s.col(2).isZero(0) && s.row(2).isZero(0));
  EXPECT_GT(s(0, 1), 0);
}

}  // namespace
}  // namespace kindred
