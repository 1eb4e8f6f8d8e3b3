// Non-negative least squares: argmin_{w ≥ 0} ‖e − Hᵀw‖₂ (Lawson & Hanson 1974, ch. 23), on a precomputed Gram matrix
// (Bro & de Jong 1997) of rows scaled to like norms, with an updated Cholesky factor that rejects pivots, an iteration
// cap, iterative refinement and a check of the KKT conditions on H itself, and a fallback to orthogonal factorization
// of H. Immutable and thread-safe once made; scratch is per thread.
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

// Working memory of one thread; sized at first use, then never grows for the same k and d.
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
  // right-hand side b = He alone. INVALID_ARGUMENT when it is not that (to 1e-5 of its largest entry after scaling to
  // like diagonal entries) or a value is not finite.
  static absl::StatusOr<NnlsSolver> FromGram(std::span<const double> gram, uint32_t k);

  uint32_t k() const { return k_; }

  // e: [d] → w: [k]. REQUIRES: made by FromBasis. Never fails: rank-deficient, duplicate and zero rows give w_j = 0 for
  // the rows that cannot help; an e that is not finite gives w = 0, an infinite residual and converged = false.
  // O(p·k·(p + d)) with p passive rows. Allocates only in the fallback.
  //
  // ‖e − Hᵀw‖ is within 1e-9 of its minimum, relatively, or within 1e-11·‖e‖ where that is more. converged means
  // kkt_violation ≤ 1e-10·(1 + Σ w_j‖H_j‖ / ‖e‖): where rows cancel, no w in doubles does better than
  // the rounding of its terms.
  NnlsResult Solve(std::span<const double> e, std::span<double> w, NnlsScratch* scratch) const;

  // b: [k] → w: [k] minimizing ½wᵀGw − bᵀw over w ≥ 0. As good as Solve where rows are well apart; where they are
  // nearly dependent, G and b hold a residual to no better than 1e-7·‖e‖ or so. residual_norm is not defined (0); max_j
  // b_j / ‖H_j‖, which is at most ‖e‖, stands for ‖e‖ in kkt_violation and converged.
  NnlsResult SolveGram(std::span<const double> b, std::span<double> w, NnlsScratch* scratch) const;

 private:
  NnlsSolver() = default;
  // Scales are powers of two, so that scaling rounds nothing: nearly collinear rows stay exactly what they are.
  uint32_t k_ = 0, d_ = 0;
  bool has_dependent_rows_ = false;  // see dependent_rows.h
  std::vector<double> h_;            // [k × d], rows scaled to norms in [1, 2); of a Gram matrix, a root of it
  std::vector<double> gram_;         // [k × k], diagonal in [1, 4) (zero rows excepted)
  std::vector<double> norms_;        // [k], ‖h_j‖, 0 for a zero row
  std::vector<double> scale_;        // [k], what row j was multiplied by
};

}  // namespace kindred
