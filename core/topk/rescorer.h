// Scores rows in f32, many at a time, into a BestK. Allocates nothing of its own.
#pragma once

#include <cstdint>

#include "core/kernels/kernels.h"
#include "core/topk/best_k.h"
#include "core/topk/scoring.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Views its arguments.
class Rescorer {
 public:
  Rescorer(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query, BestK* best)
      : kernels_(kernels), space_(space), query_(query), best_(*best) {}

  void Add(uint32_t row) {
    rows_[count_++] = row;
    if (count_ == kRows) Flush();
  }

  // Scores what was added since the last time; must follow the last Add.
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
  // The kernel asks for rows ahead of the one it multiplies, but not beyond those it was given: few rows a call, and
  // the first of each are waited for.
  static constexpr uint32_t kRows = 256;

  const KernelTable& kernels_;
  const ScanSpace& space_;
  const TopKQuery& query_;
  BestK& best_;
  uint32_t rows_[kRows];
  float scores_[kRows];
  uint32_t count_ = 0, scored_ = 0;
};

}  // namespace kindred
