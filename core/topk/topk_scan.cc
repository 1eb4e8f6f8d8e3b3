#include "core/topk/topk_scan.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "core/kernels/dispatch.h"
#include "core/topk/best_k.h"
#include "core/topk/certified_search.h"
#include "core/topk/item_mask.h"
#include "core/topk/rescorer.h"
#include "core/topk/search_plan.h"

namespace kindred {

bool RanksBefore(const ScoredItem& a, const ScoredItem& b) {
  if (a.score > b.score) return true;
  if (a.score < b.score) return false;
  const bool a_is_nan = std::isnan(a.score), b_is_nan = std::isnan(b.score);
  if (a_is_nan != b_is_nan) return b_is_nan;
  return a.item < b.item;
}

void TopKScratch::ReserveQuery(const ScanSpace& space) {
  const size_t padded_dim = RoundUp(space.dim, 4);
  if (query_codes.size() < padded_dim) query_codes = AlignedBuffer<int8_t>(padded_dim);
}

void TopKScratch::Reserve(const ScanSpace& space) {
  ReserveQuery(space);
  mask.reserve(TileCount(space));
  candidates.reserve(space.n_items);
  lower_bounds.reserve(space.n_items);
  results.reserve(space.n_items);
}

std::span<const ScoredItem> TopK(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query,
                                 TopKScratch* scratch, TopKStats* stats) {
  assert(query.vector.size() == space.dim);
  assert(query.allowed.empty() || query.allowed.size() >= TileCount(space));
  TopKStats unused;
  if (stats == nullptr) stats = &unused;
  *stats = TopKStats();
  scratch->Reserve(space);
  const SearchPlan plan = PlanSearch(space, query, scratch);
  if (plan.way == SearchWay::kNone) return {};
  if (plan.way == SearchWay::kFullScan) return FullScan(kernels, space, plan, scratch, stats);
  CertifiedSearch search(kernels, space, plan, scratch, stats);
  search.Scan(0, plan.input.n_tiles);
  return search.Finish();
}

std::span<const ScoredItem> TopK(const ScanSpace& space, const TopKQuery& query, TopKScratch* scratch,
                                 TopKStats* stats) {
  return TopK(Kernels(), space, query, scratch, stats);
}

std::span<const ScoredItem> TopKOf(const ScanSpace& space, const TopKQuery& query, std::span<const uint32_t> candidates,
                                   TopKScratch* scratch) {
  assert(query.vector.size() == space.dim);
  const size_t k = std::min<size_t>(query.k, candidates.size());
  if (k == 0 || !std::all_of(query.vector.begin(), query.vector.end(), [](float x) { return std::isfinite(x); })) {
    return {};
  }
  BestK best(k, &scratch->results);
  Rescorer rescorer(Kernels(), space, query, &best);
  ExclusionCursor excluded(query.excluded);
  for (const uint32_t item : candidates) {
    const bool allowed = query.allowed.empty() || (query.allowed[item / kTileItems] >> (item % kTileItems) & 1) != 0;
    if (allowed && !excluded.Contains(item)) rescorer.Add(item);
  }
  rescorer.Flush();
  return best.Finish();
}

float ScoreItem(const ScanSpace& space, std::span<const float> query, float prior_weight, uint32_t item) {
  const float* row = space.items.data() + static_cast<size_t>(item) * space.dim;
  return FinishScore(space, prior_weight, item, Kernels().dot(query.data(), row, space.dim));
}

}  // namespace kindred
