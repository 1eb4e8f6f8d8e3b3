// Working memory of one thread that answers: grows to what it meets and then never allocates again. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/admission.h"
#include "core/engine/event_history.h"
#include "core/engine/fold_in.h"
#include "core/engine/list_builder.h"
#include "core/engine/ranking.h"
#include "core/engine/recommend_result.h"
#include "core/engine/request_plan.h"
#include "core/engine/sparse_space.h"
#include "core/engine/subject.h"
#include "core/solve/trait_projection.h"
#include "core/topk/batch_scan.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// What a part of a request's blend was resolved to.
struct BlendPartVector {
  AnswerSource source = AnswerSource::kPopularity;
  bool speaks = false;                   // whether it takes part in the ranking
  std::vector<float> unit;               // [d], length one; empty in a space of sparse rows
  std::vector<ItemWeight> coefficients;  // of a space of sparse rows
};

struct ContributionScratch {
  std::vector<ItemWeight> history;
  std::vector<double> whole, difference;  // [d]: vector of the whole history; less that without an item
  std::vector<float> values;              // [history × items of the answer]
  std::vector<ScoredItem> best;
  // Of a blend: items of the history, ascending, and what each counts in all parts, [considered × items].
  std::vector<uint32_t> considered;
  std::vector<double> sums;
};

struct EngineScratch {
  RequestPlan plan;
  RecommendResult shared;  // of Recommender::Recommend
  AdmissionScratch admission;
  RankingScratch ranking;
  ListScratch list;
  TopKScratch topk;
  TopKBatchScratch batch;
  std::vector<float> batch_vectors[kBatchGroup];
  std::vector<uint32_t> batch_excluded[kBatchGroup];
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
  std::vector<uint32_t> excluded;
  std::vector<uint32_t> id_slots;  // of KeepFirstOfEach
  std::vector<BlendPartVector> blend;
  std::vector<float> scores;  // [n_items], where a score for each item is what ranks
  std::vector<double> sums;   // [n_items], of a blend
};

}  // namespace kindred
