// Certified exact top-K of many queries over one space. Each answer is bit for bit that of TopK; the codes are read
// from memory once for several queries instead of once for each: the scan goes through the catalogue in blocks that
// stay in a core's L2 cache, and takes every query of a group over a block before it goes on to the next.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/kernels/kernels.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Queries that walk through the codes together. More share the cost of reading the codes among more, but keep more
// codes, candidates and bitmaps in the cache beside a block.
inline constexpr size_t kBatchGroup = 16;

// Per-thread working memory. Grows to what the batches it meets need (at most four times the candidates that a query
// has at once) and then never allocates again. Not thread-safe.
class TopKBatchScratch {
 public:
  // The implementation's buffers.
  struct Answer {
    size_t begin, size;  // in `items`
  };
  std::vector<TopKScratch> slots;  // one a query of a group
  std::vector<Answer> ranges;      // one a query of the batch
  std::vector<ScoredItem> items;   // the answers, one after the other
  std::vector<std::span<const ScoredItem>> answers;
};

// The best admissible items of each query, as TopK gives them, in the order of the queries. Each query has its own
// vector, k, prior weight, bitmap and exclusions; a query that TopK would answer by a full f32 scan (few admissible
// items, k large, a tiny catalogue) is answered so here too. The spans live in `scratch` until its next use.
// O(queries · n_items · dim/64) byte operations, ⌈queries / kBatchGroup⌉ readings of the codes.
// REQUIRES: every query as TopK requires it; `stats` empty or one a query.
std::span<const std::span<const ScoredItem>> TopKBatch(const ScanSpace& space, std::span<const TopKQuery> queries,
                                                       TopKBatchScratch* scratch, std::span<TopKStats> stats = {});

// The same by the given kernels instead of Kernels().
std::span<const std::span<const ScoredItem>> TopKBatch(const KernelTable& kernels, const ScanSpace& space,
                                                       std::span<const TopKQuery> queries, TopKBatchScratch* scratch,
                                                       std::span<TopKStats> stats = {});

}  // namespace kindred
