// One query's walk through the codes of a space, in steps: the quantized scan of some tiles at a time, then the f32
// scores of what could still be among the best. Not thread-safe.
#pragma once

#include <span>

#include "core/kernels/kernels.h"
#include "core/topk/item_mask.h"
#include "core/topk/lower_bounds.h"
#include "core/topk/search_plan.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Views its arguments; works in `scratch` and counts in `stats`.
class CertifiedSearch {
 public:
  // REQUIRES: plan.way is kScan and was made with this scratch.
  CertifiedSearch(const KernelTable& kernels, const ScanSpace& space, const SearchPlan& plan, TopKScratch* scratch,
                  TopKStats* stats);

  // Scans tiles [tile, end). REQUIRES: calls go up the catalogue without a gap.
  void Scan(uint32_t tile, uint32_t end);

  // The answer, once all tiles were scanned. Lives in the scratch. Ends the use of this object.
  std::span<const ScoredItem> Finish();

 private:
  void AddHits(uint32_t tile, const TileHits& hits);
  void MakeRoom();

  const KernelTable& kernels_;
  const ScanSpace& space_;
  const SearchPlan plan_;
  ScanInput input_;  // the plan's, but for the way to read the codes
  TopKScratch& scratch_;
  TopKStats& stats_;
  LowerBounds lower_bounds_;
  ExclusionCursor excluded_;
};

// The answer from every admissible row in f32. REQUIRES: plan.way is kFullScan and was made with this scratch.
std::span<const ScoredItem> FullScan(const KernelTable& kernels, const ScanSpace& space, const SearchPlan& plan,
                                     TopKScratch* scratch, TopKStats* stats);

}  // namespace kindred
