#include "core/topk/topk_scan.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

#include "core/kernels/dispatch.h"
#include "core/topk/best_k.h"
#include "core/topk/certified_search.h"
#include "core/topk/rescorer.h"

namespace kindred {
namespace {

// Where the full f32 scan takes over, measured with AVX-512 on Gaussian rows of 16 and 64 dims. Below this many items
// quantizing the query and collecting bounds costs more than it saves (1.6 µs either way at 192 items).
constexpr uint32_t kTinyScan = 192;
// When k exceeds this share of the items nearly all bounds are collected anyway (k = 2,500 of 20,000: 564 against 602
// µs, k = 5,000: 1,010 against 999).
constexpr uint32_t kItemsPerResult = 8;
// Fewer admissible items than one in this many, and gathering their f32 rows reads less than scanning the tiles (one in
// 16 of 200,000: 348 against 323 µs, one in 12: 365 against 395).
constexpr uint32_t kItemsPerGather = 16;

uint32_t TileCount(const ScanSpace& space) { return (space.n_items + kTileItems - 1) / kTileItems; }

bool AllFinite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); });
}

// The items of a tile that the bitmap allows.
uint64_t AllowedInTile(const ScanSpace& space, const TopKQuery& query, uint32_t tile) {
  uint64_t word = query.allowed.empty() ? ~uint64_t{0} : query.allowed[tile];
  const uint32_t left = space.n_items - tile * kTileItems;
  if (left < kTileItems) word &= (uint64_t{1} << left) - 1;
  return word;
}

uint32_t CountAllowed(const ScanSpace& space, const TopKQuery& query) {
  if (query.allowed.empty()) return space.n_items;
  uint32_t count = 0;
  for (uint32_t tile = 0; tile < TileCount(space); ++tile) count += std::popcount(AllowedInTile(space, query, tile));
  return count;
}

std::span<const ScoredItem> FullScan(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query,
                                     size_t k, TopKScratch* scratch, TopKStats* stats) {
  BestK best(k, &scratch->results);
  Rescorer rescorer(kernels, space, query, &best);
  ExclusionCursor excluded(query.excluded);
  for (uint32_t tile = 0; tile < TileCount(space); ++tile) {
    for (uint64_t word = AllowedInTile(space, query, tile); word != 0; word &= word - 1) {
      const uint32_t item = tile * kTileItems + static_cast<uint32_t>(std::countr_zero(word));
      if (!excluded.Contains(item)) rescorer.Add(item);
    }
  }
  rescorer.Flush();
  stats->full_scan = true;
  stats->rescored = rescorer.scored();
  return best.Finish();
}

}  // namespace

bool ScansCodes(const ScanSpace& space, const TopKQuery& query) {
  const size_t k = std::min(query.k, space.n_items);
  const uint32_t admissible = CountAllowed(space, query);
  return admissible >= kTinyScan && admissible >= k * kItemsPerResult && admissible >= space.n_items / kItemsPerGather;
}

bool RanksBefore(const ScoredItem& a, const ScoredItem& b) {
  if (a.score > b.score) return true;
  if (a.score < b.score) return false;
  const bool a_is_nan = std::isnan(a.score), b_is_nan = std::isnan(b.score);
  if (a_is_nan != b_is_nan) return b_is_nan;
  return a.item < b.item;
}

void TopKScratch::Reserve(const ScanSpace& space) {
  const size_t padded_dim = RoundUp(space.dim, 4);
  if (query_codes.size() < padded_dim) query_codes = AlignedBuffer<int8_t>(padded_dim);
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
  const size_t k = std::min(query.k, space.n_items);
  if (k == 0 || !AllFinite(query.vector)) return {};
  scratch->Reserve(space);

  if (!ScansCodes(space, query)) return FullScan(kernels, space, query, k, scratch, stats);
  CertifiedSearch search(kernels, space, query, k, scratch);
  if (!search.possible()) return FullScan(kernels, space, query, k, scratch, stats);
  search.Scan(0, TileCount(space));
  return search.Finish(stats);
}

std::span<const ScoredItem> TopK(const ScanSpace& space, const TopKQuery& query, TopKScratch* scratch,
                                 TopKStats* stats) {
  return TopK(Kernels(), space, query, scratch, stats);
}

std::span<const ScoredItem> TopKOf(const ScanSpace& space, const TopKQuery& query, std::span<const uint32_t> candidates,
                                   TopKScratch* scratch) {
  assert(query.vector.size() == space.dim);
  const size_t k = std::min<size_t>(query.k, candidates.size());
  if (k == 0 || !AllFinite(query.vector)) return {};
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
