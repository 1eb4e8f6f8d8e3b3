#include "trainer/families/svd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/SVD>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<SvdResult> Svd(const SparseMatrix& r, SvdOptions options) {
  Progress silent(Progress::Mode::kSilent);
  return TruncatedSvd(r, options, &silent);
}

void ExpectMatchesDense(const SparseMatrix& r, uint32_t factors) {
  SCOPED_TRACE(::testing::Message() << r.rows << " × " << r.cols << ", " << factors << " factors");
  const auto svd = Svd(r, {.factors = factors, .max_iterations = 1000, .tolerance = 1e-11});
  ASSERT_TRUE(svd.ok()) << svd.status();
  const Eigen::MatrixXd dense = Dense(r);
  const Eigen::JacobiSVD<Eigen::MatrixXd> exact(dense);
  ASSERT_EQ(svd->singular_values.size(), factors);
  EXPECT_TRUE(svd->converged);
  double captured = 0;
  for (uint32_t j = 0; j < factors; ++j) {
    EXPECT_NEAR(svd->singular_values[j], exact.singularValues()(j), 1e-9 * exact.singularValues()(0)) << j;
    captured += exact.singularValues()(j) * exact.singularValues()(j);
  }
  EXPECT_TRUE((svd->items.transpose() * svd->items).isIdentity(1e-12));
  EXPECT_TRUE(svd->users.isApprox(dense * svd->items, 1e-12)) << "users are R V";
  // The best approximation of its rank, so its error is that of the singular values left out.
  const double error = std::sqrt(std::max(0.0, dense.squaredNorm() - captured));
  EXPECT_NEAR((dense - svd->users * svd->items.transpose()).norm(), error, 1e-7 * dense.norm());
  EXPECT_NEAR(svd->residual_norm, error, 1e-7 * dense.norm());
}

TEST(TruncatedSvdTest, MatchesADenseDecomposition) {
  ExpectMatchesDense(RandomSparse(60, 40, 0.2, 1), 8);
  ExpectMatchesDense(RandomSparse(40, 60, 0.2, 2), 8);
  ExpectMatchesDense(RandomSparse(30, 30, 1.0, 3), 1);
  ExpectMatchesDense(RandomSparse(300, 12, 0.3, 4), 11);
}

TEST(TruncatedSvdTest, NearlyEqualSingularValues) {
  // Vectors of values this close cannot be told apart, the values themselves can be bounded.
  Eigen::MatrixXd x = Eigen::MatrixXd::Identity(20, 30) * 3;
  x(0, 0) = 3 + 1e-6;
  const auto svd = Svd(Sparse(x), {.factors = 5});
  ASSERT_TRUE(svd.ok()) << svd.status();
  EXPECT_TRUE(svd->converged);
  for (const double value : svd->singular_values) EXPECT_NEAR(value, 3, 1.1e-6);
  EXPECT_TRUE((svd->items.transpose() * svd->items).isIdentity(1e-12));
}

TEST(TruncatedSvdTest, WideRangeOfSingularValues) {
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(40, 40);
  for (int i = 0; i < 40; ++i) x(i, (i * 7) % 40) = std::pow(10.0, 3 - 0.1 * i);
  ExpectMatchesDense(Sparse(x), 10);
}

TEST(TruncatedSvdTest, LargestComponentOfEachFactorIsPositive) {
  const auto svd = Svd(RandomSparse(50, 30, 0.3, 5), {.factors = 6});
  ASSERT_TRUE(svd.ok()) << svd.status();
  for (int64_t j = 0; j < svd->items.cols(); ++j) {
    EXPECT_EQ(svd->items.col(j).maxCoeff(), svd->items.col(j).cwiseAbs().maxCoeff());
  }
}

