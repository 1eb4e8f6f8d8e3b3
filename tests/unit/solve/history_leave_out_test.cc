#include "core/solve/history_leave_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

struct Problem {
  std::vector<float> rows;
  std::vector<double> gram;
  std::vector<HistoryRow> history;
};

Problem MakeProblem(uint32_t d, uint32_t h, double curvature, bool with_gram) {
  std::mt19937 random(d * 100 + h);
  std::normal_distribution<float> normal;
  Problem out;
  const uint32_t n = 4 * d + h;
  for (uint32_t i = 0; i < n * d; ++i) out.rows.push_back(normal(random));
  if (with_gram) {
    out.gram.assign(size_t{d} * d, 0.0);
    for (uint32_t i = 0; i < n; ++i) {
      for (uint32_t a = 0; a < d; ++a) {
        for (uint32_t b = 0; b < d; ++b) out.gram[a * d + b] += double{out.rows[i * d + a]} * out.rows[i * d + b];
      }
    }
  }
  for (uint32_t i = 0; i < h; ++i) {
    out.history.push_back({&out.rows[size_t{i} * d], curvature, 1 + curvature * (i % 3)});
  }
  return out;
}

TEST(HistoryLeaveOut, LosesWhatASolutionWithoutTheRowLacks) {
  uint32_t compared = 0;
  for (const bool with_gram : {true, false}) {
    for (uint32_t d : {1u, 3u, 16u, 40u}) {
      for (uint32_t h : {1u, 2u, 15u, 60u, 200u}) {
        for (const double curvature : {0.0, 0.5, 5.0, 1000.0}) {
          const Problem problem = MakeProblem(d, h, curvature, with_gram);
          const double lambda = 0.3;
          HistoryRidgeScratch scratch, other;
          if (!FactorHistory(problem.gram, d, lambda, problem.history, &scratch)) continue;
          const auto solver = HistoryRidgeSolver::Create(problem.gram, d, lambda);
          ASSERT_TRUE(solver.ok()) << solver.status();
          std::vector<double> with(d), without(d), loss(d);
          solver->Solve(problem.history, with, &other);
          for (uint32_t i = 0; i < h; i += 1 + h / 7) {
            std::vector<HistoryRow> left = problem.history;
            left.erase(left.begin() + i);
            solver->Solve(left, without, &other);
            if (!LossWithout(problem.history[i], d, &scratch, loss)) continue;
            double scale = 0;
            for (uint32_t j = 0; j < d; ++j) scale = std::max({scale, std::abs(with[j]), std::abs(without[j])});
            for (uint32_t j = 0; j < d; ++j) {
              ASSERT_NEAR(loss[j], with[j] - without[j], 1e-7 * scale)
                  << "d " << d << ", h " << h << ", curvature " << curvature << ", row " << i;
            }
            ++compared;
          }
        }
      }
    }
  }
  EXPECT_GT(compared, 300u) << "the formula is for the common case";
}

TEST(HistoryLeaveOut, DeclinesWhatItWouldGetWrong) {
  HistoryRidgeScratch scratch;
  // Singular, and nearly so.
  const float x[] = {1, 2};
  const std::vector<HistoryRow> one = {{x, 1.0, 1.0}};
  EXPECT_FALSE(FactorHistory({}, 2, 0.0, one, &scratch));
  EXPECT_FALSE(FactorHistory({}, 2, 1e-9, one, &scratch));
  // One row holds up what λ hardly does.
  std::vector<double> loss(2);
  const std::vector<HistoryRow> heavy = {{x, 5000.0, 1.0}};
  ASSERT_TRUE(FactorHistory({}, 2, 1.0, heavy, &scratch));
  EXPECT_FALSE(LossWithout(heavy[0], 2, &scratch, loss));
  ASSERT_TRUE(FactorHistory({}, 2, 1.0, one, &scratch));
  EXPECT_TRUE(LossWithout(one[0], 2, &scratch, loss));
  // Numbers that overflow.
  const float large[] = {3e38f, 3e38f};
  const std::vector<HistoryRow> overflow = {{large, 1e300, 1e300}};
  EXPECT_FALSE(FactorHistory({}, 2, 1.0, overflow, &scratch));
  const double nan[] = {NAN, 0, 0, 1};
  EXPECT_FALSE(FactorHistory(nan, 2, 1.0, one, &scratch));
}

TEST(HistoryLeaveOut, AllocatesNothingOnceWarm) {
  const Problem problem = MakeProblem(16, 30, 2.0, true);
  HistoryRidgeScratch scratch;
  std::vector<double> loss(16);
  for (int round = 0; round < 2; ++round) {
    const uint64_t before = testing::AllocationCount();
    ASSERT_TRUE(FactorHistory(problem.gram, 16, 1.0, problem.history, &scratch));
    ASSERT_TRUE(LossWithout(problem.history[3], 16, &scratch, loss));
    const uint64_t made = testing::AllocationCount() - before;
    EXPECT_TRUE(round == 0 || made == 0) << made;
  }
}

}  // namespace
}  // namespace kindred
