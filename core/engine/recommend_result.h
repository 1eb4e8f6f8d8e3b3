// What the engine answers: ranked items, why they rank, and what of the request the model does not have. Views into the
// model and the request.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/engine/model.h"
#include "core/engine/subject.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// A part of a score in a space of sparse rows: of one item of the subject's history, `trait` being its index.
struct ScoreTerm {
  uint32_t trait = 0;
  float value = 0;
};

// What an item of the history counts for a score (contributions.h).
struct Contribution {
  uint32_t item = 0;  // of the history
  float value = 0;
};

struct ContributionResult {
  // Of the i-th item of the answer: contributions[begin[i] … begin[i + 1]), largest first, then by item.
  std::vector<Contribution> contributions;
  std::vector<uint32_t> begin;  // [items + 1]
};

struct RecommendResult {
  AnswerSource source = AnswerSource::kPopularity;
  const Space* space = nullptr;  // of a blend that the request asked for: its first
  std::vector<ScoredItem> items;
  bool more = false;                                 // whether the list goes on behind `items`
  std::vector<std::string_view> missing_ids;         // of the request, not in the catalogue; each once, as they came
  std::vector<std::string_view> missing_categories;  // likewise, ascending
  // Of a blend that the request asked for: its spaces, those apart that the model does not have.
  std::vector<std::string_view> blended_spaces;
  bool spaces_missing = false;
  // Of the explanation, when asked for.
  std::vector<const Space*> parts;  // the space, of a blend that the request asked for its spaces; P of them
  // [items × dimensions]: of a blend the dimensions of its spaces with an item matrix, one space after another; none in
  // a space of sparse rows.
  std::vector<float> terms;
  std::vector<float> prior_terms;  // [items]
  // Of spaces of sparse rows: of item i in part p, history_terms[history_begin[n] … history_begin[n + 1]), n = i·P + p.
  std::vector<ScoreTerm> history_terms;
  std::vector<uint32_t> history_begin;  // [items · P + 1], or empty
  std::vector<float> blend_terms;       // of a blend: [items × P], each the sum of the part's terms
  std::vector<float> boost_terms;       // [items], what boosts added; empty without boosts
  ContributionResult contributions;
};

}  // namespace kindred
