// Fold-in: a few (item, value) pairs → the vector of a user nobody trained on (architecture §1). Immutable and
// thread-safe after Create; scratch is per thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/space_spec.h"
#include "core/solve/nnls.h"
#include "core/solve/ridge.h"

namespace kindred {

// One item of a history with its summed event weight.
struct ItemWeight {
  uint32_t item = 0;
  double weight = 0;
};

struct FoldInScratch {
  std::vector<double> rhs;
  std::vector<double> solution;
  NnlsScratch nnls;
};

class FoldInSolver {
 public:
  // items: [n_items × dim], a view that must outlive this; gram: [dim × dim] = XᵀX, read here only and not at all by
  // FoldIn::kMean, which takes an empty one. INVALID_ARGUMENT when shapes do not fit or a number is not finite.
  static absl::StatusOr<FoldInSolver> Create(const SpaceSpec& spec, std::span<const float> items,
                                             std::span<const double> gram);

  // history: distinct items, weights > 0. Writes u: [dim]; zeros for an empty history, and for weights so large that u
  // would not be finite. O(|history|·dim + dim²); allocates nothing once `scratch` has its size, NNLS's rare fallback
  // excepted. REQUIRES: every item < n_items.
  void Solve(std::span<const ItemWeight> history, std::span<float> u, FoldInScratch* scratch) const;

 private:
  SpaceSpec spec_;
  std::span<const float> items_;
  std::optional<RidgeSolver> ridge_;
  std::optional<NnlsSolver> nnls_;
};

// What an item's summed weight becomes before the fold-in.
double TransformValue(ValueTransform transform, double weight);

}  // namespace kindred
