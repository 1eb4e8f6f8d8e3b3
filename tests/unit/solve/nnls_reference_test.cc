// NnlsSolver against answers of scipy.optimize.nnls on fixed problems.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/solve/nnls.h"
#include "tests/unit/solve/nnls_problem.h"

namespace kindred::testing {
namespace {

void ExpectReferenceResiduals(const std::vector<NnlsProblem>& problems) {
  NnlsScratch scratch;
  for (size_t i = 0; i < problems.size(); ++i) {
    const NnlsProblem& problem = problems[i];
    SCOPED_TRACE(::testing::Message() << "case " << i << ": " << problem.kind << " " << problem.k << " x "
                                      << problem.d);
    const auto solver = NnlsSolver::FromBasis(problem.h, problem.k, problem.d);
    ASSERT_TRUE(solver.ok()) << solver.status();
    std::vector<double> w(problem.k, -1);
    const NnlsResult result = solver->Solve(problem.e, w, &scratch);

    EXPECT_TRUE(result.converged);
    EXPECT_LE(KktViolation(problem, w), 1e-12);
    // Relative to the residual where there is one; in the cone there is only rounding, judged against ‖e‖. Where a file
    // keeps fewer digits of H and e than the reference had, its own w no longer gives its residual: that much is
    // granted too, but never to be worse than that w is here.
    const double reference = ResidualNorm(problem, problem.w);
    const double rounding = 1e-13 * TargetNorm(problem);
    const double tolerance = std::max(1e-9 * problem.residual, rounding) + std::abs(reference - problem.residual);
    EXPECT_LE(ResidualNorm(problem, w), reference + std::max(1e-12 * reference, rounding));
    EXPECT_NEAR(ResidualNorm(problem, w), problem.residual, tolerance);
    EXPECT_NEAR(result.residual_norm, problem.residual, tolerance);
  }
}

TEST(NnlsReferenceTest, EveryKindOfTheSmallCases) {
  const auto problems = ReadNnlsProblems(KINDRED_TEST_DATA "/nnls/cases.json");
  ASSERT_TRUE(problems.ok()) << problems.status();
  std::set<std::string> kinds;
  for (const NnlsProblem& problem : *problems) kinds.insert(problem.kind);
  EXPECT_EQ(kinds.size(), 11u);
  ExpectReferenceResiduals(*problems);
}

TEST(NnlsReferenceTest, AllSharedCases) {
  const std::string path = KINDRED_SHARED_DATA "/reference/nnls_cases.json.gz";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "reference data is not on this machine: " << path
                 << "; only the small cases of tests/data/nnls were compared";
  }
  const auto problems = ReadNnlsProblems(path);
  ASSERT_TRUE(problems.ok()) << problems.status();
  EXPECT_EQ(problems->size(), 85u);
  ExpectReferenceResiduals(*problems);
}

}  // namespace
}  // namespace kindred::testing
