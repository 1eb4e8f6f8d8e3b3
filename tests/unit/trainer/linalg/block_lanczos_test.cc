#include "trainer/linalg/block_lanczos.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

LanczosResult Solve(const Eigen::MatrixXd& a, LanczosOptions options) {
  const auto result = LargestEigenpairs([&](const DenseMatrix& x) { return DenseMatrix(a * x); }, a.rows(), options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : LanczosResult();
}

// Symmetric with the given eigenvalues and random eigenvectors.
Eigen::MatrixXd WithEigenvalues(const Eigen::VectorXd& values, uint32_t seed) {
  DenseMatrix q = RandomDense(values.size(), values.size(), seed);
  Orthonormalize(0, 1, &q);
  return q * values.asDiagonal() * q.transpose();
}

void ExpectEigenpairs(const Eigen::MatrixXd& a, const LanczosResult& result, double tolerance) {
  const Eigen::VectorXd exact = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(a).eigenvalues().reverse();
  ASSERT_EQ(result.vectors.cols(), result.values.size());
  EXPECT_TRUE((result.vectors.transpose() * result.vectors).isIdentity(1e-11));
  for (int64_t i = 0; i < result.values.size(); ++i) {
    EXPECT_NEAR(result.values(i), exact(i), tolerance * exact(0)) << i;
    const Eigen::VectorXd v = result.vectors.col(i);
    EXPECT_LE((a * v - result.values(i) * v).norm(), result.residual * result.values(i) + 1e-12 * exact(0)) << i;
  }
}

TEST(LargestEigenpairsTest, MatchesADenseSolver) {
  const DenseMatrix x = RandomDense(300, 120, 1);
  const LanczosResult result = Solve(x * x.transpose(), {.wanted = 8, .tolerance = 1e-10});
  EXPECT_TRUE(result.converged);
  EXPECT_LE(result.residual, 1e-10);
  ExpectEigenpairs(x * x.transpose(), result, 1e-12);
}

TEST(LargestEigenpairsTest, RestartsKeepWhatWasFound) {
  // Slowly falling values take many more blocks than the basis holds.
  Eigen::VectorXd values(400);
  for (int i = 0; i < 400; ++i) values(i) = 1 - 0.001 * i;
  const Eigen::MatrixXd a = WithEigenvalues(values, 2);
  const LanczosResult result = Solve(a, {.wanted = 3, .max_iterations = 500, .tolerance = 1e-8});
  EXPECT_TRUE(result.converged);
  EXPECT_GT(result.iterations, 8u);
  ExpectEigenpairs(a, result, 1e-10);
}

TEST(LargestEigenpairsTest, FindsEveryCopyOfARepeatedValue) {
  Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(60, 1, 0);
  values.head(7).setConstant(2);
  const Eigen::MatrixXd a = WithEigenvalues(values, 3);
  const LanczosResult result = Solve(a, {.wanted = 7});
  EXPECT_TRUE(result.converged);
  ExpectEigenpairs(a, result, 1e-9);
  ExpectEigenpairs(Eigen::MatrixXd::Identity(40, 40), Solve(Eigen::MatrixXd::Identity(40, 40), {.wanted = 9}), 1e-12);
}

TEST(LargestEigenpairsTest, FewerThanWantedAreNotZero) {
  Eigen::VectorXd values = Eigen::VectorXd::Zero(50);
  values.head(3) << 5, 4, 1e-3;
  const LanczosResult result = Solve(WithEigenvalues(values, 4), {.wanted = 6});
  EXPECT_TRUE(result.converged);
  ASSERT_EQ(result.values.size(), 6);
  EXPECT_NEAR(result.values(2), 1e-3, 1e-12);
  for (int i = 3; i < 6; ++i) EXPECT_NEAR(result.values(i), 0, 1e-12);
}

TEST(LargestEigenpairsTest, AllOfASmallOperator) {
  const DenseMatrix x = RandomDense(9, 9, 5);
  const LanczosResult result = Solve(x * x.transpose(), {.wanted = 9});
  EXPECT_TRUE(result.converged);
  ExpectEigenpairs(x * x.transpose(), result, 1e-12);
}

TEST(LargestEigenpairsTest, SaysWhenItDidNotConverge) {
  const DenseMatrix x = RandomDense(300, 200, 6);
  const LanczosResult result = Solve(x * x.transpose(), {.wanted = 5, .max_iterations = 2});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.iterations, 2u);
  EXPECT_GT(result.residual, 1e-6);
}

TEST(OrthonormalizeTest, LeavesOutWhatDependsOrIsTooSmall) {
  DenseMatrix x = RandomDense(50, 6, 7);
  x.col(2) = x.col(0) + x.col(1);
  x.col(4) *= 1e-9;
  DenseMatrix all = x;
  Orthonormalize(0, 1, &all);
  EXPECT_EQ(all.cols(), 5);
  EXPECT_TRUE((all.transpose() * all).isIdentity(1e-13));
  EXPECT_LT((x - all * (all.transpose() * x)).norm(), 1e-6) << "the span is kept";
  Orthonormalize(1e-6, 1, &x);
  EXPECT_EQ(x.cols(), 4);
  DenseMatrix zero = DenseMatrix::Zero(5, 3);
  Orthonormalize(0, 1, &zero);
  EXPECT_EQ(zero.cols(), 0);
}

}  // namespace
}  // namespace kindred
