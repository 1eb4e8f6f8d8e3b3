// Fold-in: a few (item, value) pairs → the vector of a user nobody trained on (architecture §1). Immutable and
// thread-safe after Create; scratch is per thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/space_spec.h"
#include "core/solve/history_ridge.h"
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
  std::vector<HistoryRow> rows;
  HistoryRidgeScratch history;
};

// The fold-ins that work on item vectors: ridge, nnls, mean, implicit, observed.
class FoldInSolver {
 public:
  // items: [n_items × dim], what the history's items are looked up in (`sources` of a mean space that has them), a view
  // that must outlive this; gram: [dim × dim] = XᵀX, read here only and not at all by kMean and kObserved, which take
  // an empty one. INVALID_ARGUMENT when shapes do not fit, a number is not finite or the fold-in is none of the above.
  static absl::StatusOr<FoldInSolver> Create(const SpaceSpec& spec, std::span<const float> items,
                                             std::span<const double> gram);

  // history: distinct items. Writes u: [dim]; zeros for an empty history, and for weights so large that u would not be
  // finite. O(|history|·dim + dim²), for kImplicit O(|history|·dim² + min(|history|, dim)³), for kObserved without its
  // dim² where the history is shorter; allocates nothing once `scratch` has its size, NNLS's rare fallback excepted.
  // REQUIRES: every item < n_items.
  void Solve(std::span<const ItemWeight> history, std::span<float> u, FoldInScratch* scratch) const;

 private:
  void SolveHistory(std::span<const ItemWeight> history, FoldInScratch* scratch) const;
  void SolveLinear(std::span<const ItemWeight> history, FoldInScratch* scratch) const;

  SpaceSpec spec_;
  std::span<const float> items_;
  std::optional<RidgeSolver> ridge_;
  std::optional<NnlsSolver> nnls_;
  std::optional<HistoryRidgeSolver> history_;
};

// What an item's summed weight becomes before the fold-in.
double TransformValue(ValueTransform transform, double weight);

}  // namespace kindred
