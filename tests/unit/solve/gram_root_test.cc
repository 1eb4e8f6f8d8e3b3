#include "core/solve/gram_root.h"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <random>

namespace kindred {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

RowMatrix RandomMatrix(int rows, int columns, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  return RowMatrix::NullaryExpr(rows, columns, [&] { return normal(random); });
}

TEST(GramRootTest, RevealsTheRankAndReproducesTheMatrix) {
  for (const int k : {1, 2, 5, 16, 40}) {
    for (const int rank : {1, 3, 16, 60}) {
      SCOPED_TRACE(::testing::Message() << "k " << k << ", rank " << rank);
      const RowMatrix h = RandomMatrix(k, rank, k * 100 + rank);
      const RowMatrix gram = h * h.transpose();
      const GramRoot root = ComputeGramRoot(gram.data(), k);
      EXPECT_EQ(root.rank, static_cast<uint32_t>(std::min(k, rank)));
      ASSERT_EQ(root.rows.size(), size_t{root.rank} * k);
      const Eigen::Map<const RowMatrix> m(root.rows.data(), k, root.rank);
      EXPECT_LE((m * m.transpose() - gram).cwiseAbs().maxCoeff(), 1e-13 * gram.cwiseAbs().maxCoeff());
      EXPECT_LE(root.error, 1e-13);
    }
  }
}

TEST(GramRootTest, AZeroMatrixHasRankZero) {
  const RowMatrix zero = RowMatrix::Zero(4, 4);
  const GramRoot root = ComputeGramRoot(zero.data(), 4);
  EXPECT_EQ(root.rank, 0u);
  EXPECT_TRUE(root.rows.empty());
  EXPECT_EQ(root.error, 0);
}

// Eigen's LDLT chose its pivots by the diagonal of the input, saw rank 1 here and was off by half.
TEST(GramRootTest, DuplicateRowsBeforeIndependentOnes) {
  RowMatrix h = RandomMatrix(6, 4, 3);
  h.row(1) = h.row(0) * 2;
  h.row(2) = h.row(0) * 3;
  const RowMatrix gram = h * h.transpose();
  const GramRoot root = ComputeGramRoot(gram.data(), 6);
  EXPECT_EQ(root.rank, 4u);
  EXPECT_LE(root.error, 1e-13);
}

TEST(GramRootTest, AnIndefiniteMatrixShowsInTheError) {
  const double indefinite[] = {1, 2, 2, 1};
  EXPECT_GT(ComputeGramRoot(indefinite, 2).error, 0.5);
}

}  // namespace
}  // namespace kindred
