// Biased matrix factorization of explicit ratings (Koren, Bell & Volinsky 2009) by alternating least squares: unlike
// SVD and NMF, which take what nobody rated for 0, it is fitted to the ratings there are and predicts the others.
// Seeded; the same bits at any thread count.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

struct MfOptions {
  uint32_t factors = 20;
  // λ and λ_b of Σ over ratings (r − μ − b_u − b_i − x_u·y_i)² + λ(Σ‖x_u‖² + Σ‖y_i‖²) + λ_b(Σ b_u² + Σ b_i²).
  double regularization = 20.0;
  double bias_regularization = 5.0;
  uint32_t iterations = 30;
  double tolerance = 1e-4;  // stop when an iteration lowers the objective by less than this share; 0: never
  uint64_t seed = 42;
  int threads = 1;
};

struct MfResult {
  double mean = 0;            // μ
  DenseMatrix users;          // x: [n_users × k]
  DenseMatrix items;          // y: [n_items × k]
  Eigen::VectorXd user_bias;  // [n_users]; 0 for a user without ratings
  Eigen::VectorXd item_bias;  // [n_items]; 0 for an item without ratings
  uint32_t iterations = 0;
  bool converged = false;
  double rmse = 0;                 // on the ratings it was fitted to
  std::vector<double> objectives;  // after each iteration; never rises
};

// r: [n_users × n_items]; every stored element is a rating, 0 and negative ones too. Each row is solved exactly, so
// `items` are optimal for `users`. INVALID_ARGUMENT when r has no element or one that is not finite, or when an option
// is out of range. O(iterations · (nnz · k² + (n_users + n_items) · k³)).
absl::StatusOr<MfResult> BiasedMf(const SparseMatrix& r, const MfOptions& options, Progress* progress);

}  // namespace kindred
