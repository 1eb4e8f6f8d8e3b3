#include "core/solve/orthogonal_nnls.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/solve/nnls_problem.h"

namespace kindred::testing {
namespace {

std::vector<double> Norms(const NnlsProblem& problem) {
  std::vector<double> norms(problem.k);
  for (uint32_t j = 0; j < problem.k; ++j) {
    double sum = 0;
    for (uint32_t i = 0; i < problem.d; ++i) sum += problem.h[j * problem.d + i] * problem.h[j * problem.d + i];
    norms[j] = std::sqrt(sum);
  }
  return norms;
}

// The caller's part: rows of like size.
NnlsProblem WithUnitRows(NnlsProblem problem) {
  const std::vector<double> norms = Norms(problem);
  for (uint32_t j = 0; j < problem.k; ++j) {
    for (uint32_t i = 0; i < problem.d && norms[j] > 0; ++i) problem.h[j * problem.d + i] /= norms[j];
  }
  return problem;
}

class OrthogonalNnlsTest : public ::testing::TestWithParam<std::string_view> {};

INSTANTIATE_TEST_SUITE_P(Kinds, OrthogonalNnlsTest, ::testing::ValuesIn(kNnlsKinds), KindName);

TEST_P(OrthogonalNnlsTest, ReachesTheBruteForceResidualFromAnyStart) {
  std::mt19937_64 random(99);
  std::uniform_int_distribution<uint32_t> rows(1, 6), columns(1, 12);
  std::uniform_real_distribution<double> uniform;
  for (int i = 0; i < 100; ++i) {
    const NnlsProblem problem = WithUnitRows(RandomNnlsProblem(GetParam(), rows(random), columns(random), &random));
    const std::vector<double> norms = Norms(problem);
    const double best = BruteForceResidual(problem);
    for (const bool warm : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "problem " << i << ": " << problem.k << " x " << problem.d
                                        << (warm ? " from a random start" : " from zero"));
      std::vector<double> v(problem.k, 0.0);
      if (warm) {
        for (uint32_t j = 0; j < problem.k; ++j) {
          v[j] = norms[j] > 0 ? std::max(0.0, uniform(random) - 0.5) / norms[j] * TargetNorm(problem) : 0;
        }
      }
      const uint32_t iterations = SolveOrthogonalNnls(problem.h.data(), problem.k, problem.d, norms.data(),
                                                      problem.e.data(), /*cap=*/1000, v.data());
      EXPECT_LT(iterations, 1000u);
      EXPECT_LE(KktViolation(problem, v), 1e-12);
      EXPECT_LE(ResidualNorm(problem, v), best + std::max(1e-9 * best, 4e-14 * TermNorm(problem, v)));
    }
  }
}

TEST(OrthogonalNnlsCapTest, StopsAtTheCapWithAFeasiblePoint) {
  std::mt19937_64 random(1);
  const NnlsProblem problem = RandomNnlsProblem("nonnegative", 20, 40, &random);
  std::vector<double> v(problem.k, 0.0);
  const uint32_t iterations = SolveOrthogonalNnls(problem.h.data(), problem.k, problem.d, Norms(problem).data(),
                                                  problem.e.data(), /*cap=*/3, v.data());
  EXPECT_EQ(iterations, 3u);
  EXPECT_LT(ResidualNorm(problem, v), TargetNorm(problem));
  for (const double value : v) EXPECT_GE(value, 0);
}

TEST(ImpliedTargetTest, GivesBackTheRightHandSide) {
  std::mt19937_64 random(2);
  for (const std::string_view kind : {"gaussian", "rank-3 basis", "duplicate row", "zero row"}) {
    for (const auto& [k, d] : {std::pair{5u, 12u}, {12u, 5u}, {8u, 8u}}) {
      SCOPED_TRACE(::testing::Message() << kind << " " << k << " x " << d);
      const NnlsProblem problem = RandomNnlsProblem(kind, k, d, &random);
      const auto times = [&, k = k, d = d](const std::vector<double>& e) {
        std::vector<double> b(k);
        for (uint32_t j = 0; j < k; ++j) {
          for (uint32_t i = 0; i < d; ++i) b[j] += problem.h[j * d + i] * e[i];
        }
        return b;
      };
      const std::vector<double> b = times(problem.e);
      const std::vector<double> found = times(ImpliedTarget(problem.h.data(), k, d, b.data()));
      for (uint32_t j = 0; j < k; ++j) EXPECT_NEAR(found[j], b[j], 1e-12 * (1 + std::abs(b[j])));
    }
  }
}

}  // namespace
}  // namespace kindred::testing
