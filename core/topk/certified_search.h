// One search through the codes of a space that can be interrupted between tiles, so that several go through the same
// codes while a cache holds them. Not thread-safe; works in a caller's scratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/kernels/kernels.h"
#include "core/topk/lower_bounds.h"
#include "core/topk/rescorer.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Whether a query is better answered through the codes than by scoring every admissible item.
bool ScansCodes(const ScanSpace& space, const TopKQuery& query);

class CertifiedSearch {
 public:
  // REQUIRES: 0 < k ≤ n_items, a finite query; all but the scratch outlive this, and it works in the scratch.
  CertifiedSearch(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query, size_t k,
                  TopKScratch* scratch);

  // Whether bounds exist: not for norms near the ends of a float's range, which a full scan answers.
  bool possible() const { return possible_; }
  // Looks at tiles [begin, end), which follow those looked at before.
  void Scan(uint32_t begin, uint32_t end);
  // The best k in order, when every tile was looked at. Lives in the scratch.
  std::span<const ScoredItem> Finish(TopKStats* stats);

 private:
  const KernelTable& kernels_;
  const ScanSpace& space_;
  const TopKQuery query_;
  const size_t k_;
  TopKScratch& scratch_;
  ScanInput input_;
  bool possible_ = false;
  LowerBounds lower_bounds_;
  ExclusionCursor excluded_;
  uint32_t tile_hits_ = 0;
};

}  // namespace kindred
