#include "trainer/families/als.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Cholesky>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<AlsResult> Fit(const SparseMatrix& r, AlsOptions options) {
  Progress silent(Progress::Mode::kSilent);
  return ImplicitAls(r, options, &silent);
}

bool SameBits(const FloatMatrix& a, const FloatMatrix& b) {
  return a.data.size() == b.data.size() && std::memcmp(a.data.data(), b.data.data(), a.data.size_bytes()) == 0;
}

// The rows of x that solve the normal equations of their half of the problem against y.
DenseMatrix Exact(const SparseMatrix& r, const DenseMatrix& y, const AlsOptions& options) {
  DenseMatrix x = DenseMatrix::Zero(r.rows, y.cols());
  for (uint32_t row = 0; row < r.rows; ++row) {
    Eigen::MatrixXd a = y.transpose() * y;
    a.diagonal().array() += options.regularization;
    Eigen::VectorXd b = Eigen::VectorXd::Zero(y.cols());
    for (int64_t p = r.offsets[row]; p < r.offsets[row + 1]; ++p) {
      const Eigen::VectorXd item = y.row(r.indices[p]).transpose();
      a += options.alpha * r.values[p] * item * item.transpose();
      b += (1 + options.alpha * r.values[p]) * item;
    }
    x.row(row) = a.llt().solve(b).transpose();
  }
  return x;
}

// Σ c (p − x·y)² + λ(‖x‖² + ‖y‖²), over every user and item.
double Objective(const SparseMatrix& r, const AlsResult& als, const AlsOptions& options) {
  const DenseMatrix x = ToDenseMatrix(als.users), y = ToDenseMatrix(als.items);
  const Eigen::MatrixXd values = Dense(r), scores = x * y.transpose();
  double sum = options.regularization * (x.squaredNorm() + y.squaredNorm());
  for (int64_t i = 0; i < values.rows(); ++i) {
    for (int64_t j = 0; j < values.cols(); ++j) {
      const double wanted = values(i, j) > 0 ? 1 : 0;
      sum += (1 + options.alpha * values(i, j)) * (wanted - scores(i, j)) * (wanted - scores(i, j));
    }
  }
  return sum;
}

TEST(ImplicitAlsTest, ConvergesToTheFixedPointOfExactSolves) {
  const SparseMatrix r = RandomSparse(60, 45, 0.2, 1);
  const AlsOptions options{
      .factors = 6, .regularization = 0.5, .alpha = 2, .iterations = 400, .cg_steps = 6, .tolerance = 0};
  const auto als = Fit(r, options);
  ASSERT_TRUE(als.ok()) << als.status();
  const DenseMatrix x = ToDenseMatrix(als->users), y = ToDenseMatrix(als->items);
  EXPECT_LT((Exact(r, y, options) - x).norm(), 1e-3 * x.norm());
  EXPECT_LT((Exact(Transpose(r), x, options) - y).norm(), 1e-3 * y.norm());
}

TEST(ImplicitAlsTest, AsManyStepsAsFactorsSolveEachRowExactly) {
  // Against the users that it was given last, every item is then the exact solution, after one iteration already.
  for (const uint32_t factors : {3u, 16u, 24u, 32u, 64u}) {
    const SparseMatrix r = RandomSparse(90, 70, 0.3, 2);
    const AlsOptions options{
        .factors = factors, .regularization = 2, .alpha = 1.5, .iterations = 1, .cg_steps = 2 * factors + 8};
    const auto als = Fit(r, options);
    ASSERT_TRUE(als.ok()) << als.status();
    const DenseMatrix y = ToDenseMatrix(als->items);
    EXPECT_LT((Exact(Transpose(r), ToDenseMatrix(als->users), options) - y).norm(), 2e-4 * y.norm()) << factors;
  }
}

TEST(ImplicitAlsTest, ReportsTheObjectiveAndNeverRaisesIt) {
  const SparseMatrix r = RandomSparse(80, 60, 0.15, 3);
  const AlsOptions options{.factors = 8, .regularization = 0.3, .alpha = 3, .iterations = 40, .tolerance = 0};
  const auto als = Fit(r, options);
  ASSERT_TRUE(als.ok()) << als.status();
  ASSERT_EQ(als->objectives.size(), 40u);
  EXPECT_NEAR(als->objectives.back(), Objective(r, *als, options), 1e-4 * als->objectives.back());
  for (size_t i = 1; i < als->objectives.size(); ++i) {
    EXPECT_LE(als->objectives[i], als->objectives[i - 1] * (1 + 1e-6)) << i;
  }
  EXPECT_LT(als->objectives.back(), 0.9 * als->objectives.front());
}

