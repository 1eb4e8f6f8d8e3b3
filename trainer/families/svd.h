// Truncated singular value decomposition of a sparse matrix through the largest eigenpairs of R Rᵀ or Rᵀ R, whichever
// is smaller. The matrix is only ever multiplied with; beyond it, memory is O(min(n_users, n_items) · 4k +
// max(n_users, n_items) · k). Seeded; the same bits at any thread count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

struct SvdOptions {
  uint32_t factors = 50;
  uint32_t max_iterations = 100;  // products with a block of factors + 10 vectors
  double tolerance = 1e-3;        // largest relative residual of a wanted σ² at which to stop
  uint64_t seed = 42;
  int threads = 1;
};

struct SvdResult {
  std::vector<double> singular_values;  // [k], descending, > 0
  DenseMatrix items;                    // V: [n_items × k], orthonormal columns, largest magnitude of each positive
  DenseMatrix users;                    // U Σ = R V: [n_users × k]
  uint32_t iterations = 0;
  bool converged = false;    // reached the tolerance
  double residual = 0;       // largest ‖RᵀR v − σ² v‖ / σ², a bound on the relative error of each σ²
  std::string reduced;       // why k is less than asked for; empty when it is not
  double residual_norm = 0;  // ‖R − U Σ Vᵀ‖_F
};

// R: [n_users × n_items]. `factors` ≥ min(n_users, n_items) is reduced to that minimum − 1, and to the numerical rank
// when that is lower; `reduced` says so. INVALID_ARGUMENT when min(n_users, n_items) < 2, when R has no element other
// than zero, when one is not finite, when ‖R‖ is outside 1e±60, or when factors is 0. O(iterations · nnz · l + (n_users
// + n_items) · l²).
absl::StatusOr<SvdResult> TruncatedSvd(const SparseMatrix& r, const SvdOptions& options, Progress* progress);

}  // namespace kindred
