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
#include "core/engine/model.h"
#include "core/engine/recommend_options.h"
#include "core/engine/recommend_result.h"
#include "core/engine/subject_resolver.h"

namespace kindred {

class Recommender {
 public:
  // `model` must outlive this.
  explicit Recommender(const Model& model) : model_(model) {}

  // The best options.k items for `subject`, exactly so many wherever as many may come back. Unknown users and unknown
  // ids are answers, not errors. NOT_FOUND for an unknown space, INVALID_ARGUMENT for a filter on an attribute that the
  // model does not have. After warm-up nothing is allocated beyond the capacity that `result` and `scratch` already
  // have.
  absl::Status Recommend(const SubjectView& subject, const RecommendOptions& options, EngineScratch* scratch,
                         RecommendResult* result) const;

  // The same in two steps, for many subjects: what the request says into scratch->plan, then each subject's answer,
  // which is bit-equal to Recommend's. `shared` gets the ids and categories of the request that the model does not
  // have; its views and the options outlive the answers.
  absl::Status Plan(const RecommendOptions& options, EngineScratch* scratch, RecommendResult* shared) const;
  void Answer(const SubjectView& subject, const RecommendOptions& options, const RecommendResult& shared,
              EngineScratch* scratch, RecommendResult* result) const;

  // Answer of each of at most kBatchGroup subjects, bit by bit. Where vectors are scanned for, they go through the item
  // matrix together.
  void AnswerMany(std::span<const SubjectView> subjects, const RecommendOptions& options, const RecommendResult& shared,
                  EngineScratch* scratch, std::span<RecommendResult> results) const;

  // The k items nearest to `item_id` by cosine in a space, by S itself in one of neighbors, itself left out and those
  // that `available` does not have (a bitmap over items, a word for 64; empty: all). NOT_FOUND for an unknown item or
  // space.
  absl::Status SimilarItems(std::string_view item_id, std::string_view space, uint32_t k, EngineScratch* scratch,
                            RecommendResult* result, std::span<const uint64_t> available = {}) const;

  // The subject's vector in a space and where it came from (the same vector that Recommend ranks by; zeros on the
  // popularity rung), left in scratch->vector; in a traits space with the profile p in scratch->profile, in one of
  // sparse rows the weights of items in scratch->coefficients, of rows as RowsOf says.
  AnswerSource Resolve(const SubjectView& subject, const Space& space, EngineScratch* scratch,
                       std::vector<std::string_view>* missing_ids) const;

 private:
  void AddMissingEvents(const SubjectView& subject, AnswerSource source,
                        std::vector<std::string_view>* missing_ids) const;

  const Model& model_;
};

}  // namespace kindred
