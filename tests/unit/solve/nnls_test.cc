#include "core/solve/nnls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/solve/allocation_counter.h"
#include "tests/unit/solve/nnls_problem.h"

namespace kindred::testing {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class NnlsPropertyTest : public ::testing::TestWithParam<std::string_view> {};

std::string KindName(const ::testing::TestParamInfo<std::string_view>& info) {
  std::string name;
  for (const char c : info.param) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, NnlsPropertyTest, ::testing::ValuesIn(kNnlsKinds), KindName);

TEST_P(NnlsPropertyTest, SatisfiesKktOnRandomProblems) {
  std::mt19937_64 random(20240607);
  std::uniform_int_distribution<uint32_t> size(1, 40);
  NnlsScratch scratch;
  for (int i = 0; i < 400; ++i) {
    const NnlsProblem problem = RandomNnlsProblem(GetParam(), size(random), size(random), &random);
    SCOPED_TRACE(::testing::Message() << "problem " << i << ": " << problem.k << " x " << problem.d);
    const auto solver = NnlsSolver::FromBasis(problem.h, problem.k, problem.d);
    ASSERT_TRUE(solver.ok()) << solver.status();
    std::vector<double> w(problem.k, -1);
    const NnlsResult result = solver->Solve(problem.e, w, &scratch);
    EXPECT_TRUE(result.converged) << result.kkt_violation;
    EXPECT_LE(KktViolation(problem, w), 1e-12);
    EXPECT_NEAR(result.residual_norm, ResidualNorm(problem, w), 1e-10 * TargetNorm(problem));
  }
}

TEST_P(NnlsPropertyTest, ReachesTheBruteForceResidual) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<uint32_t> rows(1, 6), columns(1, 12);
  NnlsScratch scratch;
  for (int i = 0; i < 300; ++i) {
    const NnlsProblem problem = RandomNnlsProblem(GetParam(), rows(random), columns(random), &random);
    SCOPED_TRACE(::testing::Message() << "problem " << i << ": " << problem.k << " x " << problem.d);
    const auto solver = NnlsSolver::FromBasis(problem.h, problem.k, problem.d);
    ASSERT_TRUE(solver.ok()) << solver.status();
    std::vector<double> w(problem.k, -1);
    solver->Solve(problem.e, w, &scratch);
    const double best = BruteForceResidual(problem);
    const double tolerance = std::max(1e-9 * best, 4e-14 * TermNorm(problem, w));
    EXPECT_LE(ResidualNorm(problem, w), best + tolerance);
  }
}

TEST_P(NnlsPropertyTest, GramAloneGivesTheSameResidual) {
  std::mt19937_64 random(11);
  std::uniform_int_distribution<uint32_t> size(1, 24);
  NnlsScratch scratch;
  for (int i = 0; i < 200; ++i) {
    const NnlsProblem problem = RandomNnlsProblem(GetParam(), size(random), size(random), &random);
    SCOPED_TRACE(::testing::Message() << "problem " << i << ": " << problem.k << " x " << problem.d);
    std::vector<double> gram(size_t{problem.k} * problem.k), b(problem.k);
    for (uint32_t j = 0; j < problem.k; ++j) {
      for (uint32_t t = 0; t < problem.d; ++t) b[j] += problem.h[j * problem.d + t] * problem.e[t];
      for (uint32_t l = 0; l < problem.k; ++l) {
        for (uint32_t t = 0; t < problem.d; ++t) {
          gram[j * problem.k + l] += problem.h[j * problem.d + t] * problem.h[l * problem.d + t];
        }
      }
    }
    const auto by_basis = NnlsSolver::FromBasis(problem.h, problem.k, problem.d);
    const auto by_gram = NnlsSolver::FromGram(gram, problem.k);
    ASSERT_TRUE(by_basis.ok()) << by_basis.status();
    ASSERT_TRUE(by_gram.ok()) << by_gram.status();
    std::vector<double> expected(problem.k), found(problem.k, -1), found_by_basis(problem.k, -1);
    by_basis->Solve(problem.e, expected, &scratch);
    by_gram->SolveGram(b, found, &scratch);
    by_basis->SolveGram(b, found_by_basis, &scratch);
    // G and b carry rounding errors of their own, which a residual feels as their square root at worst.
    const double tolerance = 1e-7 * TargetNorm(problem) + 1e-10 * TermNorm(problem, expected);
    EXPECT_THAT(found, Each(::testing::Ge(0)));
    EXPECT_THAT(found_by_basis, Each(::testing::Ge(0)));
    EXPECT_NEAR(ResidualNorm(problem, found), ResidualNorm(problem, expected), tolerance);
    EXPECT_NEAR(ResidualNorm(problem, found_by_basis), ResidualNorm(problem, expected), tolerance);
  }
}

}  // namespace
}  // namespace kindred::testing
