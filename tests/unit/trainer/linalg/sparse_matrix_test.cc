#include "trainer/linalg/sparse_matrix.h"

#include <gtest/gtest.h>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

TEST(SparseMatrixTest, TransposeOfTransposeIsTheSame) {
  const SparseMatrix a = RandomSparse(37, 23, 0.2, 1);
  const SparseMatrix t = Transpose(a);
  EXPECT_EQ(Dense(t), Eigen::MatrixXd(Dense(a).transpose()));
  const SparseMatrix back = Transpose(t);
  EXPECT_EQ(back.offsets, a.offsets);
  EXPECT_EQ(back.indices, a.indices);
  EXPECT_EQ(back.values, a.values);
}

TEST(SparseMatrixTest, ProductsMatchDenseOnes) {
  // More rows than a block, and more columns than a block of the Gram matrix.
  const SparseMatrix a = RandomSparse(300, 40, 0.1, 2);
  const DenseMatrix x = RandomDense(40, 35, 3);
  EXPECT_TRUE(Multiply(a, x, 2).isApprox(Dense(a) * x, 1e-14));
  EXPECT_TRUE(Gram(x, 2).isApprox(x.transpose() * x, 1e-14));
  EXPECT_EQ(Gram(x, 2), Eigen::MatrixXd(Gram(x, 2).transpose()));
  const Eigen::MatrixXd w = RandomDense(35, 5, 4);
  const DenseMatrix tall = RandomDense(700, 35, 5);
  EXPECT_TRUE(Rotate(tall, w, 2).isApprox(tall * w, 1e-14));
  EXPECT_NEAR(SquaredNorm(a), Dense(a).squaredNorm(), 1e-10);
}

TEST(SparseMatrixTest, SameBitsAtAnyThreadCount) {
  const SparseMatrix a = RandomSparse(1000, 50, 0.1, 6);
  const DenseMatrix x = RandomDense(50, 40, 7), tall = RandomDense(1000, 40, 8);
  for (const int threads : {2, 3, 7}) {
    EXPECT_EQ(Multiply(a, x, threads), Multiply(a, x, 1));
    EXPECT_EQ(Gram(tall, threads), Gram(tall, 1));
    EXPECT_EQ(Rotate(tall, x.leftCols(40).transpose() * x, threads), Rotate(tall, x.leftCols(40).transpose() * x, 1));
  }
}

TEST(SparseMatrixTest, EmptyRowsGiveZeros) {
  SparseMatrix a;
  a.rows = 3;
  a.cols = 2;
  a.offsets = {0, 0, 0, 0};
  EXPECT_TRUE(Multiply(a, RandomDense(2, 4, 1), 1).isZero());
  EXPECT_EQ(Transpose(a).offsets, (std::vector<int64_t>{0, 0, 0}));
}

}  // namespace
}  // namespace kindred
