#include "core/topk/topk_scan.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

#include "core/kernels/dispatch.h"
#include "core/topk/best_k.h"
#include "core/topk/error_bound.h"
#include "core/topk/lower_bounds.h"
#include "core/topk/quantizer.h"

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
// Codes up to this many bytes stay in a core's L2: reading both planes at once is then cheaper than testing in between
// (7,214 × 100: 15 against 21 µs a search).
constexpr size_t kCachedCodes = size_t{1} << 20;

uint32_t TileCount(const ScanSpace& space) { return (space.n_items + kTileItems - 1) / kTileItems; }

bool AllFinite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); });
}

bool UsesPrior(const ScanSpace& space, float prior_weight) { return !space.prior.empty() && prior_weight != 0; }

// The score of an item from its inner product with the query.
float FinishScore(const ScanSpace& space, float prior_weight, uint32_t item, float dot) {
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

std::span<const ScoredItem> CertifiedScan(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query,
                                          const ScanInput& input, size_t k, TopKScratch* scratch, TopKStats* stats) {
  std::vector<TopKScratch::Candidate>& candidates = scratch->candidates;
  candidates.clear();
  LowerBounds lower_bounds(k, &scratch->lower_bounds);
  ExclusionCursor excluded(query.excluded);
  TileHits hits;
  for (uint32_t tile = 0; tile < input.n_tiles; ++tile) {
    tile = kernels.scan_until_hit(input, tile, lower_bounds.threshold(), &hits);
    if (tile == input.n_tiles) break;
    ++stats->tile_hits;
    const float* bounds = input.bounds + static_cast<size_t>(tile) * kTileBlocks * 2;
    for (uint64_t mask = hits.mask; mask != 0; mask &= mask - 1) {
      const uint32_t lane = static_cast<uint32_t>(std::countr_zero(mask));
      const float* bound = bounds + lane / kBlockItems * 2;
      const float width = input.residual_weight * bound[0] + input.code_weight * bound[1] + input.slack;
      const float upper = hits.approx[lane] + width;
      if (upper < lower_bounds.threshold()) continue;
      const uint32_t item = tile * kTileItems + lane;
      if (excluded.Contains(item)) continue;
      candidates.push_back({item, upper});
      lower_bounds.Add(hits.approx[lane] - width);
    }
  }

  lower_bounds.Settle();
  BestK best(k, &scratch->results);
  Rescorer rescorer(kernels, space, query, &best);
  for (const TopKScratch::Candidate& candidate : candidates) {
    if (candidate.upper >= lower_bounds.threshold()) rescorer.Add(candidate.item);
  }
  rescorer.Flush();
  stats->rescored = rescorer.scored();
  return best.Finish();
}

}  // namespace

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

  const uint32_t admissible = CountAllowed(space, query);
  const bool scan_codes =
      admissible >= kTinyScan && admissible >= k * kItemsPerResult && admissible >= space.n_items / kItemsPerGather;
  if (!scan_codes) return FullScan(kernels, space, query, k, scratch, stats);

  ScanInput input;
  input.d4 = (space.dim + 3) / 4;
  const std::span<int8_t> query_codes = scratch->query_codes.span().first(static_cast<size_t>(input.d4) * 4);
  const QuantizedQuery quantized = QuantizeQuery(query.vector, query_codes);
  if (!SetErrorBound(space, query.prior_weight, quantized, &input)) {
    return FullScan(kernels, space, query, k, scratch, stats);
  }
  input.codes = space.codes.data();
  input.scales = space.scales.data();
  input.bounds = space.bounds.data();
  input.prior = UsesPrior(space, query.prior_weight) ? space.prior.data() : nullptr;
  input.prior_weight = query.prior_weight;
  input.allowed = query.allowed.empty() ? nullptr : query.allowed.data();
  input.n_tiles = TileCount(space);
  input.n_items = space.n_items;
  input.query = query_codes.data();
  input.coarse_first = space.codes.size() > kCachedCodes;
  return CertifiedScan(kernels, space, query, input, k, scratch, stats);
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
