// How one query is answered: the choice between scanning codes and gathering f32 rows, and what the scan needs.
#pragma once

#include <cstddef>

#include "core/kernels/kernels.h"
#include "core/topk/topk_scan.h"

namespace kindred {

enum class SearchWay {
  kNone,      // nothing can be found: no items asked for, or a query that is not finite
  kFullScan,  // every admissible row in f32
  kScan,      // the quantized scan, then its candidates in f32
};

// Views of the query and of the scratch.
struct SearchPlan {
  SearchWay way = SearchWay::kNone;
  size_t k = 0;
  TopKQuery query;  // as asked; a long list of exclusions has become part of the bitmap
  ScanInput input;  // for kScan
};

// Writes the query's codes and mask to `scratch`. Allocates only what they lack (TopKScratch::ReserveQuery).
// O(items / 64 + exclusions + dim).
SearchPlan PlanSearch(const ScanSpace& space, const TopKQuery& query, TopKScratch* scratch);

}  // namespace kindred
