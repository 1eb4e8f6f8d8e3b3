// The engine: subject → vector → masked top-K → explanation, over one model generation. Pure: no I/O, no locks, no
// clock. Recommender is immutable and thread-safe; EngineScratch belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/engine/engine_scratch.h"
#include "core/engine/item_filter.h"
#include "core/engine/model.h"
#include "core/engine/subject_resolver.h"

namespace kindred {

// Added to the score of each item of a category or of a list.
struct BoostOption {
  std::string_view category;                   // empty: item_ids
  std::span<const std::string_view> item_ids;  // ids that the catalogue does not have are missing ones
  float amount = 0;                            // finite
};

// A space and its weight in a blend that the request asks for.
struct BlendOption {
  std::string_view space;
  double weight = 0;  // ≥ 0, finite
};

struct RecommendOptions {
  std::string_view space;  // "" = the default space
  uint32_t k = 10;
  uint32_t offset = 0;  // items of the list that are passed over: pages
  bool include_seen = false;
  bool explain = false;
  std::span<const std::string_view> exclude_item_ids;
  std::span<const std::string_view> candidate_item_ids;  // empty = the whole catalogue; else only these
  const ItemFilter* filter = nullptr;                    // only items that meet it
  std::span<const uint64_t> available;                   // bitmap over items, a word for 64; empty: all are
  std::optional<float> min_score;
  uint32_t max_per_category = 0;     // 0: any number
  std::string_view category_prefix;  // which categories max_per_category counts
  std::optional<double> diversity;   // λ of maximal marginal relevance, 0 to 1
  std::span<const BoostOption> boosts;
  std::span<const BlendOption> blend;  // not empty: ranks by these spaces together, in place of `space`
};

// A part of a score. In a space of an item matrix: of one dimension, weight·value. In a space of sparse rows: of one
// item of the subject's history, `trait` being its index. Terms and the prior add up to the score.
struct ScoreTerm {
  uint32_t trait = 0;
  float value = 0;
};

struct RecommendResult {
  AnswerSource source = AnswerSource::kPopularity;
  const Space* space = nullptr;
  std::vector<ScoredItem> items;
  std::vector<std::string_view> missing_ids;  // ids of the request that the catalogue does not have, each once
  // Of the explanation, when asked for: items.size() × dim terms, row-major, and each item's prior term.
  std::vector<float> terms;        // [items × dim]; empty in a space of sparse rows
  std::vector<float> prior_terms;  // [items]
  // In a space of sparse rows: those of item i are history_terms[history_begin[i] … history_begin[i + 1]).
  std::vector<ScoreTerm> history_terms;
  std::vector<uint32_t> history_begin;  // [items + 1], or empty
};

class Recommender {
 public:
  // `model` must outlive this.
  explicit Recommender(const Model& model) : model_(model) {}

  // The best options.k items for `subject`. Unknown users and unknown ids are answers, not errors. NOT_FOUND for an
  // unknown space. After warm-up nothing is allocated beyond the capacity that `result` and `scratch` already have.
  absl::Status Recommend(const SubjectView& subject, const RecommendOptions& options, EngineScratch* scratch,
                         RecommendResult* result) const;

  // The k items nearest to `item_id` by cosine in a space, by S itself in one of neighbors, itself left out. NOT_FOUND
  // for an unknown item or space.
  absl::Status SimilarItems(std::string_view item_id, std::string_view space, uint32_t k, EngineScratch* scratch,
                            RecommendResult* result) const;

  // The subject's vector in a space and where it came from (the same vector that Recommend ranks by; zeros on the
  // popularity rung), left in scratch->vector; in a traits space with the profile p in scratch->profile, in one of
  // sparse rows the weights of items in scratch->coefficients.
  AnswerSource Resolve(const SubjectView& subject, const Space& space, EngineScratch* scratch,
                       std::vector<std::string_view>* missing_ids) const;

 private:
  const Model& model_;
};

}  // namespace kindred
