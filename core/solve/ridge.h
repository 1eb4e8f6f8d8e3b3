// Ridge fold-in: u = (G + λI)⁻¹ b with the factorization done once. Immutable and thread-safe after Create.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

class RidgeSolver {
 public:
  // gram: [d × d], symmetric positive semi-definite; lambda ≥ 0. A singular G + λI is made regular by the smallest
  // diagonal shift that lets it factor, relative to its trace (shift() says which). INVALID_ARGUMENT on non-finite
  // input.
  static absl::StatusOr<RidgeSolver> Create(std::span<const double> gram, uint32_t d, double lambda);

  // b: [d] → u: [d], in double. O(d²), no allocation. `u` may alias `b`.
  void Solve(std::span<const double> b, std::span<double> u) const;

  double shift() const { return shift_; }

 private:
  uint32_t d_ = 0;
  double shift_ = 0;
  std::vector<double> cholesky_;  // lower triangle, [d × d]
};

}  // namespace kindred
