// NNLS problems for tests: read from files, made at random in every awkward kind, solved by brute force.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred::testing {

struct NnlsProblem {
  std::string kind;
  uint32_t k = 0, d = 0;
  std::vector<double> h;  // [k × d]
  std::vector<double> e;  // [d]
  std::vector<double> w;  // [k], of the reference
  double residual = 0;    // likewise
};

// Cases of a JSON file {"cases": [{"kind", "k", "d", "H", "e", "w", "residual"}, …]}, gzipped or not.
absl::StatusOr<std::vector<NnlsProblem>> ReadNnlsProblems(const std::string& path);

inline constexpr std::string_view kNnlsKinds[] = {
    "gaussian",      "nonnegative", "in-cone",          "rank-3 basis",      "nearly collinear",
    "duplicate row", "zero row",    "badly scaled row", "zero target",       "all-negative target",
    "antiparallel",  "sparse",      "scaled target",    "collinear in-cone",
};

// The name of a kind as a test parameter's.
std::string KindName(const ::testing::TestParamInfo<std::string_view>& info);

// A random problem of that kind; w and residual are not set.
NnlsProblem RandomNnlsProblem(std::string_view kind, uint32_t k, uint32_t d, std::mt19937_64* random);

// How far w is from satisfying the KKT conditions, with slopes relative to ‖H_j‖(‖e‖ + Σ w_i‖H_i‖), in long double.
// Infinite when an entry of w is negative or not finite.
double KktViolation(const NnlsProblem& problem, std::span<const double> w);

// ‖e − Hᵀw‖ and ‖e‖ in long double.
double ResidualNorm(const NnlsProblem& problem, std::span<const double> w);
double TargetNorm(const NnlsProblem& problem);
// ‖e‖ + Σ w_j‖H_j‖, the size of the terms that make up the residual: their rounding is in any answer.
double TermNorm(const NnlsProblem& problem, std::span<const double> w);

// The smallest residual over all passive sets, each solved by QR in long double. REQUIRES: k ≤ 10.
double BruteForceResidual(const NnlsProblem& problem);

}  // namespace kindred::testing