TEST(ImplicitAlsTest, StopsAtTheTolerance) {
  const SparseMatrix r = RandomSparse(80, 60, 0.15, 3);
  const auto als = Fit(r, {.factors = 4, .regularization = 1, .alpha = 1, .iterations = 1000, .tolerance = 1e-3});
  ASSERT_TRUE(als.ok()) << als.status();
  EXPECT_TRUE(als->converged);
  EXPECT_LT(als->iterations, 200u);
  const double last = als->objectives.back(), before = als->objectives[als->objectives.size() - 2];
  EXPECT_LT(before - last, 1e-3 * last);
}

TEST(ImplicitAlsTest, SameBitsForSameSeedAtAnyThreadCount) {
  const SparseMatrix r = RandomSparse(700, 300, 0.1, 5);
  const auto one = Fit(r, {.factors = 10, .iterations = 4, .threads = 1});
  ASSERT_TRUE(one.ok()) << one.status();
  for (const int threads : {1, 2, 4}) {
    const auto other = Fit(r, {.factors = 10, .iterations = 4, .threads = threads});
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_TRUE(SameBits(one->items, other->items)) << threads;
    EXPECT_TRUE(SameBits(one->users, other->users)) << threads;
    EXPECT_EQ(one->objectives, other->objectives) << threads;
  }
  const auto reseeded = Fit(r, {.factors = 10, .iterations = 4, .seed = 7});
  ASSERT_TRUE(reseeded.ok());
  EXPECT_FALSE(SameBits(one->items, reseeded->items));
}

TEST(ImplicitAlsTest, OneUserOneItemAndMoreFactorsThanRank) {
  for (const auto& [users, items] : {std::pair(1u, 6u), std::pair(6u, 1u), std::pair(1u, 1u), std::pair(5u, 4u)}) {
    const SparseMatrix r = RandomSparse(users, items, 1, 6);
    const AlsOptions options{.factors = 20, .regularization = 0.001, .alpha = 10, .iterations = 50};
    const auto als = Fit(r, options);
    ASSERT_TRUE(als.ok()) << als.status();
    const DenseMatrix scores = ToDenseMatrix(als->users) * ToDenseMatrix(als->items).transpose();
    EXPECT_LT((scores.array() - 1).abs().maxCoeff(), 0.02) << users << " × " << items;
  }
}

TEST(ImplicitAlsTest, EqualValuesEverywhere) {
  const auto als = Fit(Sparse(Eigen::MatrixXd::Constant(9, 5, 2.0)), {.factors = 3, .regularization = 0.01});
  ASSERT_TRUE(als.ok()) << als.status();
  const DenseMatrix scores = ToDenseMatrix(als->users) * ToDenseMatrix(als->items).transpose();
  EXPECT_LT((scores.array() - scores(0, 0)).abs().maxCoeff(), 1e-3);
  EXPECT_NEAR(scores(0, 0), 1, 0.02);
}

TEST(ImplicitAlsTest, EmptyRowsAndStoredZerosGetZeros) {
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(6, 6);
  x.topLeftCorner(3, 3).setOnes();
  SparseMatrix r = Sparse(x);
  r.indices.push_back(5);  // the last user has a 0
  r.values.push_back(0);
  r.offsets.back() = r.nnz();
  const auto als = Fit(r, {.factors = 2});
  ASSERT_TRUE(als.ok()) << als.status();
  EXPECT_TRUE(ToDenseMatrix(als->users).bottomRows(3).isZero());
  EXPECT_TRUE(ToDenseMatrix(als->items).bottomRows(3).isZero());
  EXPECT_GT(ToDenseMatrix(als->items).topRows(3).norm(), 0.1);
}

TEST(ImplicitAlsTest, RejectsWhatItCannotFactorize) {
  const auto message = [](const SparseMatrix& r, AlsOptions options) {
    return std::string(Fit(r, options).status().message());
  };
  const SparseMatrix good = RandomSparse(5, 5, 1, 1);
  SparseMatrix negative = good, nan = good, huge = good;
  negative.values[7] = -1;
  nan.values[7] = NAN;
  huge.values[7] = 1e37;
  EXPECT_THAT(message(negative, {}), HasSubstr("value -1 of user row 1 and item row 2"));
  EXPECT_THAT(message(nan, {}), HasSubstr("value nan"));
  EXPECT_THAT(message(huge, {}), HasSubstr("too large for alpha 5"));
  EXPECT_THAT(message(RandomSparse(5, 5, 0, 1), {}), HasSubstr("every value"));
  EXPECT_THAT(message(SparseMatrix(), {}), HasSubstr("0 users × 0 items"));
  EXPECT_THAT(message(good, {.factors = 0}), HasSubstr("factors is 0"));
  EXPECT_THAT(message(good, {.iterations = 0}), HasSubstr("iterations is 0"));
  EXPECT_THAT(message(good, {.cg_steps = 0}), HasSubstr("cg_steps is 0"));
  EXPECT_THAT(message(good, {.regularization = 0}), HasSubstr("regularization is 0"));
  EXPECT_THAT(message(good, {.alpha = -1}), HasSubstr("alpha is -1"));
}

}  // namespace
}  // namespace kindred
