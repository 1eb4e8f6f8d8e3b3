#include "core/topk/search_plan.h"

#include <algorithm>
#include <cmath>

#include "core/topk/error_bound.h"
#include "core/topk/item_mask.h"
#include "core/topk/quantizer.h"
#include "core/topk/scoring.h"

namespace kindred {
namespace {

// Where the full f32 scan takes over, measured with AVX-512 on Gaussian rows of 16 and 64 dims. Below this many items
// quantizing the query and collecting bounds costs more than it saves (1.6 µs either way at 192 items).
constexpr uint32_t kTinyScan = 192;
// When k exceeds this share of the items nearly all bounds are collected anyway (k = 2,500 of 20,000: 564 against 602
// µs, k = 5,000: 1,010 against 999).
constexpr uint32_t kItemsPerResult = 8;
// Fewer admissible items than this in a tile that has any, and gathering their f32 rows takes less than scanning those
// tiles (100,000 × 64, one item in 14: 101 against 92 µs, one in 20: 75 against 90).
constexpr uint32_t kScanItemsPerTile = 4;
// Codes up to this many bytes stay in a core's L2: reading both planes at once is then cheaper than testing in between
// (7,214 × 100: 15 against 21 µs a search).
constexpr size_t kCachedCodes = size_t{1} << 20;
// From one exclusion in this many tiles on, they are taken out of the bitmap before the scan: a walk beside the scan
// stops it at every excluded item with a high score, and seen items have high scores.
constexpr uint32_t kTilesPerExclusion = 64;

bool AllFinite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); });
}

void ExcludeByBitmap(uint32_t n_tiles, TopKScratch* scratch, TopKQuery* query) {
  if (query->allowed.empty()) {
    scratch->mask.assign(n_tiles, ~uint64_t{0});
  } else {
    scratch->mask.assign(query->allowed.begin(), query->allowed.begin() + n_tiles);
  }
  for (const uint32_t item : query->excluded) {
    if (item / kTileItems < n_tiles) scratch->mask[item / kTileItems] &= ~(uint64_t{1} << (item % kTileItems));
  }
  query->allowed = scratch->mask;
  query->excluded = {};
}

// Whether enough is admissible for the codes to be worth a scan.
bool ScansCodes(const ScanSpace& space, const TopKQuery& query, size_t k) {
  const uint64_t least = std::max<uint64_t>(kTinyScan, uint64_t{k} * kItemsPerResult);
  if (query.allowed.empty()) return space.n_items >= least;
  const uint64_t enough = std::max<uint64_t>(least, uint64_t{TileCount(space)} * kScanItemsPerTile);
  const AllowedCount count = CountAllowed(space, query.allowed, enough);
  return count.items >= least && count.items >= uint64_t{count.tiles} * kScanItemsPerTile;
}

}  // namespace

SearchPlan PlanSearch(const ScanSpace& space, const TopKQuery& query, TopKScratch* scratch) {
  SearchPlan plan;
  plan.k = std::min(query.k, space.n_items);
  plan.query = query;
  if (plan.k == 0 || !AllFinite(query.vector)) return plan;
  plan.way = SearchWay::kFullScan;
  const uint32_t n_tiles = TileCount(space);
  if (query.excluded.size() * kTilesPerExclusion >= n_tiles && !query.excluded.empty()) {
    ExcludeByBitmap(n_tiles, scratch, &plan.query);
  }
  if (!ScansCodes(space, plan.query, plan.k)) return plan;

  ScanInput& input = plan.input;
  input.d4 = (space.dim + 3) / 4;
  const std::span<int8_t> query_codes = scratch->query_codes.span().first(static_cast<size_t>(input.d4) * 4);
  const QuantizedQuery quantized = QuantizeQuery(query.vector, query_codes);
  if (!SetErrorBound(space, query.prior_weight, quantized, &input)) return plan;
  plan.way = SearchWay::kScan;
  input.codes = space.codes.data();
  input.scales = space.scales.data();
  input.bounds = space.bounds.data();
  input.prior = UsesPrior(space, query.prior_weight) ? space.prior.data() : nullptr;
  input.prior_weight = query.prior_weight;
  input.allowed = plan.query.allowed.empty() ? nullptr : plan.query.allowed.data();
  input.n_tiles = n_tiles;
  input.n_items = space.n_items;
  input.query = query_codes.data();
  input.coarse_first = space.codes.size() > kCachedCodes;
  return plan;
}

}  // namespace kindred
