#include "core/solve/ridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <random>

#include "tests/unit/solve/allocation_counter.h"

namespace kindred::testing {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

Matrix RandomMatrix(int rows, int columns, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  return Matrix::NullaryExpr(rows, columns, [&] { return normal(random); });
}

std::span<const double> Span(const Matrix& matrix) { return {matrix.data(), static_cast<size_t>(matrix.size())}; }

Vector Solve(const RidgeSolver& solver, const Vector& b) {
  Vector u(b.size());
  solver.Solve({b.data(), static_cast<size_t>(b.size())}, {u.data(), static_cast<size_t>(u.size())});
  return u;
}

TEST(RidgeTest, SolvesTheNormalEquations) {
  for (const int d : {1, 2, 3, 7, 16, 64, 100}) {
    for (const double lambda : {0.0, 1e-3, 10.0}) {
      SCOPED_TRACE(::testing::Message() << "d " << d << ", lambda " << lambda);
      const Matrix items = RandomMatrix(3 * d, d, d);
      const Matrix gram = items.transpose() * items;
      const Vector b = items.transpose() * RandomMatrix(3 * d, 1, d + 1);
      const auto solver = RidgeSolver::Create(Span(gram), d, lambda);
      ASSERT_TRUE(solver.ok()) << solver.status();
      EXPECT_EQ(solver->shift(), 0);
      const Vector u = Solve(*solver, b);
      EXPECT_LE((gram * u + lambda * u - b).norm(), 1e-12 * (gram.norm() * u.norm() + b.norm()));
    }
  }
}

TEST(RidgeTest, MayAliasItsInput) {
  const Matrix items = RandomMatrix(30, 8, 1);
  const Matrix gram = items.transpose() * items;
  const auto solver = RidgeSolver::Create(Span(gram), 8, 0.5);
  ASSERT_TRUE(solver.ok());
  Vector b = RandomMatrix(8, 1, 2);
  const Vector expected = Solve(*solver, b);
  solver->Solve({b.data(), 8}, {b.data(), 8});
  EXPECT_EQ(b, expected);
}

TEST(RidgeTest, SolveDoesNotAllocate) {
  const Matrix items = RandomMatrix(300, 100, 1);
  const Matrix gram = items.transpose() * items;
  const auto solver = RidgeSolver::Create(Span(gram), 100, 0.5);
  ASSERT_TRUE(solver.ok());
  std::vector<double> b(100, 1.0), u(100);
  const uint64_t before = AllocationCount();
  solver->Solve(b, u);
  EXPECT_EQ(AllocationCount(), before);
}

TEST(RidgeTest, ASingularGramIsShiftedAndStillFits) {
  // Rank 3 of 10: the solution is not unique, the fit in the range is.
  const Matrix items = RandomMatrix(50, 3, 4) * RandomMatrix(3, 10, 5);
  const Matrix gram = items.transpose() * items;
  const Vector b = items.transpose() * RandomMatrix(50, 1, 6);
  const auto solver = RidgeSolver::Create(Span(gram), 10, 0);
  ASSERT_TRUE(solver.ok()) << solver.status();
  EXPECT_GT(solver->shift(), 0);
  EXPECT_LE(solver->shift(), 1e-8 * gram.trace());
  const Vector u = Solve(*solver, b);
  EXPECT_LE((gram * u - b).norm(), 1e-7 * b.norm());
  EXPECT_LE(u.norm(), 1e3);
}

TEST(RidgeTest, AZeroGramGivesZero) {
  const auto solver = RidgeSolver::Create(std::vector<double>(9), 3, 0);
  ASSERT_TRUE(solver.ok()) << solver.status();
  EXPECT_GT(solver->shift(), 0);
  std::vector<double> u(3, -1);
  solver->Solve(std::vector<double>(3), u);
  EXPECT_THAT(u, Each(0));
}

TEST(RidgeTest, RefusesWhatIsNoGramMatrix) {
  const std::vector<double> good = {1, 0, 0, 1};
  const auto message = [](const absl::StatusOr<RidgeSolver>& solver) {
    EXPECT_EQ(solver.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(solver.status().message());
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(message(RidgeSolver::Create({}, 0, 0)), HasSubstr("dimension is 0"));
  EXPECT_THAT(message(RidgeSolver::Create(good, 3, 0)), HasSubstr("4 values, expected 3 × 3"));
  EXPECT_THAT(message(RidgeSolver::Create(good, 2, -1)), HasSubstr("lambda is -1"));
  EXPECT_THAT(message(RidgeSolver::Create(good, 2, nan)), HasSubstr("lambda is nan"));
  EXPECT_THAT(message(RidgeSolver::Create(std::vector<double>{1, 0, infinity, 1}, 2, 0)), HasSubstr("row 1, column 0"));
  EXPECT_THAT(message(RidgeSolver::Create(std::vector<double>{1, 3, 3, 1}, 2, 0)),
              HasSubstr("not positive semi-definite"));
  EXPECT_THAT(message(RidgeSolver::Create(std::vector<double>{-1, 0, 0, -1}, 2, 0)),
              HasSubstr("not positive semi-definite"));
}

}  // namespace
}  // namespace kindred::testing
