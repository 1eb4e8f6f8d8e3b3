// Scoring in f32 what a search let through, and walking lists of items that it must not: the parts that every kind of
// search shares.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/kernels/kernels.h"
#include "core/topk/best_k.h"
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

// Walks a sorted list of item indices beside an ascending sequence of items.
class ExclusionCursor {
 public:
  explicit ExclusionCursor(std::span<const uint32_t> excluded) : next_(excluded.begin()), end_(excluded.end()) {}

  // REQUIRES: items come in ascending order.
  bool Contains(uint32_t item) {
    if (next_ == end_) return false;
    if (*next_ < item) next_ = std::lower_bound(next_, end_, item);
    return next_ != end_ && *next_ == item;
  }

 private:
  std::span<const uint32_t>::iterator next_, end_;
};

// Scores rows in f32, up to a tile at a time, into a BestK.
class Rescorer {
 public:
  Rescorer(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query, BestK* best)
      : kernels_(kernels), space_(space), query_(query), best_(*best) {}

  void Add(uint32_t row) {
    rows_[count_++] = row;
    if (count_ == kTileItems) Flush();
  }

  void Flush() {
    kernels_.dot_rows(query_.vector.data(), space_.items.data(), rows_, count_, space_.dim, scores_);
    for (uint32_t i = 0; i < count_; ++i) {
      best_.Add({rows_[i], FinishScore(space_, query_.prior_weight, rows_[i], scores_[i])});
    }
    scored_ += count_;
    count_ = 0;
  }

  uint32_t scored() const { return scored_; }

 private:
  const KernelTable& kernels_;
  const ScanSpace& space_;
  const TopKQuery& query_;
  BestK& best_;
  uint32_t rows_[kTileItems];
  float scores_[kTileItems];
  uint32_t count_ = 0, scored_ = 0;
};

}  // namespace kindred
