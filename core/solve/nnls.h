// Non-negative least squares: argmin_{w ≥ 0} ‖e − Hᵀw‖₂ (Lawson & Hanson 1974, ch. 23), on a precomputed Gram matrix
// scaled to a unit diagonal (Bro & de Jong 1997), with an updated Cholesky factor that rejects pivots, an iteration
// cap, a check of the KKT conditions and a fallback to orthogonal factorization of H itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

struct NnlsResult {
  double residual_norm = 0;  // ‖e − Hᵀw‖₂; for Gram-only problems, of the implied least-squares system (see below)
  double kkt_violation =
      0;  // max over the two kinds, relative to ‖H_j‖·‖e‖: positive gradient at w_j = 0, any at w_j > 0
  uint32_t iterations = 0;
  bool used_fallback = false;
  bool converged = false;  // kkt_violation within tolerance
};

// Working memory of one thread; sized at first use, then never grows for the same k.
class NnlsScratch {
 public:
  std::vector<double> buffer;
  std::vector<uint32_t> passive;
  std::vector<uint8_t> flags;
};

class NnlsSolver {
 public:
  // From a basis H: [k × d], row-major; keeps a copy for residuals, refinement and the fallback. INVALID_ARGUMENT when
  // k or d is 0 or a value is not finite.
  static absl::StatusOr<NnlsSolver> FromBasis(std::span<const double> h, uint32_t k, uint32_t d);
  // From a Gram matrix G = HHᵀ (+ λI): [k × k], symmetric positive semi-definite. Problems are then given by their
  // right-hand side b = He alone.
  static absl::StatusOr<NnlsSolver> FromGram(std::span<const double> gram, uint32_t k);

  uint32_t k() const { return k_; }

  // e: [d] → w: [k]. REQUIRES: made by FromBasis. Never fails: rank-deficient, duplicate and zero rows give w_j = 0 for
  // the rows that cannot help. O(p·k·d) with p passive rows.
  NnlsResult Solve(std::span<const double> e, std::span<double> w, NnlsScratch* scratch) const;

  // b: [k] → w: [k] minimizing ½wᵀGw − bᵀw over w ≥ 0. residual_norm is not defined (0).
  NnlsResult SolveGram(std::span<const double> b, std::span<double> w, NnlsScratch* scratch) const;

 private:
  uint32_t k_ = 0, d_ = 0;
  std::vector<double> h_;      // [k × d], rows scaled to unit norm; empty when made from a Gram matrix
  std::vector<double> gram_;   // [k × k], unit diagonal (zero rows excepted)
  std::vector<double> scale_;  // [k], 1/‖H_j‖, 0 for a zero row
};

}  // namespace kindred
