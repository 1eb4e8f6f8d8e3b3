#include "trainer/families/mf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<MfResult> Fit(const SparseMatrix& r, const MfOptions& options) {
  Progress silent(Progress::Mode::kSilent);
  return BiasedMf(r, options, &silent);
}

double Predicted(const MfResult& mf, uint32_t user, uint32_t item) {
  return mf.mean + mf.user_bias(user) + mf.item_bias(item) + mf.users.row(user).dot(mf.items.row(item));
}

double Objective(const SparseMatrix& r, const MfResult& mf, const MfOptions& options) {
  double sum = options.regularization * (mf.users.squaredNorm() + mf.items.squaredNorm()) +
               options.bias_regularization * (mf.user_bias.squaredNorm() + mf.item_bias.squaredNorm());
  for (uint32_t u = 0; u < r.rows; ++u) {
    for (int64_t p = r.offsets[u]; p < r.offsets[u + 1]; ++p) {
      sum += std::pow(r.values[p] - Predicted(mf, u, r.indices[p]), 2);
    }
  }
  return sum;
}

TEST(BiasedMfTest, IsStationaryAndReportsItsObjective) {
  const SparseMatrix r = RandomSparse(50, 40, 0.3, 1);
  const MfOptions options{
      .factors = 4, .regularization = 1.5, .bias_regularization = 0.7, .iterations = 3000, .tolerance = 1e-13};
  const auto mf = Fit(r, options);
  ASSERT_TRUE(mf.ok()) << mf.status();
  const double objective = Objective(r, *mf, options);
  EXPECT_NEAR(mf->objectives.back(), objective, 1e-9 * objective);
  for (size_t i = 1; i < mf->objectives.size(); ++i) {
    EXPECT_LE(mf->objectives[i], mf->objectives[i - 1] * (1 + 1e-12)) << i;
  }
  // No small change of anything improves it.
  for (const double step : {-1e-3, 1e-3}) {
    MfResult other = *mf;
    other.users(7, 1) += step;
    EXPECT_GT(Objective(r, other, options), objective);
    other = *mf;
    other.items(3, 2) += step;
    EXPECT_GT(Objective(r, other, options), objective);
    other = *mf;
    other.user_bias(11) += step;
    EXPECT_GT(Objective(r, other, options), objective);
    other = *mf;
    other.item_bias(0) += step;
    EXPECT_GT(Objective(r, other, options), objective);
  }
}

TEST(BiasedMfTest, RecoversWhatGeneratedTheRatings) {
  // Rating = 3 + bias + bias + one factor; nine tenths are seen, the others predicted.
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  Eigen::MatrixXd full(200, 100);
  const Eigen::VectorXd bu = Eigen::VectorXd::NullaryExpr(200, [&] { return 0.5 * normal(generator); });
  const Eigen::VectorXd bi = Eigen::VectorXd::NullaryExpr(100, [&] { return 0.5 * normal(generator); });
  const Eigen::VectorXd x = Eigen::VectorXd::NullaryExpr(200, [&] { return normal(generator); });
  const Eigen::VectorXd y = Eigen::VectorXd::NullaryExpr(100, [&] { return normal(generator); });
  for (int u = 0; u < 200; ++u) {
    for (int i = 0; i < 100; ++i) full(u, i) = 3 + bu(u) + bi(i) + x(u) * y(i);
  }
  Eigen::MatrixXd seen = full;
  for (int u = 0; u < 200; ++u) {
    for (int i = 0; i < 100; ++i) {
      if ((u + i) % 10 == 0) seen(u, i) = 0;
    }
  }
  const auto mf =
      Fit(Sparse(seen),
          {.factors = 2, .regularization = 0.05, .bias_regularization = 0.05, .iterations = 200, .tolerance = 1e-7});
  ASSERT_TRUE(mf.ok()) << mf.status();
  double squared = 0, spread = 0;
  int count = 0;
  for (int u = 0; u < 200; ++u) {
    for (int i = u % 10 == 0 ? 0 : 10 - u % 10; i < 100; i += 10) {
      squared += std::pow(Predicted(*mf, u, i) - full(u, i), 2);
      spread += std::pow(full(u, i) - 3, 2);
      ++count;
    }
  }
  ASSERT_EQ(count, 2000);
  EXPECT_LT(std::sqrt(squared / spread), 0.02) << "of the ratings it never saw";
  EXPECT_LT(mf->rmse, 0.02);
}

TEST(BiasedMfTest, SameBitsForSameSeedAtAnyThreadCount) {
  const SparseMatrix r = RandomSparse(2000, 80, 0.1, 5);
  const auto one = Fit(r, {.factors = 5, .iterations = 4, .threads = 1});
  ASSERT_TRUE(one.ok()) << one.status();
  for (const int threads : {1, 2, 4}) {
    const auto other = Fit(r, {.factors = 5, .iterations = 4, .threads = threads});
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(one->items, other->items) << threads;
    EXPECT_EQ(one->users, other->users) << threads;
    EXPECT_EQ(one->objectives, other->objectives) << threads;
  }
}

TEST(BiasedMfTest, EqualRatingsAreTheMean) {
  const auto mf = Fit(Sparse(Eigen::MatrixXd::Constant(6, 5, 4.0)), {.factors = 3});
  ASSERT_TRUE(mf.ok()) << mf.status();
  EXPECT_DOUBLE_EQ(mf->mean, 4);
  for (uint32_t u = 0; u < 6; ++u) EXPECT_NEAR(Predicted(*mf, u, u % 5), 4, 1e-9);
}

TEST(BiasedMfTest, OneRatingOneUserOneItemAndEmptyRows) {
  SparseMatrix r = Sparse(Eigen::MatrixXd::Constant(1, 1, -2.0));
  auto mf = Fit(r, {.factors = 9});
  ASSERT_TRUE(mf.ok()) << mf.status();
  EXPECT_NEAR(Predicted(*mf, 0, 0), -2, 1e-9);
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(4, 5);
  x(0, 0) = 5;
  x(0, 1) = 1;
  x(2, 1) = 2;
  mf = Fit(Sparse(x), {.factors = 2});
  ASSERT_TRUE(mf.ok()) << mf.status();
  EXPECT_EQ(mf->user_bias(1), 0);
  EXPECT_TRUE(mf->users.row(3).isZero());
  EXPECT_TRUE(mf->items.row(4).isZero());
  EXPECT_NEAR(Predicted(*mf, 3, 4), 8.0 / 3, 1e-12) << "nobody and nothing known: the mean";
}

TEST(BiasedMfTest, RejectsWhatItCannotFactorize) {
  const auto message = [](const SparseMatrix& r, MfOptions options) {
    return std::string(Fit(r, options).status().message());
  };
  const SparseMatrix good = RandomSparse(5, 5, 1, 1);
  SparseMatrix nan = good;
  nan.values[7] = NAN;
  EXPECT_THAT(message(nan, {}), HasSubstr("rating nan of user row 1 and item row 2"));
  EXPECT_THAT(message(SparseMatrix(), {}), HasSubstr("there are no ratings: 0 users × 0 items"));
  EXPECT_THAT(message(good, {.factors = 0}), HasSubstr("factors is 0"));
  EXPECT_THAT(message(good, {.iterations = 0}), HasSubstr("iterations is 0"));
  EXPECT_THAT(message(good, {.regularization = 0}), HasSubstr("expected finite numbers > 0"));
  EXPECT_THAT(message(good, {.bias_regularization = NAN}), HasSubstr("expected finite numbers > 0"));
}

}  // namespace
}  // namespace kindred
