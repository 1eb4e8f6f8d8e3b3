// Working memory of one thread that answers: grows to what it meets and then never allocates again. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/event_history.h"
#include "core/engine/fold_in.h"
#include "core/engine/sparse_space.h"
#include "core/solve/trait_projection.h"
#include "core/topk/topk_scan.h"

namespace kindred {

struct ContributionScratch {
  std::vector<ItemWeight> history;
  std::vector<double> whole, difference;  // [d]: vector of the whole history; less that without an item
  std::vector<float> values;              // [history × items of the answer]
  std::vector<ScoredItem> best;
};

struct EngineScratch {
  TopKScratch topk;
  FoldInScratch fold_in;
  TraitScratch traits;
  SparseScratch sparse;
  ContributionScratch contributions;
  std::vector<float> vector;             // of the subject; empty in a space of sparse rows
  std::vector<float> profile;            // of the subject in a traits space, p; else empty
  std::vector<ItemWeight> coefficients;  // of the subject in a space of sparse rows; else empty
  std::vector<float> trained, step;
  std::vector<EventView> steps;  // a history by ascending blend_step
  std::vector<double> worth, mean;
  std::vector<ItemWeight> history, merged;
  std::vector<TokenWeight> tokens;
  std::string token_key;
  std::vector<uint32_t> excluded, candidates;
};

}  // namespace kindred
