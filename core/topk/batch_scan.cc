#include "core/topk/batch_scan.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

#include "core/kernels/dispatch.h"
#include "core/topk/certified_search.h"
#include "core/topk/item_mask.h"
#include "core/topk/search_plan.h"

namespace kindred {
namespace {

// Codes, scales and bounds of a block. Half of the smallest L2 of the machines we know (512 KiB); the rest is for the
// second plane, candidates and bitmaps.
constexpr size_t kBlockBytes = size_t{256} << 10;

uint32_t TilesPerBlock(const ScanSpace& space) {
  const size_t planes = space.codes.size() / std::max<uint32_t>(TileCount(space), 1);
  const size_t floats = kTileItems * (space.prior.empty() ? 1 : 2) + kTileBlocks * 2;
  return static_cast<uint32_t>(std::max<size_t>(kBlockBytes / (planes / 2 + floats * sizeof(float)), 1));
}

// The queries that walk together.
class Group {
 public:
  Group(const KernelTable& kernels, const ScanSpace& space, TopKBatchScratch* scratch)
      : kernels_(kernels), space_(space), scratch_(*scratch), tiles_per_block_(TilesPerBlock(space)) {}

  // Takes in query number `index`, or answers it at once if its codes need no scan.
  void Add(size_t index, const TopKQuery& query, TopKStats* stats) {
    TopKScratch& slot = scratch_.slots[count_];
    slot.ReserveQuery(space_);
    const SearchPlan plan = PlanSearch(space_, query, &slot);
    if (plan.way == SearchWay::kNone) {
      Keep(index, {});
    } else if (plan.way == SearchWay::kFullScan) {
      Keep(index, FullScan(kernels_, space_, plan, &slot, stats));
    } else {
      searches_[count_].emplace(kernels_, space_, plan, &slot, stats);
      indices_[count_++] = index;
      if (count_ == kBatchGroup) Walk();
    }
  }

  // Answers the queries that were taken in.
  void Walk() {
    const uint32_t n_tiles = TileCount(space_);
    for (uint32_t tile = 0; tile < n_tiles; tile += tiles_per_block_) {
      const uint32_t end = std::min(tile + tiles_per_block_, n_tiles);
      for (size_t i = 0; i < count_; ++i) searches_[i]->Scan(tile, end);
    }
    for (size_t i = 0; i < count_; ++i) Keep(indices_[i], searches_[i]->Finish());
    count_ = 0;
  }

 private:
  void Keep(size_t index, std::span<const ScoredItem> answer) {
    scratch_.ranges[index] = {scratch_.items.size(), answer.size()};
    scratch_.items.insert(scratch_.items.end(), answer.begin(), answer.end());
  }

  const KernelTable& kernels_;
  const ScanSpace& space_;
  TopKBatchScratch& scratch_;
  const uint32_t tiles_per_block_;
  std::array<std::optional<CertifiedSearch>, kBatchGroup> searches_;
  std::array<size_t, kBatchGroup> indices_ = {};
  size_t count_ = 0;
};

}  // namespace

std::span<const std::span<const ScoredItem>> TopKBatch(const KernelTable& kernels, const ScanSpace& space,
                                                       std::span<const TopKQuery> queries, TopKBatchScratch* scratch,
                                                       std::span<TopKStats> stats) {
  assert(stats.empty() || stats.size() == queries.size());
  if (scratch->slots.empty()) scratch->slots.resize(kBatchGroup);
  scratch->items.clear();
  scratch->ranges.assign(queries.size(), {});
  std::array<TopKStats, kBatchGroup> unused;
  Group group(kernels, space, scratch);
  for (size_t i = 0; i < queries.size(); ++i) {
    assert(queries[i].vector.size() == space.dim);
    assert(queries[i].allowed.empty() || queries[i].allowed.size() >= TileCount(space));
    TopKStats* counts = stats.empty() ? &unused[i % kBatchGroup] : &stats[i];
    *counts = TopKStats();
    group.Add(i, queries[i], counts);
  }
  group.Walk();

  scratch->answers.resize(queries.size());
  for (size_t i = 0; i < queries.size(); ++i) {
    const TopKBatchScratch::Answer range = scratch->ranges[i];
    scratch->answers[i] = std::span(scratch->items).subspan(range.begin, range.size);
  }
  return scratch->answers;
}

std::span<const std::span<const ScoredItem>> TopKBatch(const ScanSpace& space, std::span<const TopKQuery> queries,
                                                       TopKBatchScratch* scratch, std::span<TopKStats> stats) {
  return TopKBatch(Kernels(), space, queries, scratch, stats);
}

}  // namespace kindred
