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
    const double tolerance = std::max(1e-9 * best, 4e-12 * TermNorm(problem, w));
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
    const double tolerance = 3e-7 * TargetNorm(problem) + 1e-10 * TermNorm(problem, expected);
    EXPECT_THAT(found, Each(::testing::Ge(0)));
    EXPECT_THAT(found_by_basis, Each(::testing::Ge(0)));
    EXPECT_NEAR(ResidualNorm(problem, found), ResidualNorm(problem, expected), tolerance);
    EXPECT_NEAR(ResidualNorm(problem, found_by_basis), ResidualNorm(problem, expected), tolerance);
  }
}

NnlsSolver MakeSolver(const std::vector<double>& h, uint32_t k, uint32_t d) {
  auto solver = NnlsSolver::FromBasis(h, k, d);
  EXPECT_TRUE(solver.ok()) << solver.status();
  return *std::move(solver);
}

TEST(NnlsTest, SolvesByHand) {
  // e = (1, −1): only the first axis helps.
  const NnlsSolver solver = MakeSolver({2, 0, 0, 1}, 2, 2);
  NnlsScratch scratch;
  std::vector<double> w(2);
  const NnlsResult result = solver.Solve(std::vector<double>{1, -1}, w, &scratch);
  EXPECT_THAT(w, ::testing::ElementsAre(0.5, 0));
  EXPECT_EQ(result.residual_norm, 1);
  EXPECT_EQ(result.kkt_violation, 0);
  EXPECT_TRUE(result.converged);
  EXPECT_FALSE(result.used_fallback);
  EXPECT_EQ(result.iterations, 1u);
}

TEST(NnlsTest, OrdinaryProblemsTakeTheFastPath) {
  std::mt19937_64 random(13);
  NnlsScratch scratch;
  for (const std::string_view kind : {"gaussian", "nonnegative", "in-cone", "rank-3 basis", "duplicate row", "zero row",
                                      "badly scaled row", "zero target", "all-negative target", "scaled target"}) {
    for (int i = 0; i < 100; ++i) {
      const NnlsProblem problem = RandomNnlsProblem(kind, 16, 64, &random);
      SCOPED_TRACE(::testing::Message() << kind << ", problem " << i);
      const NnlsSolver solver = MakeSolver(problem.h, 16, 64);
      std::vector<double> w(16);
      EXPECT_FALSE(solver.Solve(problem.e, w, &scratch).used_fallback);
    }
  }
}

TEST(NnlsTest, NearlyEqualRowsThatMatterTakeTheFallback) {
  // Two rows this far apart, which only together reach e. Their Gram matrix is singular in doubles, and from either row
  // alone the gradient of the other is noise.
  NnlsScratch scratch;
  for (const double apart : {3e-6, 1e-7, 1e-9, 1e-11}) {
    SCOPED_TRACE(apart);
    const NnlsSolver solver = MakeSolver({1, 0, 1, apart}, 2, 2);
    std::vector<double> w(2);
    const NnlsResult result = solver.Solve(std::vector<double>{1, 0.5 * apart}, w, &scratch);
    EXPECT_TRUE(result.used_fallback);
    EXPECT_TRUE(result.converged);
    EXPECT_NEAR(w[0], 0.5, 1e-3);
    EXPECT_NEAR(w[1], 0.5, 1e-3);
    EXPECT_LE(result.residual_norm, 1e-15);
  }
}

TEST(NnlsTest, FastPathDoesNotAllocateAfterTheFirstProblem) {
  std::mt19937_64 random(17);
  const NnlsProblem problem = RandomNnlsProblem("nonnegative", 32, 64, &random);
  const NnlsSolver solver = MakeSolver(problem.h, 32, 64);
  std::vector<double> w(32), e = problem.e, b(32, 0.25);
  NnlsScratch scratch;
  ASSERT_FALSE(solver.Solve(e, w, &scratch).used_fallback);
  ASSERT_FALSE(solver.SolveGram(b, w, &scratch).used_fallback);
  const uint64_t before = AllocationCount();
  for (int i = 0; i < 20; ++i) {
    for (double& value : e) value = std::generate_canonical<double, 53>(random);
    for (double& value : b) value = std::generate_canonical<double, 53>(random);
    ASSERT_FALSE(solver.Solve(e, w, &scratch).used_fallback);
    ASSERT_FALSE(solver.SolveGram(b, w, &scratch).used_fallback);
  }
  EXPECT_EQ(AllocationCount(), before);
}

TEST(NnlsTest, OneScratchServesSolversOfEverySize) {
  std::mt19937_64 random(19);
  NnlsScratch shared;
  for (const uint32_t k : {3u, 40u, 1u, 17u, 64u, 2u}) {
    const NnlsProblem problem = RandomNnlsProblem("nonnegative", k, 2 * k, &random);
    const NnlsSolver solver = MakeSolver(problem.h, k, 2 * k);
    std::vector<double> w(k), expected(k);
    NnlsScratch fresh;
    solver.Solve(problem.e, expected, &fresh);
    solver.Solve(problem.e, w, &shared);
    EXPECT_EQ(w, expected);
  }
}

