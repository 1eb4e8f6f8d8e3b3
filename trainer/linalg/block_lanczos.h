// The largest eigenpairs of a symmetric positive semi-definite operator, by block Lanczos with a random start (the
// randomized block Krylov method: Musco & Musco 2015; Halko, Martinsson & Tropp 2011, §4.5 is its power iteration,
// which needs many times the products), full reorthogonalization and thick restart (Wu & Simon 2000). Seeded; the same
// bits at any thread count as long as the operator gives them.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "trainer/linalg/float_matrix.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

struct LanczosOptions {
  uint32_t wanted = 50;  // ≤ the operator's dimension
  uint32_t max_iterations = 100;
  double tolerance = 1e-6;  // largest ‖A v − θ v‖ / θ of a wanted pair
  uint64_t seed = 42;
  int threads = 1;
  // Vectors to begin with: [n × at most wanted + 10], orthonormal columns; empty: random ones.
  DenseMatrix start{};
  // Told after each iteration: how many, and the largest relative residual so far.
  std::function<void(uint32_t, double)> progress = nullptr;
};

struct LanczosResult {
  Eigen::VectorXd values;   // [wanted], descending, ≥ 0
  DenseMatrix vectors;      // [n × wanted], orthonormal columns
  uint32_t iterations = 0;  // products of the operator with a block
  double residual = 0;      // largest ‖A v − θ v‖ / θ of the wanted pairs that are not zero
  bool converged = false;
};

// X: [n × b] → A X.
using BlockOperator = std::function<DenseMatrix(const DenseMatrix&)>;

// A pair whose eigenvalue is below kEigenvalueFloor of the largest is rounding and comes back as it is. Each eigenvalue
// is in error by at most its residual, and by far less where neighbours keep apart. Memory O(n · 4b) for blocks of
// b = wanted + 10. INTERNAL when a small dense eigenproblem does not converge. REQUIRES: 0 < wanted ≤ n.
absl::StatusOr<LanczosResult> LargestEigenpairs(const BlockOperator& a, int64_t n, const LanczosOptions& options);

// The same in 32-bit floats, many times as fast: vectors are orthonormal to 1e-5, and the residual of a pair is known
// to about 1e-6 of the largest eigenvalue, however small the pair's own is.
using FloatBlockOperator = std::function<FloatMatrix(const FloatMatrix&)>;
absl::StatusOr<LanczosResult> LargestEigenpairs(const FloatBlockOperator& a, int64_t n, const LanczosOptions& options);
inline constexpr double kEigenvalueFloor = 1e-14;

// Replaces the columns of x by an orthonormal basis of their span; columns that depend on the others, or are below
// `smallest` in norm, are left out. One pass is enough where the columns, each brought to length one, are nearly
// orthogonal.
void Orthonormalize(double smallest, int threads, DenseMatrix* x, int passes = 2);

}  // namespace kindred
