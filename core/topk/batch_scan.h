// Many exact searches over one space: the codes of a block of tiles are read from memory once and looked at by every
// query of a group while a cache holds them. Each answer is bit-equal to TopK's. Works in a caller's scratch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/topk/topk_scan.h"

namespace kindred {

// Queries that go through the codes side by side.
inline constexpr size_t kBatchGroup = 16;

// Per-thread working memory; grows to what it meets and then never allocates again: a slot to what its queries let
// through. Not thread-safe.
struct BatchScanScratch {
  TopKScratch slots[kBatchGroup];
};

// results[i] = TopK(space, queries[i]); each span lives in `scratch` until its next use. At most kBatchGroup queries.
// O(queries · n_items · dim / 64) byte operations, of which the codes are read once.
void TopKBatch(const ScanSpace& space, std::span<const TopKQuery> queries, BatchScanScratch* scratch,
               std::span<std::span<const ScoredItem>> results);

// The same by the given kernels: how tests meet each ISA in one process.
void TopKBatch(const KernelTable& kernels, const ScanSpace& space, std::span<const TopKQuery> queries,
               BatchScanScratch* scratch, std::span<std::span<const ScoredItem>> results);

}  // namespace kindred
