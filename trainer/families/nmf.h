// Non-negative matrix factorization of a sparse matrix by coordinate descent over Gram matrices (HALS: Cichocki & Phan
// 2009) with extrapolation (Ang & Gillis 2019), started from the SVD (NNDSVDa: Boutsidis & Gallopoulos 2008). Neither
// R − WH nor WH is ever formed. Seeded through the SVD; the same bits at any thread count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

struct NmfOptions {
  uint32_t factors = 100;
  uint32_t max_iterations = 200;
  // Stop when the summed projected gradient of an iteration falls below this share of the first one's, or ten
  // iterations in a row lower the objective by less than the square of it, or than rounding. 0: never.
  double tolerance = 1e-4;
  double alpha = 0;  // α of ‖R − WH‖²_F + α(‖W‖²_F + ‖H‖²_F)
  uint64_t seed = 42;
  int threads = 1;
};

struct NmfResult {
  DenseMatrix users;  // W: [n_users × k], ≥ 0
  DenseMatrix items;  // Hᵀ: [n_items × k], ≥ 0
  uint32_t iterations = 0;
  bool converged = false;
  double error = 0;                // ‖R − WH‖_F, from sums: no finer than 1e-7 ‖R‖
  double objective = 0;            // ‖R − WH‖²_F + α(‖W‖² + ‖H‖²)
  std::vector<double> objectives;  // after each iteration that was kept; never rises
  std::string reduced;             // why k is less than asked for; empty when it is not
};

// R: [n_users × n_items], values ≥ 0. `factors` > min(n_users, n_items) is reduced to that minimum and a component that
// ends without weight is dropped. With α = 0 the columns of `items` have unit norm and W carries the size; with α > 0
// the objective itself settles how a component's size is shared. INVALID_ARGUMENT when R is empty, holds a negative or
// non-finite value or nothing but zeros, or when factors is 0. O(iterations · (nnz · k + (n_users + n_items) · k²)).
absl::StatusOr<NmfResult> Nmf(const SparseMatrix& r, const NmfOptions& options, Progress* progress);

}  // namespace kindred
