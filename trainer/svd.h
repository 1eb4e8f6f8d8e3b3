// Truncated singular value decomposition of a sparse matrix by randomized subspace iteration with Rayleigh-Ritz steps
// (Halko, Martinsson & Tropp 2011, §4.5 and §5.1). The matrix is only ever multiplied with; beyond it, memory is
// O((n_users + n_items) · l) for l = factors + oversampling. Seeded; the same bits at any thread count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/progress.h"
#include "trainer/sparse_matrix.h"

namespace kindred {

struct SvdOptions {
  uint32_t factors = 50;
  uint32_t oversampling = 0;  // extra directions that are iterated and thrown away; 0 = max(20, factors / 2)
  uint32_t max_iterations = 100;
  double tolerance = 1e-8;  // stop when no wanted singular value changed by more, relative, in one iteration
  uint64_t seed = 42;
  int threads = 1;
};

struct SvdResult {
  std::vector<double> singular_values;  // [k], descending, > 0
  DenseMatrix items;                    // V: [n_items × k], orthonormal columns, largest magnitude of each positive
  DenseMatrix users;                    // U Σ = R V: [n_users × k]
  uint32_t iterations = 0;
  bool settled = false;      // reached the tolerance
  double last_change = 0;    // largest relative change of a wanted singular value in the last iteration
  std::string reduced;       // why k is less than asked for; empty when it is not
  double residual_norm = 0;  // ‖R − U Σ Vᵀ‖_F
};

// R: [n_users × n_items]. `factors` ≥ min(n_users, n_items) is reduced to that minimum − 1, and to the numerical rank
// when that is lower; `reduced` says so. INVALID_ARGUMENT when min(n_users, n_items) < 2, when R has no element other
// than zero, when one is not finite, when ‖R‖ is outside 1e±60, or when factors is 0. O(iterations · nnz · l + (n_users
// + n_items) · l²).
absl::StatusOr<SvdResult> TruncatedSvd(const SparseMatrix& r, const SvdOptions& options, Progress* progress);

}  // namespace kindred