TEST(NnlsTest, ScalingByPowersOfTwoChangesNoDigit) {
  std::mt19937_64 random(23);
  const NnlsProblem problem = RandomNnlsProblem("nonnegative", 12, 20, &random);
  NnlsScratch scratch;
  std::vector<double> expected(12), w(12);
  const double residual = MakeSolver(problem.h, 12, 20).Solve(problem.e, expected, &scratch).residual_norm;
  std::vector<double> h = problem.h, e = problem.e;
  for (uint32_t j = 0; j < 12; ++j) {
    for (uint32_t i = 0; i < 20; ++i) h[j * 20 + i] = std::ldexp(h[j * 20 + i], 40 * static_cast<int>(j) - 240);
  }
  for (double& value : e) value = std::ldexp(value, 100);
  const NnlsResult result = MakeSolver(h, 12, 20).Solve(e, w, &scratch);
  EXPECT_EQ(result.residual_norm, std::ldexp(residual, 100));
  for (uint32_t j = 0; j < 12; ++j) {
    EXPECT_EQ(w[j], std::ldexp(expected[j], 100 - 40 * static_cast<int>(j) + 240)) << j;
  }
}

TEST(NnlsTest, ExtremeMagnitudesStayFinite) {
  NnlsScratch scratch;
  for (const double size : {1e-320, 1e-300, 1e-160, 1e160, 1e300, 1.7e308}) {
    for (const double target : {1e-320, 1e-300, 1.0, 1e300, 1.7e308}) {
      SCOPED_TRACE(::testing::Message() << "rows " << size << ", target " << target);
      const NnlsSolver solver = MakeSolver({size, size, size, -size, 0, size}, 3, 2);
      std::vector<double> w(3, -1);
      solver.Solve(std::vector<double>{target, -target}, w, &scratch);
      for (const double value : w) {
        EXPECT_TRUE(std::isfinite(value)) << value;
        EXPECT_GE(value, 0);
      }
    }
  }
}

TEST(NnlsTest, ATargetThatIsNotFiniteGivesZeroAndSaysSo) {
  const NnlsSolver solver = MakeSolver({1, 0, 0, 1}, 2, 2);
  NnlsScratch scratch;
  for (const double bad : {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()}) {
    std::vector<double> w(2, -1);
    const NnlsResult result = solver.Solve(std::vector<double>{1, bad}, w, &scratch);
    EXPECT_THAT(w, Each(0));
    EXPECT_FALSE(result.converged);
    EXPECT_EQ(result.residual_norm, kInfinity);
    w.assign(2, -1);
    EXPECT_FALSE(solver.SolveGram(std::vector<double>{bad, 1}, w, &scratch).converged);
    EXPECT_THAT(w, Each(0));
  }
}

TEST(NnlsTest, SolveGramOnRightHandSidesWithoutATarget) {
  // b is no He: along (1, −1) G is zero and b is not, so that the objective has no minimum. The answer is still finite
  // and not called converged.
  const auto solver = NnlsSolver::FromGram(std::vector<double>{1, -1, -1, 1}, 2);
  ASSERT_TRUE(solver.ok()) << solver.status();
  NnlsScratch scratch;
  std::vector<double> w(2, -1);
  const NnlsResult result = solver->SolveGram(std::vector<double>{1, 1}, w, &scratch);
  EXPECT_FALSE(result.converged);
  EXPECT_TRUE(result.used_fallback);
  EXPECT_GT(result.kkt_violation, 0.1);
  for (const double value : w) EXPECT_TRUE(std::isfinite(value) && value >= 0) << value;
}

TEST(NnlsTest, AZeroGramGivesZero) {
  const auto solver = NnlsSolver::FromGram(std::vector<double>(9), 3);
  ASSERT_TRUE(solver.ok()) << solver.status();
  NnlsScratch scratch;
  std::vector<double> w(3, -1);
  EXPECT_TRUE(solver->SolveGram(std::vector<double>{1, 2, 3}, w, &scratch).converged);
  EXPECT_THAT(w, Each(0));
}

TEST(NnlsTest, RefusesBadInput) {
  const auto message = [](const absl::StatusOr<NnlsSolver>& solver) {
    EXPECT_EQ(solver.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(solver.status().message());
  };
  using Values = std::vector<double>;
  EXPECT_THAT(message(NnlsSolver::FromBasis({}, 0, 3)), HasSubstr("basis is 0 × 3"));
  EXPECT_THAT(message(NnlsSolver::FromBasis({}, 3, 0)), HasSubstr("basis is 3 × 0"));
  EXPECT_THAT(message(NnlsSolver::FromBasis(Values{1, 2, 3}, 2, 2)), HasSubstr("3 values, expected 2 × 2"));
  EXPECT_THAT(message(NnlsSolver::FromBasis(Values{1, 2, 3, kInfinity}, 2, 2)), HasSubstr("inf at row 1, column 1"));
  EXPECT_THAT(message(NnlsSolver::FromGram({}, 0)), HasSubstr("0 × 0"));
  EXPECT_THAT(message(NnlsSolver::FromGram(Values{1, 0, 0}, 2)), HasSubstr("3 values, expected 2 × 2"));
  EXPECT_THAT(message(NnlsSolver::FromGram(Values{1, 0, -kInfinity, 1}, 2)), HasSubstr("-inf at row 1, column 0"));
  EXPECT_THAT(message(NnlsSolver::FromGram(Values{1, 0, 0, -1}, 2)), HasSubstr("-1 on its diagonal at row 1"));
  EXPECT_THAT(message(NnlsSolver::FromGram(Values{1, 0.5, 0, 1}, 2)), HasSubstr("symmetric"));
  EXPECT_THAT(message(NnlsSolver::FromGram(Values{1, 2, 2, 1}, 2)), HasSubstr("not positive semi-definite"));
  EXPECT_THAT(message(NnlsSolver::FromGram(Values{0, 1, 1, 1}, 2)), HasSubstr("not positive semi-definite"));
}

}  // namespace
}  // namespace kindred::testing
