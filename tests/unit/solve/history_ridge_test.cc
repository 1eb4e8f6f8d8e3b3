#include "core/solve/history_ridge.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <random>

#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Problem {
  std::vector<float> items;
  std::vector<double> gram;
  std::vector<HistoryRow> history;
};

Problem MakeProblem(uint32_t d, uint32_t h, double largest_curvature, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Problem out;
  const uint32_t n = 3 * d + h;
  for (uint32_t i = 0; i < n * d; ++i) out.items.push_back(normal(random));
  out.gram.assign(size_t{d} * d, 0.0);
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t a = 0; a < d; ++a) {
      for (uint32_t b = 0; b < d; ++b) out.gram[a * d + b] += double{out.items[i * d + a]} * out.items[i * d + b];
    }
  }
  for (uint32_t i = 0; i < h; ++i) {
    const double curvature = largest_curvature * (i + 1) / h;
    out.history.push_back({&out.items[size_t{i} * d], curvature, 1 + curvature});
  }
  return out;
}

// The formula by another solver; with `gram` empty A is lambda·I.
Eigen::VectorXd Expected(const Problem& problem, bool with_gram, uint32_t d, double lambda) {
  RowMatrix a = lambda * RowMatrix::Identity(d, d);
  if (with_gram) a += Eigen::Map<const RowMatrix>(problem.gram.data(), d, d);
  Eigen::VectorXd b = Eigen::VectorXd::Zero(d);
  for (const HistoryRow& row : problem.history) {
    const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXf>(row.x, d).cast<double>();
    a += row.curvature * x * x.transpose();
    b += row.share * x;
  }
  return a.fullPivLu().solve(b);
}

TEST(HistoryRidgeTest, SolvesWhatTheFormulaSaysForShortAndLongHistories) {
  for (const bool with_gram : {true, false}) {
    for (uint32_t d : {1u, 2u, 7u, 33u, 64u}) {
      for (uint32_t h : {1u, 2u, 7u, 32u, 65u, 200u}) {
        for (double curvature : {1e-12, 0.5, 40.0, 1e6}) {
          const Problem problem = MakeProblem(d, h, curvature, d * 1000 + h);
          const auto solver =
              HistoryRidgeSolver::Create(with_gram ? problem.gram : std::vector<double>(), d, /*lambda=*/0.3);
          ASSERT_TRUE(solver.ok()) << solver.status();
          std::vector<double> u(d);
          HistoryRidgeScratch scratch;
          solver->Solve(problem.history, u, &scratch);
          const Eigen::VectorXd expected = Expected(problem, with_gram, d, 0.3);
          const Eigen::VectorXd found = Eigen::Map<const Eigen::VectorXd>(u.data(), d);
          EXPECT_LE((found - expected).norm(), 1e-8 * (1 + expected.norm()))
              << "gram " << with_gram << ", d " << d << ", h " << h << ", curvature " << curvature;
        }
      }
    }
  }
}

TEST(HistoryRidgeTest, DependentRowsWithoutLambdaHaveAFiniteAnswer) {
  const std::vector<float> x = {1, 2, 3, 1, 2, 3, 2, 4, 6};
  std::vector<HistoryRow> history;
  for (int i = 0; i < 3; ++i) history.push_back({&x[i * 3], 1.0, i == 2 ? 2.0 : 1.0});
  for (const bool with_gram : {true, false}) {
    std::vector<double> gram;
    if (with_gram) gram.assign(9, 0.0);
    const auto solver = HistoryRidgeSolver::Create(gram, 3, 0);
    ASSERT_TRUE(solver.ok()) << solver.status();
    std::vector<double> u(3);
    HistoryRidgeScratch scratch;
    solver->Solve(history, u, &scratch);
    for (double value : u) EXPECT_TRUE(std::isfinite(value));
    // u·x = 1 explains all three rows.
    if (with_gram) continue;
    EXPECT_NEAR(u[0] + 2 * u[1] + 3 * u[2], 1, 1e-6);
  }
}

TEST(HistoryRidgeTest, NothingGivesZeros) {
  const auto solver = HistoryRidgeSolver::Create({}, 2, 0);
  ASSERT_TRUE(solver.ok());
  std::vector<double> u = {7, 7};
  HistoryRidgeScratch scratch;
  solver->Solve({}, u, &scratch);
  EXPECT_EQ(u, std::vector<double>(2));
  const std::vector<float> zeros = {0, 0};
  const HistoryRow row = {zeros.data(), 1, 5};
  u = {7, 7};
  solver->Solve({&row, 1}, u, &scratch);
  EXPECT_EQ(u, std::vector<double>(2));
}

TEST(HistoryRidgeTest, RejectsWhatIsNoForm) {
  EXPECT_FALSE(HistoryRidgeSolver::Create({}, 0, 1).ok());
  EXPECT_FALSE(HistoryRidgeSolver::Create({}, 2, -1).ok());
  EXPECT_FALSE(HistoryRidgeSolver::Create({}, 2, std::numeric_limits<double>::infinity()).ok());
  EXPECT_FALSE(HistoryRidgeSolver::Create(std::vector<double>(3), 2, 1).ok());
}

TEST(HistoryRidgeTest, AllocatesNothingOnceWarm) {
  const Problem problem = MakeProblem(16, 40, 3, 1);
  const auto solver = HistoryRidgeSolver::Create(problem.gram, 16, 0.1);
  ASSERT_TRUE(solver.ok());
  std::vector<double> u(16);
  HistoryRidgeScratch scratch;
  const auto solve_all = [&] {
    for (size_t h = 0; h <= problem.history.size(); ++h) {
      solver->Solve(std::span(problem.history).first(h), u, &scratch);
    }
  };
  solve_all();
  const uint64_t before = testing::AllocationCount();
  solve_all();
  EXPECT_EQ(testing::AllocationCount(), before);
}

}  // namespace
}  // namespace kindred
