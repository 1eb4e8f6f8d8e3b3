#include "trainer/families/nmf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<NmfResult> Factorize(const SparseMatrix& r, NmfOptions options) {
  Progress silent(Progress::Mode::kSilent);
  return Nmf(r, options, &silent);
}

// The largest projected gradient of the objective in both factors, relative to ‖R‖ times the factor's norm.
double KktViolation(const SparseMatrix& r, const NmfResult& nmf, double alpha) {
  const Eigen::MatrixXd x = Dense(r), residual = nmf.users * nmf.items.transpose() - x;
  const Eigen::MatrixXd gw = residual * nmf.items + alpha * nmf.users;
  const Eigen::MatrixXd gh = residual.transpose() * nmf.users + alpha * nmf.items;
  double worst = 0;
  const auto visit = [&](const Eigen::MatrixXd& g, const DenseMatrix& f) {
    for (int64_t i = 0; i < f.rows(); ++i) {
      for (int64_t j = 0; j < f.cols(); ++j) {
        worst = std::max(worst, std::abs(f(i, j) > 0 ? g(i, j) : std::min(0.0, g(i, j))));
      }
    }
  };
  visit(gw, nmf.users);
  visit(gh, nmf.items);
  return worst / (x.norm() * std::max(nmf.users.norm(), nmf.items.norm()));
}

TEST(NmfTest, RecoversAMatrixOfItsRank) {
  // Parts that overlap little are recovered exactly.
  Eigen::MatrixXd w = Eigen::MatrixXd::Zero(60, 4), h = Eigen::MatrixXd::Zero(4, 40);
  for (int i = 0; i < 60; ++i) w(i, i % 4) = 1 + i % 7;
  for (int j = 0; j < 40; ++j) h(j / 10, j) = 1 + j % 5;
  const SparseMatrix r = Sparse(w * h);
  const auto nmf = Factorize(r, {.factors = 4, .max_iterations = 500, .tolerance = 1e-12});
  ASSERT_TRUE(nmf.ok()) << nmf.status();
  EXPECT_LT(nmf->error, 1e-6 * Dense(r).norm());
  EXPECT_TRUE((nmf->users * nmf->items.transpose()).isApprox(Dense(r), 1e-6));
}

TEST(NmfTest, ErrorAndObjectiveAreWhatADenseSumSays) {
  const SparseMatrix r = RandomSparse(50, 30, 0.2, 1);
  for (const double alpha : {0.5, 0.0}) {
    const auto nmf = Factorize(r, {.factors = 5, .max_iterations = 60, .alpha = alpha});
    ASSERT_TRUE(nmf.ok()) << nmf.status();
    EXPECT_GE(nmf->users.minCoeff(), 0);
    EXPECT_GE(nmf->items.minCoeff(), 0);
    const double error = (Dense(r) - nmf->users * nmf->items.transpose()).norm();
    EXPECT_NEAR(nmf->error, error, 1e-9 * error);
    if (alpha == 0) continue;  // scaled to unit items, which ‖W‖² + ‖H‖² does not survive
    const double penalty = alpha * (nmf->users.squaredNorm() + nmf->items.squaredNorm());
    EXPECT_NEAR(nmf->objective, error * error + penalty, 1e-9 * nmf->objective);
  }
}

TEST(NmfTest, ArrivesAtAStationaryPoint) {
  const SparseMatrix r = RandomSparse(40, 30, 0.3, 2);
  for (const double alpha : {0.0, 1.0}) {
    const auto nmf = Factorize(r, {.factors = 4, .max_iterations = 5000, .tolerance = 1e-7, .alpha = alpha});
    ASSERT_TRUE(nmf.ok()) << nmf.status();
    EXPECT_TRUE(nmf->converged);
    EXPECT_LT(KktViolation(r, *nmf, alpha), 1e-6) << alpha;
  }
}

TEST(NmfTest, ObjectiveNeverRises) {
  const auto nmf = Factorize(RandomSparse(80, 60, 0.2, 3), {.factors = 8, .max_iterations = 100, .alpha = 0.1});
  ASSERT_TRUE(nmf.ok()) << nmf.status();
  ASSERT_GT(nmf->objectives.size(), 10u);
  for (size_t i = 1; i < nmf->objectives.size(); ++i) EXPECT_LE(nmf->objectives[i], nmf->objectives[i - 1]) << i;
  EXPECT_LE(nmf->objective, nmf->objectives.back() * (1 + 1e-12));
}

