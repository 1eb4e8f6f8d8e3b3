// The f32 score of an item, as ScanSpace defines it. Pure functions.
#pragma once

#include <cstdint>

#include "core/topk/topk_scan.h"

namespace kindred {

inline bool UsesPrior(const ScanSpace& space, float prior_weight) { return !space.prior.empty() && prior_weight != 0; }

// The score of an item from its inner product with the query.
inline float FinishScore(const ScanSpace& space, float prior_weight, uint32_t item, float dot) {
  float score = dot;
  if (!space.multipliers.empty()) score = score * space.multipliers[item];
  if (UsesPrior(space, prior_weight)) score = score + prior_weight * space.prior[item];
  return score;
}

}  // namespace kindred
