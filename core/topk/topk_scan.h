// Certified exact top-K (architecture §4): a quantized scan keeps every item whose upper bound reaches the k-th best
// lower bound, and only those are scored in f32. The answer equals a full f32 scan, item for item: score descending,
// item index ascending among equals. Scores are bit-equal on every ISA.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/aligned_buffer.h"
#include "core/kernels/kernels.h"

namespace kindred {

struct ScoredItem {
  uint32_t item = 0;
  float score = 0;
  friend bool operator==(const ScoredItem&, const ScoredItem&) = default;
};

// The total order of every list: higher score first, then lower index. NaN sorts last.
bool RanksBefore(const ScoredItem& a, const ScoredItem& b);

// An item matrix as the scan meets it. Views; immutable, thread-safe.
//   score(i) = dot(query, x_i)·multiplier(i) + prior_weight·prior[i], rounded to f32 after each operation; without
// multipliers, without a prior or at prior_weight 0 that operation is left out.
// Codes, scales and bounds are those of multiplier·x: QuantizedItems::scales and ::bounds without multipliers, its
// cosine_scales and cosine_bounds with its inverse_norms as multipliers.
struct ScanSpace {
  std::span<const float> items;        // [n_items × dim]
  std::span<const float> multipliers;  // [n_items] (1/‖x‖ for cosine) or empty (1)
  std::span<const uint8_t> codes;      // as QuantizedItems
  std::span<const float> scales;
  std::span<const float> bounds;
  std::span<const float> prior;  // [n_tiles·64] zero padded, or empty
  float prior_max_abs = 0;       // max |prior|
  float max_norm = 0;  // at least max ‖x·multiplier‖, for the overflow guard; 0 = unknown: always full scan
  uint32_t n_items = 0, dim = 0;
};

// What a search cost and how it was done.
struct TopKStats {
  uint32_t rescored = 0;   // items scored in f32
  uint32_t tile_hits = 0;  // tiles of 64 the quantized pass stopped at
  bool full_scan = false;  // true when the quantized pass was not used (k large, tiny catalogue, extreme norms)
};

// Per-thread working memory; grows to the largest space it meets and then never allocates again. Not thread-safe.
class TopKScratch {
 public:
  // Makes room for a space, so that searches in it do not allocate.
  void Reserve(const ScanSpace& space);
  // Makes room for the codes of a query only; the rest grows as searches need it.
  void ReserveQuery(const ScanSpace& space);
  // The implementation's buffers.
  struct Candidate {
    uint32_t item;
    float upper;
  };
  AlignedBuffer<int8_t> query_codes;
  std::vector<uint64_t> mask;         // the bitmap without the excluded items [n_tiles]
  std::vector<Candidate> candidates;  // capacity n_items; pages are touched only as far as a search needs them
  std::vector<float> lower_bounds;    // of the candidates, the best k and up to as many more
  std::vector<ScoredItem> results;
};

struct TopKQuery {
  std::span<const float> vector;       // [dim], finite
  float prior_weight = 0;              // β
  uint32_t k = 0;                      // at most n_items are returned
  std::span<const uint64_t> allowed;   // bitmap over items [n_tiles words]; bits past n_items are ignored; empty = all
  std::span<const uint32_t> excluded;  // ascending item indices never returned (a user's seen items)
};

// The best k admissible items, in order; fewer only when fewer are admissible. The span lives in `scratch` until its
// next use. A query with a non-finite element gives an empty list. O(n_items·dim/64) byte operations.
// REQUIRES: query.vector has space.dim elements; query.allowed, unless empty, a word for every 64 items.
std::span<const ScoredItem> TopK(const ScanSpace& space, const TopKQuery& query, TopKScratch* scratch,
                                 TopKStats* stats = nullptr);

// The same by the given kernels instead of Kernels(): how tests and benchmarks meet each ISA in one process.
std::span<const ScoredItem> TopK(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query,
                                 TopKScratch* scratch, TopKStats* stats = nullptr);

// The same over `candidates` (ascending, distinct, below n_items) only: gathers and scores each in f32.
std::span<const ScoredItem> TopKOf(const ScanSpace& space, const TopKQuery& query, std::span<const uint32_t> candidates,
                                   TopKScratch* scratch);

// One item's score, exactly as TopK would report it.
float ScoreItem(const ScanSpace& space, std::span<const float> query, float prior_weight, uint32_t item);

}  // namespace kindred