TEST(NmfTest, ItemsHaveUnitNormWithoutRegularization) {
  const auto nmf = Factorize(RandomSparse(40, 30, 0.3, 4), {.factors = 5});
  ASSERT_TRUE(nmf.ok()) << nmf.status();
  for (int64_t j = 0; j < nmf->items.cols(); ++j) EXPECT_NEAR(nmf->items.col(j).norm(), 1, 1e-12);
}

TEST(NmfTest, SameBitsForSameSeedAtAnyThreadCount) {
  const SparseMatrix r = RandomSparse(600, 80, 0.1, 5);
  const auto one = Factorize(r, {.factors = 10, .max_iterations = 30, .threads = 1});
  ASSERT_TRUE(one.ok()) << one.status();
  for (const int threads : {1, 2, 4}) {
    const auto other = Factorize(r, {.factors = 10, .max_iterations = 30, .threads = threads});
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(one->items, other->items) << threads;
    EXPECT_EQ(one->users, other->users) << threads;
  }
}

TEST(NmfTest, OneUserOneItemAndTooManyFactors) {
  const auto one_user = Factorize(RandomSparse(1, 6, 1, 6), {.factors = 3});
  ASSERT_TRUE(one_user.ok()) << one_user.status();
  EXPECT_EQ(one_user->users.cols(), 1);
  EXPECT_LT(one_user->error, 1e-6);
  EXPECT_THAT(one_user->reduced, HasSubstr("3 factors asked for, 1 taken"));
  const auto one_item = Factorize(RandomSparse(6, 1, 1, 6), {.factors = 1});
  ASSERT_TRUE(one_item.ok()) << one_item.status();
  EXPECT_LT(one_item->error, 1e-6);
  const auto both = Factorize(RandomSparse(1, 1, 1, 6), {.factors = 1});
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_LT(both->error, 1e-6);
}

TEST(NmfTest, EqualValuesEverywhere) {
  const auto nmf = Factorize(Sparse(Eigen::MatrixXd::Constant(6, 5, 2.0)), {.factors = 3});
  ASSERT_TRUE(nmf.ok()) << nmf.status();
  EXPECT_LT(nmf->error, 1e-6);
  EXPECT_LE(nmf->users.cols(), 3);
}

TEST(NmfTest, EmptyRowsGetZeros) {
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(6, 6);
  x.topLeftCorner(3, 3).setOnes();
  const auto nmf = Factorize(Sparse(x), {.factors = 2});
  ASSERT_TRUE(nmf.ok()) << nmf.status();
  EXPECT_TRUE(nmf->users.bottomRows(3).isZero());
  EXPECT_TRUE(nmf->items.bottomRows(3).isZero());
}

TEST(NmfTest, RejectsWhatItCannotFactorize) {
  const auto message = [](const SparseMatrix& r, NmfOptions options) {
    return std::string(Factorize(r, options).status().message());
  };
  const SparseMatrix good = RandomSparse(5, 5, 1, 1);
  SparseMatrix negative = good, nan = good;
  negative.values[7] = -1;
  nan.values[7] = NAN;
  EXPECT_THAT(message(negative, {}), HasSubstr("value -1 of user row 1 and item row 2"));
  EXPECT_THAT(message(nan, {}), HasSubstr("value nan"));
  EXPECT_THAT(message(RandomSparse(5, 5, 0, 1), {}), HasSubstr("every value"));
  EXPECT_THAT(message(SparseMatrix(), {}), HasSubstr("0 users × 0 items"));
  EXPECT_THAT(message(good, {.factors = 0}), HasSubstr("factors is 0"));
  EXPECT_THAT(message(good, {.alpha = -1}), HasSubstr("alpha is -1"));
  EXPECT_THAT(message(good, {.factors = 2, .alpha = 1e9}), HasSubstr("alpha 1e+09 is so large"));
}

}  // namespace
}  // namespace kindred
