// Implicit matrix factorization by alternating least squares (Hu, Koren & Volinsky 2008): who took an item wants it
// with confidence 1 + α·value, everyone else does not, with confidence 1. Each row is improved by a few steps of
// conjugate gradient from where it stood (Takács, Pilászy & Tikk 2011), in 32-bit floats. Seeded; the same bits at any
// thread count.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/linalg/float_matrix.h"

namespace kindred {

struct AlsOptions {
  uint32_t factors = 64;
  // λ of Σ_ui c_ui (p_ui − x_u·y_i)² + λ(Σ‖x_u‖² + Σ‖y_i‖²), where c = 1 + α·value and p = 1 where there is a value,
  // and c = 1, p = 0 elsewhere.
  double regularization = 10.0;
  double alpha = 5.0;
  uint32_t iterations = 15;
  uint32_t cg_steps = 3;    // of each row in each iteration
  double tolerance = 1e-4;  // stop when an iteration lowers the objective by less than this share; 0: never
  uint64_t seed = 42;
  int threads = 1;
};

struct AlsResult {
  FloatMatrix users;  // [n_users × k]; zeros for a user without values
  FloatMatrix items;  // [n_items × k]; zeros for an item without values
  uint32_t iterations = 0;
  bool converged = false;          // reached the tolerance
  std::vector<double> objectives;  // after each iteration; does not rise but for rounding
};

// r: [n_users × n_items], values ≥ 0; a value of 0 is no value. `users` is nearly, not exactly, what each user's row
// gives against `items` (fold them in for that). More factors than the matrix has rank are no harm: λ takes care of
// them. INVALID_ARGUMENT when r is empty, holds a negative or non-finite value or nothing but zeros, or when an option
// is out of range. O(iterations · (cg_steps + 1) · (nnz · k + (n_users + n_items) · k²)); memory O(nnz + (n_users +
// n_items) · k).
absl::StatusOr<AlsResult> ImplicitAls(const SparseMatrix& r, const AlsOptions& options, Progress* progress);

}  // namespace kindred
