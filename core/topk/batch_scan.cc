#include "core/topk/batch_scan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>

#include "core/kernels/dispatch.h"
#include "core/topk/certified_search.h"

namespace kindred {
namespace {

// A quarter of the smallest L2 of today's servers, so that a block of codes stays there beside all else.
constexpr size_t kBlockBytes = size_t{128} << 10;

bool AllFinite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

void TopKBatch(const KernelTable& kernels, const ScanSpace& space, std::span<const TopKQuery> queries,
               BatchScanScratch* scratch, std::span<std::span<const ScoredItem>> results) {
  assert(queries.size() <= kBatchGroup && results.size() >= queries.size());
  std::optional<CertifiedSearch> searches[kBatchGroup];
  for (size_t i = 0; i < queries.size(); ++i) {
    const TopKQuery& query = queries[i];
    const size_t k = std::min(query.k, space.n_items);
    const bool scans = k > 0 && AllFinite(query.vector) && ScansCodes(space, query);
    if (scans) searches[i].emplace(kernels, space, query, k, &scratch->slots[i]);
    if (!scans || !searches[i]->possible()) {
      searches[i].reset();
      results[i] = TopK(kernels, space, query, &scratch->slots[i]);
    }
  }
  const uint32_t n_tiles = (space.n_items + kTileItems - 1) / kTileItems;
  const size_t tile_bytes = std::max<size_t>(1, space.codes.size() / std::max<uint32_t>(1, n_tiles));
  const auto block = static_cast<uint32_t>(std::max<size_t>(1, kBlockBytes / tile_bytes));
  for (uint32_t begin = 0; begin < n_tiles; begin += block) {
    const uint32_t end = std::min(n_tiles, begin + block);
    for (size_t i = 0; i < queries.size(); ++i) {
      if (searches[i]) searches[i]->Scan(begin, end);
    }
  }
  TopKStats unused;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (searches[i]) results[i] = searches[i]->Finish(&unused);
  }
}

void TopKBatch(const ScanSpace& space, std::span<const TopKQuery> queries, BatchScanScratch* scratch,
               std::span<std::span<const ScoredItem>> results) {
  TopKBatch(Kernels(), space, queries, scratch, results);
}

}  // namespace kindred
