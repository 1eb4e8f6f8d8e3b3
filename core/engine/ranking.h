// What scores the items of a catalogue for one subject: a vector against an item matrix, or a score for each item
// (spaces of sparse rows, blends of several spaces, popularity). Views into the model and a caller's scratch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/admission.h"
#include "core/topk/topk_scan.h"

namespace kindred {

struct Ranking {
  // One of the three.
  const ScanSpace* scan = nullptr;    // score = that of ScanSpace for `vector` and `prior_weight`
  std::span<const float> scores{};    // [n_items]
  std::span<const uint32_t> order{};  // [n_items], with `scores` falling along it, equal ones by index
  std::span<const float> vector{};    // of `scan`: [dim]
  float prior_weight = 0;             // of `scan`
};

struct RankingScratch {
  TopKScratch topk;
  std::vector<ScoredItem> results;
};

// The best k admissible items: score descending, item index ascending among equals; fewer only when there are fewer.
// Lives in `scratch` until its next use. O(n_items); with `order` O(k + what is passed over).
std::span<const ScoredItem> Top(const Ranking& ranking, uint32_t k, const Admission& admission,
                                RankingScratch* scratch);

}  // namespace kindred
