// Regularized least squares over a short history on top of a fixed quadratic form:
//   u = (A + Σ_i c_i x_i x_iᵀ)⁻¹ Σ_i s_i x_i
// With A = XᵀX + λI, c = αr, s = 1 + αr that is implicit ALS (Hu, Koren & Volinsky 2008); with A = λI, c = 1, ridge
// over what was observed. Exact: Cholesky, of A + Σ… where the history has at least d rows, else of the history's own
// Gram matrix (push-through identity), A being factored once. Immutable and thread-safe after Create; scratch is per
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

// One row of a history: x as it lies in a matrix, its curvature c and its share s of the right-hand side.
struct HistoryRow {
  const float* x = nullptr;  // [d]
  double curvature = 0;      // c ≥ 0
  double share = 0;          // s
};

struct HistoryRidgeScratch {
  std::vector<double> system, rows, solution;
};

class HistoryRidgeSolver {
 public:
  // gram: XᵀX [d × d] or empty (zeros); lambda ≥ 0. A singular A is made regular as RidgeSolver makes it.
  // INVALID_ARGUMENT on other shapes and numbers that are not finite.
  static absl::StatusOr<HistoryRidgeSolver> Create(std::span<const double> gram, uint32_t d, double lambda);

  // Writes u: [d]. O(h·d² + d³) for h ≥ d rows, O(h·d² + h³) below; without a Gram matrix O(h²·d + h³). No allocation
  // once `scratch` has met d and h. Numbers that overflow make u not finite.
  void Solve(std::span<const HistoryRow> history, std::span<double> u, HistoryRidgeScratch* scratch) const;

 private:
  uint32_t d_ = 0;
  bool diagonal_ = false;      // A is a multiple of the identity
  std::vector<double> form_;   // A, [d × d]; of a diagonal one, its one entry
  std::vector<double> upper_;  // U with UᵀU = A, [d × d]; empty for a diagonal one
};

}  // namespace kindred