TEST(TruncatedSvdTest, SameBitsForSameSeedAtAnyThreadCount) {
  const SparseMatrix r = RandomSparse(600, 80, 0.1, 6);
  const auto one = Svd(r, {.factors = 20, .threads = 1});
  ASSERT_TRUE(one.ok()) << one.status();
  for (const int threads : {1, 2, 4}) {
    const auto other = Svd(r, {.factors = 20, .threads = threads});
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(one->items, other->items) << threads;
    EXPECT_EQ(one->users, other->users) << threads;
    EXPECT_EQ(one->singular_values, other->singular_values) << threads;
  }
  const auto reseeded = Svd(r, {.factors = 20, .seed = 7});
  ASSERT_TRUE(reseeded.ok());
  EXPECT_NE(one->items, reseeded->items);
  for (size_t j = 0; j < 20; ++j) EXPECT_NEAR(one->singular_values[j], reseeded->singular_values[j], 1e-5);
}

TEST(TruncatedSvdTest, TooManyFactorsAreReducedAndSaidSo) {
  const auto svd = Svd(RandomSparse(10, 7, 0.8, 8), {.factors = 50});
  ASSERT_TRUE(svd.ok()) << svd.status();
  EXPECT_EQ(svd->singular_values.size(), 6u);
  EXPECT_THAT(svd->reduced, HasSubstr("50 factors asked for, 6 taken"));
  EXPECT_THAT(svd->reduced, HasSubstr("10 users × 7 items"));
}

TEST(TruncatedSvdTest, MoreFactorsThanRankAreReducedAndSaidSo) {
  // Rank 2: every row is one of two patterns.
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(20, 15);
  for (int i = 0; i < 20; ++i) x.row(i).segment(i % 2 * 7, 7).setConstant(1 + i % 2);
  const auto svd = Svd(Sparse(x), {.factors = 9});
  ASSERT_TRUE(svd.ok()) << svd.status();
  EXPECT_EQ(svd->singular_values.size(), 2u);
  EXPECT_THAT(svd->reduced, HasSubstr("rank 2"));
  EXPECT_TRUE((svd->users * svd->items.transpose()).isApprox(x, 1e-9));
}

TEST(TruncatedSvdTest, EqualValuesEverywhereAreOneFactor) {
  const auto svd = Svd(Sparse(Eigen::MatrixXd::Constant(6, 5, 2.0)), {.factors = 3});
  ASSERT_TRUE(svd.ok()) << svd.status();
  ASSERT_EQ(svd->singular_values.size(), 1u);
  EXPECT_NEAR(svd->singular_values[0], 2 * std::sqrt(30.0), 1e-12);
}

TEST(TruncatedSvdTest, RejectsWhatCarriesNoFactors) {
  const auto message = [](const SparseMatrix& r, uint32_t factors) {
    return std::string(Svd(r, {.factors = factors}).status().message());
  };
  EXPECT_THAT(message(RandomSparse(1, 9, 1, 1), 2), HasSubstr("too small: 1 users × 9 items"));
  EXPECT_THAT(message(RandomSparse(9, 1, 1, 1), 2), HasSubstr("too small: 9 users × 1 items"));
  EXPECT_THAT(message(RandomSparse(9, 9, 0, 1), 2), HasSubstr("every value"));
  EXPECT_THAT(message(RandomSparse(9, 9, 1, 1), 0), HasSubstr("factors is 0"));
  SparseMatrix broken = RandomSparse(9, 9, 1, 1);
  broken.values[3] = NAN;
  EXPECT_THAT(message(broken, 2), HasSubstr("not finite"));
  broken.values[3] = 1e70;
  EXPECT_THAT(message(broken, 2), HasSubstr("too large"));
  for (double& value : broken.values) value = 1e-70;
  EXPECT_THAT(message(broken, 2), HasSubstr("too small (their norm is 9e-70)"));
}

TEST(TruncatedSvdTest, SaysWhenItDidNotConverge) {
  const auto svd = Svd(RandomSparse(200, 100, 0.3, 9), {.factors = 10, .max_iterations = 2});
  ASSERT_TRUE(svd.ok()) << svd.status();
  EXPECT_FALSE(svd->converged);
  EXPECT_EQ(svd->iterations, 2u);
  EXPECT_GT(svd->residual, 1e-6);
}

}  // namespace
}  // namespace kindred
